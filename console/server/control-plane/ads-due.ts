/** What a client is to be sent of a type. Pure. */
import type { Stream } from './ads.ts'
import { contentOf, keyOf, merged, newTo, removalKeyOf, type Subscription, withBlame } from './ads-subscription.ts'
import {
  clusterType,
  emptyAssignment,
  endpointType,
  extensionType,
  listenerType,
  type Resource,
  routeType,
  type Snapshot,
  secretType,
  type TypeUrl,
} from './snapshot.ts'

export type Due = {
  resources: Resource[]
  removed: string[]
  /** What the client has with it. */
  after: ReadonlyMap<string, Resource>
  /** What it leaves unanswered. */
  unanswered: ReadonlySet<string>
  /** The name that is sent alone, or tried alone in a set. */
  suspect: string | undefined
}

/** What may refer to the resources of a type, and so must be taken before one of them goes. */
const referrers: Partial<Record<TypeUrl, TypeUrl[]>> = {
  [clusterType]: [listenerType, extensionType, routeType],
  [endpointType]: [clusterType, listenerType, extensionType, routeType],
  [secretType]: [clusterType, listenerType],
}

/** Whether all of a type can be asked for. In the state of the world such a type is sent whole: what is missing is deleted. */
export function hasWildcard(type: TypeUrl): boolean {
  return type === clusterType || type === listenerType
}

/** What the client is to be sent of a type; undefined when it has it, or has refused it. */
export function due(stream: Stream, type: TypeUrl): Due | undefined {
  const found = planned(stream, type)
  const refusals = stream.subscriptions[type]?.refusals
  return isWhole(stream, type) && found && refusals?.size && refusals.has(contentOf(found)) ? undefined : found
}

/**
 * Whether each resource of a type has a response of its own: Envoy takes a filter or a secret that it has refused as accepted when it is
 * sent once more, and does nothing with it. So it must be plain at once which one it refuses.
 */
function isSentAlone(type: TypeUrl): boolean {
  return type === extensionType || type === secretType
}

function isWhole({ variant }: Stream, type: TypeUrl): boolean {
  return variant === 'sotw' && hasWildcard(type)
}

function planned(stream: Stream, type: TypeUrl): Due | undefined {
  const subscription = stream.subscriptions[type]
  if (!stream.snapshot || !subscription) return undefined
  const { all, goal, suspect } = goalOf(stream, stream.snapshot, type, subscription)
  const { sent, accepted, unanswered, refusals } = subscription
  const changed = [...goal.values()].filter(({ name, hash }) => sent.get(name)?.hash !== hash)
  if (isWhole(stream, type)) {
    if (changed.length === 0 && unanswered.size === 0 && sent.size === goal.size) return undefined
    return { resources: [...goal.values()], removed: [], after: goal, unanswered: new Set(), suspect }
  }
  const next = suspect ?? (isSentAlone(type) ? changed[0]?.name : undefined)
  const alone = changed.filter(({ name }) => name === next)
  if (alone.length > 0) {
    const others = new Set([...unanswered].filter(name => name !== next))
    return { resources: alone, removed: [], after: merged(sent, alone), unanswered: others, suspect: next }
  }
  const delta = stream.variant === 'delta'
  const exists = new Set(['*', ...all.map(({ name }) => name)])
  const known = new Set(delta ? [...sent.keys(), ...accepted.keys(), ...unanswered] : [])
  const removed = [...known].filter(name => !exists.has(name) && !refusals.has(removalKeyOf(name)))
  if (changed.length === 0 && removed.length === 0 && !(delta && unanswered.has('*'))) return undefined
  // Of what exists, but is refused, there is nothing to say yet.
  const left = new Set([...unanswered].filter(name => name !== '*' && exists.has(name) && !goal.has(name)))
  return { resources: changed, removed, after: merged(sent, changed, removed), unanswered: left, suspect: undefined }
}

/** With the blame that follows when what is to be sent was refused before, in just this company. */
export function withElimination(stream: Stream, type: TypeUrl): Stream {
  const subscription = stream.subscriptions[type]
  if (!subscription || subscription.refusals.size === 0) return stream
  const found = planned(stream, type)
  const refusal = found && subscription.refusals.get(contentOf(found))
  if (!found || !refusal) return stream
  const whole = isWhole(stream, type)
  const items = whole ? newTo(subscription, found.resources) : found.resources
  // Before it has accepted a set on this stream, the client may have what is not in `accepted`: to leave that out would delete it.
  if (items.length === 0 || (whole && subscription.ackedVersion === '')) return stream
  const blamed = withBlame(subscription, items, items.length + found.removed.length === 1, refusal)
  return withElimination({ ...stream, subscriptions: { ...stream.subscriptions, [type]: blamed } }, type)
}

