/**
 * What the Console knows of the instances of all services, as a state machine: `step(state, event)`. Pure; time comes with the event.
 *
 * An instance is its name. It holds its place while it is heard from within the lease, whether or not its stream is open: a
 * broken stream or a Console that restarts takes nobody out of service. One that leaves in order loses its place at once.
 */
import type { Dependency } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'

/** How long an instance keeps its place unheard. ms. */
export const leaseMs = 10_000
/** How often instances are asked to be heard. ms. */
export const heartbeatMs = 2000
/** How long a service without any instance is still expected back. ms. */
const forgottenAfterMs = 24 * 60 * 60_000

export interface Health {
  status: 'unknown' | 'healthy' | 'failing'
  since: Date
  /** Why it fails; empty otherwise. */
  reason: string
}

/** What an instance says of itself. */
export interface Facts {
  service: string
  instance: string
  version: string
  /** `host:port` of its gRPC server, as it gave it. */
  address: string
  /** The same with the host as an IP address. */
  ip: string
  port: number
  zone: string
  startTime: Date
  /** SHA-256 of its contract, in hexadecimal. */
  contractHash: string
}

export interface Instance extends Facts {
  /** The stream it is attached by; undefined while it is not. */
  stream: number | undefined
  seenMs: number
  draining: boolean
  health: Health
  dependencies: Dependency[]
}

/** A service that has, or had, an instance. */
export interface KnownService {
  /** The contract of the instance that started last. */
  contractHash: string
  contractTime: Date
  /** Since when it has no instance. */
  emptySinceMs: number | undefined
}

export interface State {
  instances: ReadonlyMap<string, Instance>
  services: ReadonlyMap<string, KnownService>
  /** When time was last told. */
  tickMs: number
}

export type Event =
  | { type: 'hello'; stream: number; facts: Facts; nowMs: number }
  | { type: 'heartbeat'; stream: number; instance: string; dependencies: Dependency[]; nowMs: number }
  | { type: 'draining'; stream: number; instance: string }
  | { type: 'closed'; stream: number; instance: string; nowMs: number }
  | { type: 'health'; instance: string; startTime: Date; health: Health }
  | { type: 'tick'; nowMs: number }

export interface Outcome {
  state: State
  /** Whether anything changed that proxies, peers or a restarted Console should know. */
  changed: boolean
  /** Why a hello was refused. */
  refused?: string
  /** The streams that have lost their instance. */
  ended: Ended[]
}

/** A stream whose instance was taken over by another process, or that was silent for too long. */
export interface Ended {
  stream: number
  why: 'replaced' | 'silent'
  reason: string
}

/** @returns the state that a Console starts from: what was stored, every lease and every wait beginning anew. */
export function restored(
  instances: Omit<Instance, 'stream' | 'seenMs' | 'dependencies'>[],
  services: Map<string, Omit<KnownService, 'emptySinceMs'>>,
  nowMs: number,
): State {
  const occupied = new Set(instances.map(instance => instance.service))
  return {
    instances: new Map(
      instances.map(each => [each.instance, { ...each, stream: undefined, seenMs: nowMs, dependencies: [] }]),
    ),
    services: new Map(
      [...services].map(([name, known]) => [name, { ...known, emptySinceMs: occupied.has(name) ? undefined : nowMs }]),
    ),
    tickMs: nowMs,
  }
}

export function step(state: State, event: Event): Outcome {
  switch (event.type) {
    case 'hello':
      return hello(state, event)
    case 'heartbeat': {
      const { dependencies, nowMs } = event
      return update(state, event, instance => ({ ...instance, dependencies, seenMs: nowMs }), false)
    }
    case 'draining':
      return update(state, event, instance => ({ ...instance, draining: true }), true)
    case 'closed':
      return update(
        state,
        event,
        instance => (instance.draining ? undefined : { ...instance, stream: undefined }),
        true,
        event.nowMs,
      )
    case 'health': {
      const current = state.instances.get(event.instance)
      // A check that was under way when the instance was replaced says nothing of the new one.
      if (current?.startTime.getTime() !== event.startTime.getTime()) return same(state)
      return put(state, { ...current, health: event.health })
    }
    case 'tick':
      return tick(state, event.nowMs)
  }
}

