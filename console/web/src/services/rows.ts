/** The rows of the table of services: filtered, sorted, opened. Pure. */
import type { InstanceView, ServiceView } from '../mesh/services.ts'
import type { StateName } from '../mesh/state.ts'
import { type Figures, figuresOf, type Signals } from '../signals/signals.ts'
import type { Order, ServicesSearch } from './search.ts'

export type Row =
  | { kind: 'service'; key: string; service: ServiceView; figures: Figures | undefined; opened: boolean; shown: number }
  | { kind: 'instance'; key: string; instance: InstanceView; figures: Figures | undefined }

export interface RowsInput {
  services: readonly ServiceView[]
  /** By service, and by service and instance. */
  signals: Signals | undefined
  instanceSignals: Signals | undefined
  search: Pick<ServicesSearch, 'search' | 'show' | 'order' | 'desc' | 'open'>
}

/** With more instances than this, services are closed at first. */
const openUpTo = 40

/** @returns the services to open when the address names none. */
export function openAtFirst(services: readonly ServiceView[]): string[] {
  const all = services.reduce((sum, { instances }) => sum + instances.length, 0)
  return services.filter(({ ill }) => all <= openUpTo || ill.length > 0).map(({ name }) => name)
}

export function rowsOf({ services, signals, instanceSignals, search }: RowsInput): Row[] {
  const { search: words = '', show, order = 'name', desc = false, open } = search
  const opened = new Set(open ?? openAtFirst(services))
  const filtering = words !== '' || show !== undefined
  const compare = comparing(order, desc)
  const found = services.flatMap(service => {
    const named = matches(words, service.name, ...service.versions)
    const members = service.instances
      .filter(each => (named || matches(words, ...textsOf(each))) && isShown(each, show))
      .map(instance => {
        const key = `${service.name} ${instance.name}`
        return { instance, figures: instanceSignals && figuresOf(instanceSignals, key), name: instance.name }
      })
    const itself = named && (show === undefined || (show === 'attention' && service.instances.length === 0))
    if (members.length === 0 && !itself) return []
    const figures = signals && figuresOf(signals, service.name)
    return [{ service, figures, name: service.name, members: members.sort(compare) }]
  })
  return found.sort(compare).flatMap(({ service, figures, members }): Row[] => {
    // What a filter has found is to be seen.
    const isOpen = (filtering && members.length <= openUpTo) || opened.has(service.name)
    const row: Row = {
      kind: 'service',
      key: service.name,
      service,
      figures,
      opened: isOpen && members.length > 0,
      shown: members.length,
    }
    if (!isOpen) return [row]
    return [
      row,
      ...members.map(({ instance, figures }): Row => {
        const key = `${service.name}/${instance.name}`
        return { kind: 'instance', key, instance, figures }
      }),
    ]
  })
}

const matches = (words: string, ...texts: readonly string[]) =>
  words
    .toLowerCase()
    .split(/\s+/)
    .every(word => texts.some(text => text.toLowerCase().includes(word)))

const textsOf = ({ name, instance: { service, version, address, zone }, state }: InstanceView) => [
  name,
  service,
  version,
  address,
  zone,
  state.name,
]

function isShown({ state, agreed }: InstanceView, show: ServicesSearch['show']): boolean {
  if (show === 'drained') return state.name === 'draining'
  if (show === 'attention') return ['failing', 'degraded', 'unknown'].includes(state.name) || !agreed
  return true
}

const badness: Record<StateName, number> = { failing: 5, degraded: 4, unknown: 3, starting: 2, draining: 1, healthy: 0 }
const byName = new Intl.Collator('en', { numeric: true }).compare

interface Sortable {
  name: string
  figures: Figures | undefined
  service?: ServiceView
  instance?: InstanceView
}

/** States and figures begin with the worst and the most; equals are by name. */
function comparing(order: Order, desc: boolean) {
  const value = ({ service, instance, figures }: Sortable): number => {
    if (order === 'state') return badness[(service ?? instance)?.state.name ?? 'unknown']
    if (order === 'name') return 0
    return figures?.[order] ?? -1
  }
  const sign = desc ? -1 : 1
  return (a: Sortable, b: Sortable) =>
    order === 'name' ? sign * byName(a.name, b.name) : sign * (value(b) - value(a)) || byName(a.name, b.name)
}
