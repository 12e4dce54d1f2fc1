/** What a client asked for, was sent and said for one type, and what its answer to a response makes of that. Pure. */
import { type Resource, versionOf } from './snapshot.ts'

export type Subscription = {
  /** The client wants all there is, but for what is on demand, besides `names`. Of clusters and listeners only. */
  wildcard: boolean
  /** What it asked for by name; `*` is among them where it asked for all by that. */
  names: ReadonlySet<string>
  /** What was asked for that no response has answered yet. */
  unanswered: ReadonlySet<string>
  /** Versions that it says it has, by name, until there is a snapshot to compare them with. */
  claimed: ReadonlyMap<string, string>
  /** What it has, by name, if it accepts what it was sent last. What it may or may not have is not in it. */
  sent: ReadonlyMap<string, Resource>
  sentVersion: string
  nonce: string
  /** The response that it has not answered. */
  waiting: Sent | undefined
  /** What it has accepted, by name, as far as this stream knows: a refused response changes nothing of it. */
  accepted: ReadonlyMap<string, Resource>
  ackedVersion: string
  /**
   * What of the snapshot it refuses: the names, the reasons, and the version of the response that it refused last. Undefined as
   * soon as the snapshot holds other versions of these.
   */
  refused: { version: string; reason: string; names: readonly string[] } | undefined
  /** What it has refused on this stream, never to be sent again: by `keyOf`, `removalKeyOf` or `contentOf`. */
  refusals: ReadonlyMap<string, Refusal>
  /** Names that were refused with others, to be sent one by one: so it shows which of them is bad, and the others arrive. */
  suspects: ReadonlySet<string>
}

export type Refusal = { version: string; reason: string }

export type Sent = {
  resources: readonly Resource[]
  removed: readonly string[]
  version: string
  /** `sent` of the subscription before it and with it. */
  previous: ReadonlyMap<string, Resource>
  after: ReadonlyMap<string, Resource>
  /** The name that is sent alone, or tried alone in a set. */
  suspect: string | undefined
}

const rememberedRefusals = 256

export const newSubscription: Subscription = {
  wildcard: false,
  names: new Set(),
  unanswered: new Set(),
  claimed: new Map(),
  sent: new Map(),
  sentVersion: '',
  nonce: '',
  waiting: undefined,
  accepted: new Map(),
  ackedVersion: '',
  refused: undefined,
  refusals: new Map(),
  suspects: new Set(),
}

/** One version of one resource, as refusals know it. */
export function keyOf({ name, hash }: Resource): string {
  return `${name} ${hash}`
}

/** That a resource is taken away, as refusals know it. */
export function removalKeyOf(name: string): string {
  return `${name} removed`
}

/** With the client's interest as it is now. `asked` is to be answered, `again` among it even if the client was sent it. */
export function withInterest(
  before: Subscription,
  {
    wildcard,
    names,
    asked,
    again = [],
  }: Pick<Subscription, 'wildcard' | 'names'> & { asked: string[]; again?: string[] },
): Subscription {
  const wants = (name: string) => wildcard || names.has(name)
  const kept = (map: ReadonlyMap<string, Resource>) => filter(map, wants)
  const { waiting } = before
  const subscription = {
    ...before,
    wildcard,
    names,
    unanswered: new Set([...before.unanswered, ...asked].filter(name => name === '*' || wants(name))),
    sent: kept(before.sent),
    waiting: waiting && { ...waiting, previous: kept(waiting.previous) },
    accepted: kept(before.accepted),
  }
  return without(subscription, again)
}

/** Without knowledge of whether the client has these, so that they are sent again. */
export function without(before: Subscription, names: readonly string[]): Subscription {
  if (names.length === 0) return before
  const gone = new Set(names)
  const others = (map: ReadonlyMap<string, Resource>) => filter(map, name => !gone.has(name))
  const { waiting } = before
  return {
    ...before,
    sent: others(before.sent),
    waiting: waiting && { ...waiting, previous: others(waiting.previous) },
  }
}

