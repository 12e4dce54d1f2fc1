/**
 * The aggregated discovery protocol (xDS), state of the world and delta, as a pure function over one stream.
 *
 * Rules, each learnt the hard way by somebody:
 * - A type is sent only when all earlier ones in the order of `typeUrls` are answered. So an earlier type is in force when a
 *   later one refers to it, and a newer snapshot replaces what waits instead of queueing behind it. Envoy answers clusters only
 *   when they have their endpoints and secrets, so these wait for nothing; nor does anything wait for secrets.
 * - What is gone goes last: it stays until what may refer to it is taken by the client (make before break).
 * - A cluster that is new or changed has its endpoints sent again, even unchanged: Envoy waits for them to warm it.
 * - A cluster nobody knows gets an empty assignment: Envoy would wait for one.
 * - A refused version is never sent again on this stream; the client keeps its last good one, and everything else goes on. An
 *   answer names no resource: when several were refused together, each is sent alone, which shows the bad one. Filters and
 *   secrets always are: Envoy answers that it accepts one that it refused, sent once more.
 * - A request with a stale nonce answers nothing: a later one follows. The names it asks for count.
 * - Nothing is sent before there is a snapshot: an empty answer means "delete everything".
 */
import { type DeltaRequest, withDeltaRequest } from './ads-delta.ts'
import { type Due, due, hasWildcard, wanted, withElimination, withRefused } from './ads-due.ts'
import { type SotwRequest, withSotwRequest } from './ads-sotw.ts'
import { newSubscription, type Subscription, without } from './ads-subscription.ts'
import {
  clusterType,
  endpointType,
  type Resource,
  type Snapshot,
  secretType,
  type TypeUrl,
  typeUrls,
  versionOf,
} from './snapshot.ts'

export type { DeltaRequest, SotwRequest, Subscription }

export type Variant = 'sotw' | 'delta'

/** The kind of a request is the variant of its stream. */
export type AdsInput =
  | { kind: 'sotw'; request: SotwRequest }
  | { kind: 'delta'; request: DeltaRequest }
  | { kind: 'snapshot'; snapshot: Snapshot }

/**
 * `version` is that of all the client has after it, whether or not all of it is in this response. `removed`: the names of what
 * does not exist, or no longer; none in the state of the world, where nothing can be said of them.
 */
export type AdsResponse = { typeUrl: TypeUrl; version: string; nonce: string; resources: Resource[]; removed: string[] }

export type Stream = {
  variant: Variant
  nodeId: string
  snapshot: Snapshot | undefined
  subscriptions: Partial<Record<TypeUrl, Subscription>>
  responses: number
}

/** A stream on which nothing was said yet. */
export function newStream(variant: Variant): Stream {
  return { variant, nodeId: '', snapshot: undefined, subscriptions: {}, responses: 0 }
}

/** Takes one input; returns the stream after it and what is to be sent, in order. Pure. */
export function step(stream: Stream, input: AdsInput): { stream: Stream; responses: AdsResponse[] } {
  const next = input.kind === 'snapshot' ? { ...stream, snapshot: input.snapshot } : withRequest(stream, input)
  if (next === stream) return { stream, responses: [] }
  const sent = send(typeUrls.reduce(withClaims, next))
  return { ...sent, stream: typeUrls.reduce(withRefused, sent.stream) }
}

/**
 * `waiting`: something is to be sent or was not answered. `refused`: the client refused part of the snapshot and has all
 * else. `accepted`: it has all of it.
 */
export function progressOf(stream: Stream): 'waiting' | 'refused' | 'accepted' {
  if (typeUrls.some(type => stream.subscriptions[type]?.waiting || due(stream, type))) return 'waiting'
  return typeUrls.some(type => stream.subscriptions[type]?.refused) ? 'refused' : 'accepted'
}

function withRequest(stream: Stream, { kind, request }: Exclude<AdsInput, { kind: 'snapshot' }>): Stream {
  const type = typeUrls.find(each => each === request.typeUrl)
  if (!type) return stream
  const before = stream.subscriptions[type]
  const wild = hasWildcard(type)
  const subscription =
    kind === 'sotw' ? withSotwRequest(before, request, wild) : withDeltaRequest(before, request, wild)
  return withSubscription({ ...stream, nodeId: stream.nodeId || request.nodeId }, type, subscription)
}

/**
 * With what the client says it has from an earlier stream. Endpoints are sent all the same: Envoy says that it has them even where it
 * still waits for them to warm a changed cluster.
 */
function withClaims(stream: Stream, type: TypeUrl): Stream {
  const before = stream.subscriptions[type]
  if (!stream.snapshot || !before || before.claimed.size === 0) return stream
  const has = new Map(wanted(stream, stream.snapshot, type, before).map(resource => [resource.name, resource]))
  const sent = new Map(before.sent)
  const accepted = new Map(before.accepted)
  for (const [name, hash] of before.claimed) {
    if (type === endpointType || !(before.wildcard || before.names.has(name))) continue
    const resource = has.get(name)
    const same = resource?.hash === hash
    if (same) accepted.set(name, resource)
    // Of what it has in another version only the version is known.
    sent.set(name, same ? resource : { name, hash, value: new Uint8Array() })
  }
  const version = accepted.size > 0 ? versionOf(accepted.values()) : ''
  const known = { ...before, claimed: new Map(), sent, accepted, sentVersion: version, ackedVersion: version }
  return withSubscription(stream, type, known)
}

/** Sends what is due of each type, unless an earlier one that it depends on is still to be answered. */
function send(stream: Stream): { stream: Stream; responses: AdsResponse[] } {
  const responses: AdsResponse[] = []
  let next = stream
  let blocked = false
  for (const type of typeUrls) {
    const dependent = type !== clusterType && type !== endpointType && type !== secretType
    if (!next.subscriptions[type]?.waiting && !(dependent && blocked)) {
      next = withElimination(next, type)
      const found = due(next, type)
      if (found) {
        const result = respond(next, type, found)
        next = result.stream
        responses.push(result.response)
      }
    }
    blocked ||= next.subscriptions[type]?.waiting !== undefined
  }
  return { stream: next, responses }
}

function respond(stream: Stream, type: TypeUrl, { resources, removed, after, unanswered, suspect }: Due) {
  const before = stream.subscriptions[type] ?? newSubscription
  const nonce = String(stream.responses + 1)
  const version = versionOf(after.values())
  const waiting = { resources, removed, version, previous: before.sent, after, suspect }
  const subscription = { ...before, sent: after, sentVersion: version, nonce, waiting, unanswered }
  const sent = withSubscription({ ...stream, responses: stream.responses + 1 }, type, subscription)
  const response: AdsResponse = { typeUrl: type, version, nonce, resources, removed }
  const endpoints = stream.subscriptions[endpointType]
  if (type !== clusterType || !endpoints) return { stream: sent, response }
  const changed = resources.filter(({ name, hash }) => before.sent.get(name)?.hash !== hash).map(({ name }) => name)
  return { stream: withSubscription(sent, endpointType, without(endpoints, changed)), response }
}

function withSubscription(stream: Stream, type: TypeUrl, subscription: Subscription): Stream {
  return { ...stream, subscriptions: { ...stream.subscriptions, [type]: subscription } }
}
