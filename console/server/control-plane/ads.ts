/**
 * The aggregated discovery protocol (xDS, state of the world) as a pure function over one stream.
 *
 * Rules, each learnt the hard way by somebody:
 * - A type is sent only when all earlier ones in the order of `typeUrls` are answered. So an earlier type is in force when a
 *   later one refers to it, and a newer snapshot replaces what waits instead of queueing behind it. Endpoints alone do not wait
 *   for the answer to the clusters: Envoy gives that only when it has the endpoints of the new ones.
 * - A cluster goes last: it stays, with its endpoints, until the routes that knew it are gone (make before break).
 * - A cluster that is new or changed has its endpoints sent again, even unchanged: Envoy waits for them to warm it.
 * - A cluster nobody knows gets an empty assignment: Envoy would wait for one.
 * - A refused version is never sent again on this stream; the proxy keeps its last good one.
 * - A request with a stale nonce says nothing: a later one follows.
 * - Nothing is sent before there is a snapshot: an empty answer means "delete everything".
 */
import {
  clusterType,
  emptyAssignment,
  endpointType,
  extensionType,
  listenerType,
  type Resource,
  routeType,
  type Snapshot,
  type TypeUrl,
  typeUrls,
  versionOf,
} from './snapshot.ts'

export type AdsRequest = {
  typeUrl: string
  /** Empty on all but the first request of a stream. */
  nodeId: string
  resourceNames: string[]
  responseNonce: string
  /** Set when the client refuses what it was sent last. */
  error: string | undefined
}

/** `version` is that of all the client has after it, whether or not all of it is in this response. */
export type AdsResponse = { typeUrl: TypeUrl; version: string; nonce: string; resources: Resource[] }

export type AdsInput = { kind: 'request'; request: AdsRequest } | { kind: 'snapshot'; snapshot: Snapshot }

/** What a client asked for, was sent and said, for one type. */
export type Subscription = {
  wildcard: boolean
  names: ReadonlySet<string>
  /** Names were asked for that no response has answered yet. */
  unanswered: boolean
  /** What the client was last sent, by name. */
  sent: ReadonlyMap<string, Resource>
  sentVersion: string
  nonce: string
  /** What the response that waits for an answer holds: the names, and the version of just these. Undefined when none waits. */
  waiting: { names: readonly string[]; content: string } | undefined
  ackedVersion: string
  /** What the client refused last, and has not accepted another version of since. */
  refused: { version: string; reason: string; names: readonly string[] } | undefined
  /** The contents of refused responses, never to be sent again. */
  refusedContents: readonly string[]
}

export type Stream = {
  nodeId: string
  snapshot: Snapshot | undefined
  subscriptions: Partial<Record<TypeUrl, Subscription>>
  responses: number
}

const rememberedRefusals = 32

export const newStream: Stream = {
  nodeId: '',
  snapshot: undefined,
  subscriptions: {},
  responses: 0,
}

/** Takes one input; returns the stream after it and what is to be sent, in order. Pure. */
export function step(stream: Stream, input: AdsInput): { stream: Stream; responses: AdsResponse[] } {
  const next = input.kind === 'snapshot' ? { ...stream, snapshot: input.snapshot } : withRequest(stream, input.request)
  return next === stream ? { stream, responses: [] } : send(next)
}

/**
 * `waiting`: something is to be sent or was not answered. `refused`: the client refused part of the snapshot and has all
 * else. `accepted`: it has all of it.
 */
export function progressOf(stream: Stream): 'waiting' | 'refused' | 'accepted' {
  const known = typeUrls.flatMap(type => stream.subscriptions[type] ?? [])
  const unfinished = known.some(each => each.waiting) || typeUrls.some(type => due(stream, type)) || held(stream)
  if (unfinished) return 'waiting'
  return known.some(each => each.refused) ? 'refused' : 'accepted'
}

function withRequest(stream: Stream, request: AdsRequest): Stream {
  const type = typeUrls.find(each => each === request.typeUrl)
  if (!type) return stream
  const before = stream.subscriptions[type]
  if (before && request.responseNonce !== before.nonce) return stream
  const answered = before?.waiting ? withAnswer(before, request.error) : before
  const subscription = withNames(type, answered, request.resourceNames)
  return {
    ...stream,
    nodeId: stream.nodeId || request.nodeId,
    subscriptions: { ...stream.subscriptions, [type]: subscription },
  }
}

function withAnswer(before: Subscription, error: string | undefined): Subscription {
  const { names, content } = before.waiting ?? { names: [], content: '' }
  const answered = { ...before, waiting: undefined }
  if (error === undefined) {
    const left = [...(before.refused?.names ?? [])].filter(name => !names.includes(name))
    const refused = before.refused && left.length > 0 ? { ...before.refused, names: left } : undefined
    return { ...answered, ackedVersion: before.sentVersion, refused }
  }
  return {
    ...answered,
    refused: { version: before.sentVersion, reason: error, names: [...names, ...(before.refused?.names ?? [])] },
    refusedContents: [...before.refusedContents, content].slice(-rememberedRefusals),
  }
}