/** With the answer to the response that waits for one. `whole`: what is not in a response of this type is deleted by it. */
export function withAnswer(before: Subscription, error: string | undefined, whole: boolean): Subscription {
  const { waiting } = before
  if (!waiting) return before
  return error === undefined ? withAck(before, waiting, whole) : withNack(before, waiting, error, whole)
}

function withAck(before: Subscription, { resources, removed, version, suspect }: Sent, whole: boolean): Subscription {
  const accepted = merged(whole ? new Map() : before.accepted, resources, removed)
  const judged = new Set([suspect, ...(whole ? [] : resources.map(({ name }) => name))])
  const suspects = new Set([...before.suspects].filter(name => !judged.has(name)))
  return { ...before, waiting: undefined, accepted, ackedVersion: version, suspects }
}

/**
 * A client that refuses a response names no resource of it. One that came alone is refused for good, and the client has what it had
 * before. Of several each is suspect, and the client may have taken some of them.
 */
function withNack(before: Subscription, waiting: Sent, reason: string, whole: boolean): Subscription {
  const { resources, removed, previous, after, version } = waiting
  const refusal = { version, reason }
  const refused = withRefusals({ ...before, waiting: undefined, sent: previous }, [contentOf(waiting)], refusal)
  if (!whole) {
    if (resources.length === 0) return withRefusals(refused, removed.map(removalKeyOf), refusal)
    const alone = resources.length + removed.length === 1
    // What it may or may not have of these, it is still to be told of when they go.
    const unsure = resources.map(({ name }) => name).filter(name => !(alone && previous.has(name)))
    const told = { ...without(refused, removed), unanswered: new Set([...before.unanswered, ...unsure, ...removed]) }
    return withBlame(told, resources, alone, refusal)
  }
  const unanswered = new Set([...before.unanswered, '*'])
  // What it has from before this stream is not known: left out of a set, for being suspect, it would be deleted.
  if (before.ackedVersion === '') return { ...refused, sent: new Map(), unanswered }
  const items = newTo(before, resources)
  const deleted = [...previous.keys()].filter(name => !after.has(name))
  const alone = items.length + deleted.length <= 1
  const blamed = without(withBlame(refused, items, alone, refusal), deleted)
  // Some of it may be taken, some deleted: whatever comes of it, the client is told once more what it is to have.
  return alone ? blamed : { ...blamed, unanswered }
}

/** With these, if they came alone, known to be what the client refuses; else suspect, and sent again whatever it has. */
export function withBlame(
  before: Subscription,
  items: readonly Resource[],
  alone: boolean,
  refusal: Refusal,
): Subscription {
  const names = items.map(({ name }) => name)
  if (!alone) return { ...without(before, names), suspects: new Set([...before.suspects, ...names]) }
  const suspects = new Set([...before.suspects].filter(name => !names.includes(name)))
  return { ...withRefusals(before, items.map(keyOf), refusal), suspects }
}

/** What a response says, as refusals know it. */
export function contentOf({
  resources,
  removed,
}: {
  resources: Iterable<Resource>
  removed: readonly string[]
}): string {
  return versionOf([...resources, ...removed.map(name => ({ name, hash: 'removed', value: new Uint8Array() }))])
}

export function merged(
  before: ReadonlyMap<string, Resource>,
  resources: readonly Resource[],
  removed: readonly string[] = [],
): ReadonlyMap<string, Resource> {
  const after = new Map([...before, ...resources.map((each): [string, Resource] => [each.name, each])])
  for (const name of removed) after.delete(name)
  return after
}

/** Which of the resources the client has not accepted. */
export function newTo({ accepted }: Subscription, resources: Iterable<Resource>): Resource[] {
  return [...resources].filter(({ name, hash }) => accepted.get(name)?.hash !== hash)
}

function withRefusals(before: Subscription, keys: string[], refusal: Refusal): Subscription {
  const refusals = [...before.refusals, ...keys.map((key): [string, Refusal] => [key, refusal])]
  return { ...before, refusals: new Map(refusals.slice(-rememberedRefusals)) }
}

function filter<T>(map: ReadonlyMap<string, T>, keep: (name: string) => boolean): ReadonlyMap<string, T> {
  return [...map.keys()].every(keep) ? map : new Map([...map].filter(([name]) => keep(name)))
}