/** With `refused` as the present snapshot makes it. */
export function withRefused(stream: Stream, type: TypeUrl): Stream {
  const before = stream.subscriptions[type]
  if (!before || (before.refusals.size === 0 && !before.refused)) return stream
  return {
    ...stream,
    subscriptions: { ...stream.subscriptions, [type]: { ...before, refused: refusedOf(stream, type, before) } },
  }
}

function refusedOf(stream: Stream, type: TypeUrl, subscription: Subscription): Subscription['refused'] {
  const { refusals, sent } = subscription
  if (!stream.snapshot || refusals.size === 0) return undefined
  const { all, goal } = goalOf(stream, stream.snapshot, type, subscription)
  const names = new Set(all.map(({ name }) => name))
  const found = [
    ...all.map(resource => ({ name: resource.name, refusal: refusals.get(keyOf(resource)) })),
    ...[...sent.keys()]
      .filter(name => !names.has(name))
      .map(name => ({ name, refusal: refusals.get(removalKeyOf(name)) })),
  ].filter(({ refusal }) => refusal)
  const isSet = found.length === 0 && isWhole(stream, type) && !subscription.waiting
  const whole = isSet ? refusals.get(contentOf({ resources: goal.values(), removed: [] })) : undefined
  const reasons = new Set(whole ? [whole] : found.map(({ refusal }) => refusal))
  const last = [...refusals.values()].findLast(refusal => reasons.has(refusal))
  if (!last) return undefined
  return {
    version: last.version,
    reason: [...new Set([...reasons].map(refusal => refusal?.reason))].join('; '),
    names: whole ? [...names] : found.map(({ name }) => name),
  }
}

/**
 * `all`: what of the snapshot the client asks for. `goal`: what it is to have of that now. Instead of what it refused, and of
 * suspects but the one to be tried next, these are the versions that it accepted last.
 */
function goalOf(stream: Stream, snapshot: Snapshot, type: TypeUrl, subscription: Subscription) {
  const { refusals, suspects, accepted, sent } = subscription
  const all = wanted(stream, snapshot, type, subscription)
  const isGood = (resource: Resource) => !refusals.has(keyOf(resource))
  const isSuspect = ({ name, hash }: Resource) => suspects.has(name) && sent.get(name)?.hash !== hash
  const suspect = suspects.size > 0 ? all.find(resource => isGood(resource) && isSuspect(resource))?.name : undefined
  const isPlain = refusals.size === 0 && suspects.size === 0
  const goal = isPlain
    ? all
    : all.flatMap(resource => {
        if (isGood(resource) && (resource.name === suspect || !isSuspect(resource))) return resource
        const lastGood = accepted.get(resource.name)
        return lastGood && isGood(lastGood) ? lastGood : []
      })
  return { all, suspect, goal: new Map(goal.map(resource => [resource.name, resource])) }
}

/** What of the snapshot the client asks for, and what is gone from it but must stay for now. */
export function wanted(stream: Stream, snapshot: Snapshot, type: TypeUrl, subscription: Subscription): Resource[] {
  const { wildcard, names, sent, accepted } = subscription
  const has = snapshot[type]
  const kept = keptNames(stream, snapshot, type, subscription)
  const all = new Map<string, Resource>()
  if (wildcard) for (const resource of has.values()) if (!resource.onDemand) all.set(resource.name, resource)
  for (const name of [...names, ...kept]) {
    const resource = has.get(name) ?? (kept.has(name) ? (sent.get(name) ?? accepted.get(name)) : undefined)
    if (resource) all.set(name, resource)
    else if (type === endpointType) all.set(name, emptyAssignment(name))
  }
  return [...all.values()]
}

/** What is gone from the snapshot, but the client has and may still refer to. */
function keptNames(
  stream: Stream,
  snapshot: Snapshot,
  type: TypeUrl,
  { sent, accepted }: Subscription,
): ReadonlySet<string> {
  const others = referrers[type]
  const gone = new Set(others ? [...sent.keys(), ...accepted.keys()].filter(name => !snapshot[type].has(name)) : [])
  const mayRefer = (other: TypeUrl) => {
    const subscription = stream.subscriptions[other]
    return (
      subscription !== undefined &&
      (subscription.waiting !== undefined ||
        refusedOf(stream, other, subscription) !== undefined ||
        due(stream, other) !== undefined)
    )
  }
  return gone.size > 0 && others?.some(mayRefer) ? gone : new Set()
}