function withNames(type: TypeUrl, before: Subscription | undefined, list: string[]): Subscription {
  const names = new Set(list.filter(name => name !== '*'))
  // Only clusters and listeners can be asked for as a whole: by `*`, or by never having asked for any by name.
  const wildcard = isWholeType(type) && (list.includes('*') || (list.length === 0 && (before?.wildcard ?? true)))
  if (!before) {
    const never = {
      sent: new Map(),
      sentVersion: '',
      nonce: '',
      waiting: undefined,
      ackedVersion: '',
      refused: undefined,
    }
    return { ...never, wildcard, names, unanswered: true, refusedContents: [] }
  }
  const added = list.some(name => name !== '*' && !before.names.has(name)) || (wildcard && !before.wildcard)
  const sent = wildcard ? before.sent : new Map([...before.sent].filter(([name]) => names.has(name)))
  return { ...before, wildcard, names, sent, unanswered: before.unanswered || added }
}

/** Sends the first type that is due, unless one before it still waits that it depends on. */
function send(stream: Stream): { stream: Stream; responses: AdsResponse[] } {
  const { snapshot } = stream
  if (!snapshot) return { stream, responses: [] }
  for (const type of typeUrls) {
    const subscription = stream.subscriptions[type]
    if (!subscription) continue
    if (subscription.waiting && type === clusterType) continue
    if (subscription.waiting) return { stream, responses: [] }
    if (type !== clusterType && type !== endpointType && held(stream)) return { stream, responses: [] }
    const resources = due(stream, type)
    if (resources) return respond(stream, type, subscription, resources)
  }
  return { stream, responses: [] }
}

function respond(stream: Stream, type: TypeUrl, before: Subscription, { all, changed }: Due) {
  const nonce = String(stream.responses + 1)
  const sent = new Map(all.map(resource => [resource.name, resource]))
  const waiting = { names: changed.map(({ name }) => name), content: versionOf(changed) }
  const version = versionOf(all)
  const subscription = { ...before, sent, sentVersion: version, nonce, waiting, unanswered: false }
  const subscriptions = { ...stream.subscriptions, [type]: subscription }
  const endpoints = subscriptions[endpointType]
  if (type === clusterType && endpoints) {
    // What was refused is not what the client has: after a refusal every cluster may be new to it.
    const isUnchanged = (name: string) => !before.refused && sent.get(name)?.hash === before.sent.get(name)?.hash
    const unchanged = [...endpoints.sent].filter(([name]) => isUnchanged(name))
    subscriptions[endpointType] = { ...endpoints, sent: new Map(unchanged) }
  }
  const response: AdsResponse = { typeUrl: type, version, nonce, resources: changed }
  return { stream: { ...stream, subscriptions, responses: stream.responses + 1 }, responses: [response] }
}

type Due = { all: Resource[]; changed: Resource[] }

/**
 * What the client is to be sent of a type; undefined when it has it, or has refused it. Clusters and listeners are always
 * sent whole, since those that are missing are deleted. Of other types only what changed is sent: so a resource that the
 * client refuses does not keep the others from it.
 */
function due(stream: Stream, type: TypeUrl): Due | undefined {
  const subscription = stream.subscriptions[type]
  if (!subscription || !stream.snapshot) return undefined
  const all = wanted(stream, stream.snapshot, type, subscription)
  const { sent, unanswered, refusedContents } = subscription
  const different = all.filter(({ name, hash }) => sent.get(name)?.hash !== hash)
  const whole = isWholeType(type)
  if (different.length === 0 && !(whole && (unanswered || sent.size !== all.length))) return undefined
  const changed = whole ? all : different
  return refusedContents.includes(versionOf(changed)) ? undefined : { all, changed }
}

function wanted(
  stream: Stream,
  snapshot: Snapshot,
  type: TypeUrl,
  { wildcard, names, sent }: Subscription,
): Resource[] {
  const has = snapshot[type]
  const kept = type === clusterType || type === endpointType ? keptClusters(stream, snapshot) : []
  const all = wildcard ? new Set([...has.keys(), ...(type === clusterType ? kept : []), ...names]) : names
  return [...all].flatMap(name => {
    const resource = has.get(name) ?? (kept.includes(name) ? sent.get(name) : undefined)
    return resource ?? (type === endpointType ? emptyAssignment(name) : [])
  })
}

/** The clusters that are gone, but that the client has and may still refer to. */
function keptClusters(stream: Stream, snapshot: Snapshot): string[] {
  const clusters = stream.subscriptions[clusterType]?.sent ?? new Map<string, Resource>()
  const gone = [...clusters.keys()].filter(name => !snapshot[clusterType].has(name))
  const mayRefer = (type: TypeUrl) => {
    const subscription = stream.subscriptions[type]
    return subscription !== undefined && (subscription.waiting || subscription.refused || due(stream, type))
  }
  return gone.length > 0 && [listenerType, extensionType, routeType].some(mayRefer) ? gone : []
}

/** Whether listeners and routes must wait: for the answer to the clusters, or because endpoints of some were not asked for yet. */
function held({ subscriptions }: Stream): boolean {
  const clusters = subscriptions[clusterType]
  if (clusters?.waiting) return true
  if (!clusters?.wildcard || clusters.ackedVersion !== clusters.sentVersion) return false
  const endpoints = subscriptions[endpointType]
  return [...clusters.sent.keys()].some(name => !endpoints?.sent.has(name) && !endpoints?.refused?.names.includes(name))
}

function isWholeType(type: TypeUrl): boolean {
  return type === clusterType || type === listenerType
}
