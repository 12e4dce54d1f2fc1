/**
 * What the Console knows of the instances of all services, as a state machine: `step(state, event)`. Pure; time comes with the event.
 *
 * An instance is its name. It holds its place while it is heard from within the lease, whether or not its stream is open: a
 * broken stream or a Console that restarts takes nobody out of service. One that leaves in order loses its place at once. What
 * operators say holds for the name, whichever process has it.
 */
import type { CallHealth, Dependency } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import { hello } from './hello.ts'
import {
  type Facts,
  flapWindowMs,
  forgottenAfterMs,
  type Health,
  type Instance,
  leaseMs,
  type State,
  type TrafficWeight,
} from './model.ts'
import { drain, forgetService, remove, resume } from './operator.ts'
import { changed, type Ended, type Outcome, same, withInstance, without, withService } from './outcome.ts'
import { setTraffic } from './traffic.ts'

export type { Facts, Health, Instance, KnownService, State } from './model.ts'
export { heartbeatMs, isServing, leaseMs } from './model.ts'

const maxHealthChanges = 100

export type Event =
  | { type: 'hello'; stream: number; facts: Facts; clockOffsetMs: number; nowMs: number }
  | {
      type: 'heartbeat'
      stream: number
      instance: string
      dependencies: Dependency[]
      calls: CallHealth[]
      clockOffsetMs: number
      nowMs: number
    }
  | { type: 'draining'; stream: number; instance: string; nowMs: number }
  /** `heardMs`: when the instance was heard last, if not said otherwise. */
  | { type: 'closed'; stream: number; instance: string; nowMs: number; heardMs?: number | undefined }
  | { type: 'health'; instance: string; startTime: Date; health: Health }
  /** `heard`: when instances were heard that had nothing new to say. ms. */
  | { type: 'tick'; nowMs: number; heard?: ReadonlyMap<string, number> }
  | { type: 'drain'; instance: string; by: string; reason: string; nowMs: number }
  | { type: 'resume'; instance: string }
  | { type: 'remove'; instance: string; nowMs: number }
  | { type: 'forget'; service: string }
  | { type: 'traffic'; service: string; weights: readonly TrafficWeight[] }
  | { type: 'contract'; service: string; contractHash: string; verdict: 'accepted' | 'refused'; reason: string }

export const emptyState = (nowMs: number): State => ({
  instances: new Map(),
  services: new Map(),
  marks: new Map(),
  tickMs: nowMs,
})

export function step(state: State, event: Event): Outcome {
  switch (event.type) {
    case 'hello':
      return hello(state, event)
    case 'heartbeat': {
      const { dependencies, calls, clockOffsetMs, nowMs } = event
      return update(state, event, instance => ({ ...instance, dependencies, calls, clockOffsetMs, seenMs: nowMs }))
    }
    case 'draining':
      return update(state, event, instance =>
        instance.draining ? instance : { ...instance, draining: true, drainTime: new Date(event.nowMs) },
      )
    case 'closed': {
      const instance = state.instances.get(event.instance)
      if (!instance?.draining) {
        const seen = (seenMs: number) => Math.max(seenMs, event.heardMs ?? seenMs)
        return update(state, event, each => ({ ...each, stream: undefined, seenMs: seen(each.seenMs) }))
      }
      if (instance.stream !== event.stream) return same(state)
      const gone = new Map([[event.instance, '']])
      return { ...changed(without(state, gone, event.nowMs)), gone }
    }
    case 'health':
      return checked(state, event)
    case 'tick':
      return tick(state, event)
    case 'drain':
      return drain(state, event)
    case 'resume':
      return resume(state, event)
    case 'remove':
      return remove(state, event)
    case 'forget':
      return forgetService(state, event)
    case 'traffic':
      return setTraffic(state, event)
    case 'contract':
      return judge(state, event)
  }
}

