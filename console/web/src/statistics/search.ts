/** What the address of the page says: what is shown, of when, and how. Pure. What is absent is the default. */
import { type ComparisonName, comparisonNames, defaultRange, type RangeName, rangeNames } from './range.ts'

export const tabs = ['metrics', 'dashboards', 'alerts', 'reports', 'product'] as const
export type Tab = (typeof tabs)[number]

export const aggregates = ['sum', 'rate', 'average', 'min', 'max', 'p50', 'p90', 'p95', 'p99'] as const
export type Aggregate = (typeof aggregates)[number]

export const views = ['line', 'bar', 'number', 'table'] as const
export type View = (typeof views)[number]

export const parts = {
  alerts: ['rules', 'history', 'silences', 'webhooks', 'deliveries'],
  reports: ['made', 'schedules'],
  product: ['schemas', 'funnel', 'retention'],
} as const

export interface StatisticsSearch {
  tab?: Tab
  /** Of the tab, where it has parts. */
  part?: string
  metric?: string
  by?: string[]
  filter?: string
  agg?: Aggregate
  /** 0 for all; absent for six. */
  top?: number
  span?: RangeName
  /** Epoch ms; both or none. */
  from?: number
  to?: number
  /** s */
  step?: number
  compare?: ComparisonName
  view?: View
  /** Still: what is shown stays as it is. */
  live?: false
  /** The dashboard, rule or report that is open; `new` for one that is to be. */
  id?: string
  edit?: true
  /** Values chosen for the variables of a dashboard. */
  vars?: Record<string, string>
  /** The steps of a funnel, or what counts as coming back. */
  events?: string[]
  /** Hours that a funnel may take. */
  within?: number
  period?: 'week'
}

export type SearchChange = { [K in keyof StatisticsSearch]?: StatisticsSearch[K] | undefined }

/** @returns what of a URL's search is understood; the rest is dropped. */
export function statisticsSearch(given: Record<string, unknown>): StatisticsSearch {
  const tab = one(tabs, given.tab)
  const part = tab && tab in parts ? one(parts[tab as keyof typeof parts] as readonly string[], given.part) : undefined
  const by = texts(given.by, 4, 64)
  const events = texts(given.events, 10, 63)
  const agg = one(aggregates, given.agg)
  const span = one(rangeNames, given.span)
  const compare = one(comparisonNames, given.compare)
  const view = one(views, given.view)
  const from = whole(given.from, 0)
  const to = whole(given.to, 0)
  const metric = text(given.metric, 128)
  const filter = text(given.filter, 1000)
  const id = text(given.id, 64)
  const top = whole(given.top, 0, 200)
  const step = whole(given.step, 1, 31_622_400)
  const within = whole(given.within, 1, 720)
  const vars = chosen(given.vars)
  return {
    ...(tab && tab !== 'metrics' && { tab }),
    ...(part && { part }),
    ...(metric && { metric }),
    ...(by.length > 0 && { by }),
    ...(filter && { filter }),
    ...(agg && { agg }),
    ...(top !== undefined && { top }),
    ...(span && span !== defaultRange && { span }),
    ...(from !== undefined && to !== undefined && to > from && { from, to }),
    ...(step !== undefined && { step }),
    ...(compare && { compare }),
    ...(view && view !== 'line' && { view }),
    ...(given.live === false && { live: false }),
    ...(id && { id }),
    ...(given.edit === true && { edit: true }),
    ...(vars && { vars }),
    ...(events.length > 0 && { events }),
    ...(within !== undefined && { within }),
    ...(given.period === 'week' && { period: 'week' }),
  }
}

/** @returns whether what is being made or changed is still shown there: a span, a zoom or a choice leads nowhere else. */
export const staysIn = ({ pathname, search }: { pathname: string; search: StatisticsSearch }, id: string) =>
  pathname === '/statistics' && search.id === id && (search.edit === true || id === 'new')

const one = <T extends string>(known: readonly T[], given: unknown): T | undefined => known.find(each => each === given)

const text = (given: unknown, most: number): string =>
  typeof given === 'string' || typeof given === 'number' ? String(given).slice(0, most) : ''

const texts = (given: unknown, count: number, most: number): string[] =>
  Array.isArray(given) ? [...new Set(given.map(each => text(each, most)).filter(Boolean))].slice(0, count) : []

const whole = (given: unknown, least: number, most = Number.MAX_SAFE_INTEGER): number | undefined =>
  typeof given === 'number' && Number.isInteger(given) && given >= least && given <= most ? given : undefined

function chosen(given: unknown): Record<string, string> | undefined {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return undefined
  const entries = Object.entries(given).flatMap(([name, value]): [string, string][] =>
    /^[a-z][a-z0-9_]{0,31}$/.test(name) && text(value, 256) ? [[name, text(value, 256)]] : [],
  )
  return entries.length > 0 ? Object.fromEntries(entries.slice(0, 5)) : undefined
}
