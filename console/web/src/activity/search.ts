/** What of the journal is shown: it lives in the URL, and becomes an AIP-160 filter. Pure. */

export const ranges = ['15m', '1h', '6h', '24h', '7d', '30d'] as const
export type Range = (typeof ranges)[number]

export const rangeMs: Record<Range, number> = {
  '15m': 15 * 60_000,
  '1h': 60 * 60_000,
  '6h': 6 * 60 * 60_000,
  '24h': 24 * 60 * 60_000,
  '7d': 7 * 24 * 60 * 60_000,
  '30d': 30 * 24 * 60 * 60_000,
}

/** Kinds of things that change, as subjects begin. */
export const kinds = ['instances', 'services', 'proxies', 'keys', 'authorities', 'mesh'] as const
export type Kind = (typeof kinds)[number]

export interface ActivitySearch {
  kind?: Kind
  /** The beginning of a name, such as `users-1`. With a slash it is the beginning of a whole subject. */
  name?: string
  /** A whole action, or the beginning of one with a point at its end, such as `instance.`. */
  action?: string
  /** Such as `users/<id>` or `console`. */
  actor?: string
  /** How far back; absent means all. */
  range?: Range
  /** Written by hand instead of all of the above. */
  filter?: string
  /** The change whose details are open. */
  change?: number
  /** The journal is to be proven at once. */
  verify?: true
}

const text = (value: unknown, length = 100) =>
  typeof value === 'string' || typeof value === 'number' ? String(value).slice(0, length) : ''

export function activitySearch(raw: Record<string, unknown>): ActivitySearch {
  const kind = kinds.find(each => each === raw.kind)
  const range = ranges.find(each => each === raw.range)
  const [name, action, actor, filter] = [text(raw.name), text(raw.action), text(raw.actor), text(raw.filter, 1000)]
  const change = typeof raw.change === 'number' && Number.isSafeInteger(raw.change) && raw.change > 0 ? raw.change : 0
  return {
    ...(kind && { kind }),
    ...(name && { name }),
    ...(action && { action }),
    ...(actor && { actor }),
    ...(range && { range }),
    ...(filter && { filter }),
    ...(change && { change }),
    ...(raw.verify === true && { verify: true }),
  }
}

export type Wanted = Pick<ActivitySearch, 'kind' | 'name' | 'action' | 'actor' | 'range' | 'filter'>

/** @returns what is asked for, without what only concerns the page. */
export const wantedOf = ({ kind, name, action, actor, range, filter }: ActivitySearch): Wanted =>
  activitySearch({ kind, name, action, actor, range, filter })

const quoted = (value: string) => `"${value.replace(/[\\"]/g, '\\$&')}"`
/** A `*` at the end stands for anything; elsewhere it would not be understood. */
const startingWith = (value: string) => quoted(`${value.replaceAll('*', '')}*`)

/** @param nowMs what a range is counted from. @returns the filter as the API takes it; empty for everything. */
export function filterText({ kind, name, action, actor, range, filter }: Wanted, nowMs: number): string {
  if (filter) return filter
  const parts: string[] = []
  const subject = subjectStart({ kind, name })
  if (subject) parts.push(subject === 'mesh' ? 'subject = "mesh"' : `subject = ${startingWith(subject)}`)
  if (action) parts.push(`action = ${action.endsWith('.') ? startingWith(action) : quoted(action)}`)
  if (actor) parts.push(`actor = ${quoted(actor)}`)
  if (range) parts.push(`time >= "${new Date(nowMs - rangeMs[range]).toISOString()}"`)
  return parts.join(' AND ')
}

/** A name alone is looked for among instances, whose names begin with that of their service. */
function subjectStart({ kind, name = '' }: Wanted): string {
  if (kind === 'mesh') return 'mesh'
  if (name.includes('/')) return name
  if (kind) return `${kind}/${name}`
  return name && `instances/${name}`
}

/** @returns whether a change that has just happened is asked for; undefined when only the server can tell. */
export function isWanted(
  wanted: Wanted,
  { actor, action, subject }: { actor: string; action: string; subject: string },
): boolean | undefined {
  if (wanted.filter) return undefined
  const start = subjectStart(wanted)
  return (
    (!start || (start === 'mesh' ? subject === start : subject.startsWith(start))) &&
    (!wanted.action || (wanted.action.endsWith('.') ? action.startsWith(wanted.action) : action === wanted.action)) &&
    (!wanted.actor || actor === wanted.actor)
  )
}
