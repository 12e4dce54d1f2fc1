/** One proxy's stream, and what follows from it: what was sent and answered when, which changes were taken, what the proxy believes. */
import { type AdsInput, type AdsResponse, type Stream, step } from './ads.ts'
import { due } from './ads-due.ts'
import { type Beliefs, noBeliefs, withAccepted } from './beliefs.ts'
import type { Node } from './node.ts'
import { type ChangeRange, changesOf, namedIn, type Origins, together } from './origins.ts'
import { clusterType, endpointType, type TypeUrl, typeUrls } from './snapshot.ts'

/** What a proxy does not take, why, and the changes that it came with where they are known. */
export type Refusal = {
  nodeId: string
  typeUrl: string
  version: string
  reason: string
  resources: string[]
  changes: ChangeRange | undefined
}

/**
 * How far a proxy is with a type. `unasked`: it has not asked for what it will need. `unsent`: something waits for others to be
 * answered. `refused`: it has refused something and has all else.
 */
export type TypeState = 'unasked' | 'unsent' | 'unanswered' | 'refused' | 'taken'

/** Changes are ids of the journal; zero stands for none yet. */
export type TypeRecord = {
  state: TypeState
  sentTime: Date | undefined
  /** The proxy has all of this type up to this change once it accepts what was sent last; zero when that is only a part. */
  sentChange: number
  ackedTime: Date | undefined
  nackedTime: Date | undefined
  /** The proxy has all of this type up to this change. */
  takenChange: number
  /** What it refuses, by name. */
  refused: ReadonlyMap<string, { hash: string; changes: ChangeRange | undefined }>
}

export type Connection = {
  node: Node
  connectTime: Date
  stream: Stream
  /** The last change that the stream's snapshot includes. */
  change: number
  records: ReadonlyMap<TypeUrl, TypeRecord>
  /** The proxy has everything up to this change. */
  takenChange: number
  beliefs: Beliefs
  progress: 'waiting' | 'refused' | 'accepted'
  progressSince: Date
}

const newRecord: TypeRecord = {
  state: 'unasked',
  sentTime: undefined,
  sentChange: 0,
  ackedTime: undefined,
  nackedTime: undefined,
  takenChange: 0,
  refused: new Map(),
}

export function newConnection(node: Node, stream: Stream, now: Date): Connection {
  const nothing = { change: 0, records: new Map(), takenChange: 0, beliefs: noBeliefs }
  return { node, connectTime: now, stream, ...nothing, progress: 'waiting', progressSince: now }
}

/** Takes one input; `change` is the last one that a snapshot includes. Returns what is to be sent, and what is newly refused. Pure. */
export function advance(
  before: Connection,
  input: AdsInput,
  { change = before.change, origins, now }: { change?: number; origins: Origins; now: Date },
): { connection: Connection; responses: AdsResponse[]; refusals: Refusal[] } {
  const { stream, responses } = step(before.stream, input)
  const answered = answerIn(before.stream, input)
  const sent = new Set(responses.map(({ typeUrl }) => typeUrl))
  const refusals: Refusal[] = []
  const records = new Map<TypeUrl, TypeRecord>()
  for (const type of typeUrls) {
    const state = stateOf(stream, type)
    if (!state) continue
    const record = { ...(before.records.get(type) ?? newRecord), state }
    if (answered?.type === type && answered.accepted) {
      record.ackedTime = now
      record.takenChange = Math.max(record.takenChange, record.sentChange)
    } else if (answered?.type === type) {
      record.nackedTime = now
    }
    if (sent.has(type)) {
      const isPart = due(stream, type) !== undefined || stream.subscriptions[type]?.refused !== undefined
      Object.assign(record, { sentTime: now, sentChange: isPart ? 0 : change })
    }
    if (state === 'taken') record.takenChange = change
    records.set(type, withRefused(record, stream, type, before.node.id, origins, refusals))
  }
  const progress = progressOf([...records.values()])
  const endpoints = stream.subscriptions[endpointType]
  const beliefs = endpoints
    ? withAccepted(before.beliefs, endpoints.accepted, endpoints.ackedVersion, now)
    : before.beliefs
  const connection: Connection = {
    ...before,
    stream,
    change,
    records,
    takenChange: records.size === 0 ? 0 : Math.min(...[...records.values()].map(record => record.takenChange)),
    beliefs,
    progress,
    progressSince: progress === before.progress ? before.progressSince : now,
  }
  return { connection, responses, refusals }
}

/** Which response a request answers, and how. */
function answerIn(stream: Stream, input: AdsInput): { type: TypeUrl; accepted: boolean } | undefined {
  if (input.kind === 'snapshot') return undefined
  const { typeUrl, responseNonce, error } = input.request
  const type: TypeUrl | undefined = typeUrls.find(each => each === typeUrl)
  if (!type) return undefined
  const subscription = stream.subscriptions[type]
  if (!subscription?.waiting || subscription.nonce !== responseNonce) return undefined
  return { type, accepted: error === undefined }
}

/** Undefined for a type that the proxy has no need of. Who asks for all clusters is one that needs everything. */
function stateOf(stream: Stream, type: TypeUrl): TypeState | undefined {
  const subscription = stream.subscriptions[type]
  if (!subscription) {
    const all = stream.subscriptions[clusterType]?.wildcard ? [...(stream.snapshot?.[type].values() ?? [])] : []
    return all.some(({ onDemand }) => !onDemand) ? 'unasked' : undefined
  }
  if (subscription.waiting) return 'unanswered'
  if (!stream.snapshot || due(stream, type)) return 'unsent'
  return subscription.refused ? 'refused' : 'taken'
}

function progressOf(records: TypeRecord[]): Connection['progress'] {
  if (records.length === 0 || records.some(({ state }) => state !== 'taken' && state !== 'refused')) return 'waiting'
  return records.some(({ state }) => state === 'refused') ? 'refused' : 'accepted'
}

/** With what the stream says is refused now; what of it is new is added to `refusals`. */
function withRefused(
  record: TypeRecord,
  stream: Stream,
  type: TypeUrl,
  nodeId: string,
  origins: Origins,
  refusals: Refusal[],
): TypeRecord {
  const subscription = stream.subscriptions[type]
  const refused = subscription?.refused
  if (!subscription || !refused) return record.refused.size === 0 ? record : { ...record, refused: new Map() }
  const hashOf = (name: string) => stream.snapshot?.[type].get(name)?.hash ?? ''
  const named = namedIn(refused.reason, refused.names)
  const known = (named.length > 0 ? named : refused.names).map(name => {
    const before = record.refused.get(name)
    const hash = hashOf(name)
    if (before?.hash === hash) return { name, ...before, isNew: false }
    const changes = changesOf(origins, type, name, hash, subscription.accepted.get(name)?.hash)
    return { name, hash, changes, isNew: true }
  })
  const fresh = known.filter(({ isNew }) => isNew)
  if (fresh.length > 0) {
    refusals.push({
      nodeId,
      typeUrl: type,
      version: refused.version,
      reason: refused.reason,
      resources: fresh.map(({ name }) => name),
      changes: together(fresh.flatMap(({ changes }) => changes ?? [])),
    })
  }
  return { ...record, refused: new Map(known.map(({ name, hash, changes }) => [name, { hash, changes }])) }
}
