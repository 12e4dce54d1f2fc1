/** What the addresses of these pages say: which services are shown, in which order, and what is open. Pure. */
import type { Range } from '../signals/use-signals.ts'

export const shows = ['attention', 'drained'] as const
export const orders = ['name', 'state', 'rate', 'errors', 'p95'] as const
export const instanceTabs = ['state', 'journal', 'logs', 'settings'] as const

export type Order = (typeof orders)[number]
export type InstanceTab = (typeof instanceTabs)[number]

/** What is absent is the default: everything, by name, opened as far as it is short. */
export interface ServicesSearch extends DrawerSearch {
  search?: string
  show?: (typeof shows)[number]
  order?: Order
  desc?: true
  /** Names of the services whose instances are shown. */
  open?: string[]
}

/** An instance in a drawer over the page. */
export interface DrawerSearch {
  instance?: string
  tab?: InstanceTab
}

/** Longer than what is told live: from what is kept. */
export const longRanges = ['24h', '7d', '30d'] as const
export type LongRange = (typeof longRanges)[number]

export interface ServiceSearch extends DrawerSearch {
  range?: Range | LongRange
}

/** @returns what of a URL's search is understood; the rest is dropped. */
export function servicesSearch(given: Record<string, unknown>): ServicesSearch {
  const { search, show, order, desc, open } = given
  const words = textOf(search)
  const known = { show: shows.find(name => name === show), order: orders.find(name => name === order) }
  return {
    ...(words && { search: words }),
    ...(known.show && { show: known.show }),
    ...(known.order && known.order !== 'name' && { order: known.order }),
    ...(desc === true && { desc }),
    ...(Array.isArray(open) && { open: open.filter(name => typeof name === 'string') }),
    ...drawerSearch(given),
  }
}

export function serviceSearch(given: Record<string, unknown>): ServiceSearch {
  const range = (['1h', ...longRanges] as const).find(name => name === given.range)
  return { ...(range && { range }), ...drawerSearch(given) }
}

export function drawerSearch({ instance, tab }: Record<string, unknown>): DrawerSearch {
  const name = textOf(instance)
  const known = instanceTabs.find(each => each === tab)
  return { ...(name && { instance: name }), ...(known && known !== 'state' && { tab: known }) }
}

const textOf = (given: unknown) =>
  typeof given === 'string' || typeof given === 'number' ? String(given).slice(0, 100) : ''