function hello(state: State, { stream, facts, nowMs }: Extract<Event, { type: 'hello' }>): Outcome {
  const refuse = (refused: string): Outcome => ({ ...same(state), refused })
  const holder = [...state.instances.values()].find(
    each => each.ip === facts.ip && each.port === facts.port && each.instance !== facts.instance,
  )
  if (holder) {
    return refuse(
      `The address ${facts.address} belongs to ${holder.instance}. Give each instance an address of its own.`,
    )
  }
  const before = state.instances.get(facts.instance)
  const isBefore = before !== undefined && isSameProcess(before, facts)
  if (before?.stream !== undefined && !isBefore && facts.startTime <= before.startTime) {
    return refuse(
      `The name ${facts.instance} is held by an instance at ${before.address} that started later. Give each instance a name of its own.`,
    )
  }
  const instance: Instance = {
    ...facts,
    stream,
    seenMs: nowMs,
    // A process that has begun to leave does not come back: its stream broke on the way out.
    draining: isBefore && before.draining,
    health: isBefore ? before.health : { status: 'unknown', since: new Date(nowMs), reason: '' },
    dependencies: isBefore ? before.dependencies : [],
  }
  const known = state.services.get(facts.service)
  const isLatest = !known || facts.startTime >= known.contractTime
  const service: KnownService = {
    contractHash: isLatest ? facts.contractHash : known.contractHash,
    contractTime: isLatest ? facts.startTime : known.contractTime,
    emptySinceMs: undefined,
  }
  const ended = before?.stream === undefined ? [] : [takenOver(before.stream, facts)]
  const next = put({ ...state, services: new Map(state.services).set(facts.service, service) }, instance)
  return { ...withEmptiness(next, nowMs), ended }
}

const isSameProcess = (a: Facts, b: Facts) =>
  a.ip === b.ip && a.port === b.port && a.startTime.getTime() === b.startTime.getTime()

const takenOver = (stream: number, { instance, address, startTime }: Facts): Ended => ({
  stream,
  why: 'replaced',
  reason: `The name ${instance} was taken over by the instance at ${address}, started ${startTime.toISOString()}.`,
})

function tick(state: State, nowMs: number): Outcome {
  // A Console that was itself stopped or asleep has heard nobody: that is no reason to forget anybody.
  const slept = nowMs - state.tickMs > leaseMs / 2
  const kept = new Map<string, Instance>()
  const ended: Ended[] = []
  for (const [name, instance] of state.instances) {
    if (slept) kept.set(name, { ...instance, seenMs: nowMs })
    else if (nowMs - instance.seenMs <= leaseMs) kept.set(name, instance)
    else if (instance.stream !== undefined) {
      ended.push({
        stream: instance.stream,
        why: 'silent',
        reason: `Nothing was heard of ${name} for ${leaseMs / 1000} s.`,
      })
    }
  }
  const changed = kept.size !== state.instances.size
  const instances = changed || slept ? kept : state.instances
  const services = new Map(state.services)
  for (const [name, { emptySinceMs }] of services) {
    if (emptySinceMs !== undefined && nowMs - emptySinceMs > forgottenAfterMs) services.delete(name)
  }
  const forgot = services.size !== state.services.size
  const next = { instances, services: forgot ? services : state.services, tickMs: nowMs }
  return withEmptiness({ state: next, changed: changed || forgot, ended }, nowMs)
}

/** Changes the instance that is attached by the stream; from an older stream of that name nothing is taken. */
function update(
  state: State,
  { stream, instance: name }: { stream: number; instance: string },
  change: (instance: Instance) => Instance | undefined,
  changed: boolean,
  nowMs = state.tickMs,
): Outcome {
  const before = state.instances.get(name)
  if (before?.stream !== stream) return same(state)
  const after = change(before)
  if (after) return { ...put(state, after), changed }
  const instances = new Map(state.instances)
  instances.delete(name)
  return withEmptiness({ state: { ...state, instances }, changed: true, ended: [] }, nowMs)
}

/** Notes since when services have no instance. */
function withEmptiness(outcome: Outcome, nowMs: number): Outcome {
  if (!outcome.changed) return outcome
  const occupied = new Set([...outcome.state.instances.values()].map(instance => instance.service))
  const services = new Map(
    [...outcome.state.services].map(([name, known]) => [
      name,
      { ...known, emptySinceMs: occupied.has(name) ? undefined : (known.emptySinceMs ?? nowMs) },
    ]),
  )
  return { ...outcome, state: { ...outcome.state, services } }
}

const same = (state: State): Outcome => ({ state, changed: false, ended: [] })

function put(state: State, instance: Instance): Outcome {
  return {
    state: { ...state, instances: new Map(state.instances).set(instance.instance, instance) },
    changed: true,
    ended: [],
  }
}