/** Changes the instance that is attached by the stream; from an older stream of that name nothing is taken. */
function update(
  state: State,
  { stream, instance: name }: { stream: number; instance: string },
  change: (instance: Instance) => Instance,
): Outcome {
  const before = state.instances.get(name)
  if (before?.stream !== stream) return same(state)
  const after = change(before)
  return after === before ? same(state) : changed(withInstance(state, after))
}

function checked(state: State, { instance: name, startTime, health }: Extract<Event, { type: 'health' }>): Outcome {
  const current = state.instances.get(name)
  // A check that was under way when the instance was replaced says nothing of the new one.
  if (current?.startTime.getTime() !== startTime.getTime()) return same(state)
  const turned = current.health.status !== health.status && current.health.status !== 'unknown'
  const sinceMs = health.since.getTime()
  const healthChangesMs = turned
    ? [...current.healthChangesMs.filter(ms => ms > sinceMs - flapWindowMs), sinceMs].slice(-maxHealthChanges)
    : current.healthChangesMs
  return changed(withInstance(state, { ...current, health, healthChangesMs }))
}

function tick(before: State, { nowMs, heard = new Map() }: Extract<Event, { type: 'tick' }>): Outcome {
  // A Console that was itself stopped or asleep, or whose clock was set back, has heard nobody: no reason to forget anybody.
  const elapsedMs = nowMs - before.tickMs
  const renew = elapsedMs < 0 || elapsedMs > leaseMs / 2
  const state = {
    ...(renew || heard.size > 0 ? seen(before, heard, renew ? nowMs : undefined) : before),
    tickMs: nowMs,
  }
  const gone = new Map<string, string>()
  const ended: Ended[] = []
  for (const [name, { seenMs, stream }] of state.instances) {
    if (nowMs - seenMs <= leaseMs) continue
    const reason = `Nothing was heard of ${name} for ${leaseMs / 1000} s.`
    gone.set(name, reason)
    if (stream !== undefined) ended.push({ stream, why: 'silent', reason })
  }
  const next = forget(without(state, gone, nowMs), nowMs)
  const isChanged = gone.size > 0 || next.services.size !== before.services.size
  return { state: next, changed: isChanged, ended, gone }
}

/** Notes when instances were heard; with `allMs`, that all were. */
function seen(state: State, heard: ReadonlyMap<string, number>, allMs: number | undefined): State {
  const instances = new Map(state.instances)
  for (const [name, instance] of instances) {
    const ms = allMs ?? heard.get(name)
    if (ms !== undefined) instances.set(name, { ...instance, seenMs: allMs ?? Math.max(ms, instance.seenMs) })
  }
  if (allMs === undefined) return { ...state, instances }
  const services = new Map(
    [...state.services].map(([name, known]) => [
      name,
      { ...known, emptySinceMs: known.emptySinceMs && Math.min(known.emptySinceMs, allMs) },
    ]),
  )
  return { ...state, instances, services }
}

function forget(state: State, nowMs: number): State {
  const isForgotten = (emptySinceMs: number | undefined) =>
    emptySinceMs !== undefined && nowMs - emptySinceMs > forgottenAfterMs
  if (![...state.services.values()].some(({ emptySinceMs }) => isForgotten(emptySinceMs))) return state
  const kept = [...state.services].filter(([, { emptySinceMs }]) => !isForgotten(emptySinceMs))
  return { ...state, services: new Map(kept) }
}

function judge(state: State, event: Extract<Event, { type: 'contract' }>): Outcome {
  const { service: name, contractHash, verdict, reason } = event
  const known = state.services.get(name)
  // What was said of a contract that was replaced meanwhile matters to nobody.
  if (known?.contractHash !== contractHash) return same(state)
  if (verdict === 'refused') {
    if (known.refused?.contractHash === contractHash && known.refused.reason === reason) return same(state)
    return changed(withService(state, name, { ...known, refused: { contractHash, reason } }))
  }
  if (known.acceptedHash === contractHash || known.refused?.contractHash === contractHash) return same(state)
  return changed(withService(state, name, { ...known, acceptedHash: contractHash }))
}
