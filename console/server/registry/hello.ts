/** Who is let into the registry, and as what. Pure. */
import {
  type Facts,
  heartbeatMs,
  type Instance,
  isSameProcess,
  type KnownService,
  type State,
  startMsOf,
} from './model.ts'
import { changed, type Ended, type Outcome, same, withInstance, without, withService } from './outcome.ts'

interface Hello {
  stream: number
  facts: Facts
  clockOffsetMs: number
  nowMs: number
}

export function hello(state: State, { stream, facts, clockOffsetMs, nowMs }: Hello): Outcome {
  const { instance: name, service } = facts
  const mark = state.marks.get(name)
  if (mark?.removedStartsMs.includes(facts.startTime.getTime())) {
    const message = `${name} was removed from the registry by an operator. Restart the process to let it in again.`
    return { ...same(state), refused: { reason: 'WRONG_STATE', message } }
  }
  const conflict = (message: string): Outcome => ({
    ...same(state),
    refused: { reason: 'INSTANCE_CONFLICT', message },
  })
  const holder = [...state.instances.values()].find(
    each => each.ip === facts.ip && each.port === facts.port && each.instance !== name,
  )
  if (holder && !isDead(holder, nowMs)) {
    return conflict(
      `The address ${facts.address} belongs to ${holder.instance}. Give each instance an address of its own.`,
    )
  }
  const before = state.instances.get(name)
  const known = before && isSameProcess(before, facts) ? before : undefined
  const startMs = startMsOf({ startTime: facts.startTime, clockOffsetMs })
  if (before?.stream !== undefined && !known && startMs <= startMsOf(before)) {
    return conflict(
      `The name ${name} is held by an instance at ${before.address} that started later. Give each instance a name of its own.`,
    )
  }
  const gone = holder
    ? new Map([
        [holder.instance, `It was not heard any more, and its address ${facts.address} is that of ${name} now.`],
      ])
    : new Map<string, string>()
  const instance: Instance = {
    ...facts,
    stream,
    seenMs: nowMs,
    registerTime: known?.registerTime ?? new Date(nowMs),
    // A process that has begun to leave does not come back: its stream broke on the way out.
    draining: known?.draining ?? false,
    drainTime: known?.drainTime,
    drained: mark?.drained,
    clockOffsetMs,
    health: known?.health ?? { status: 'unknown', since: new Date(nowMs), reason: '' },
    // Of the name: a process that is started again and again is no steadier for that.
    healthChangesMs: before?.healthChangesMs ?? [],
    dependencies: known?.dependencies ?? [],
    calls: known?.calls ?? [],
  }
  const remaining = withService(without(state, gone, nowMs), service, serviceWith(state, facts, startMs))
  const ended = before?.stream === undefined ? [] : [takenOver(before.stream, facts)]
  const entered = withInstance(remaining, instance)
  // A process that says another service than the one of that name before leaves that one without it.
  const left = before && before.service !== service ? leftEmpty(entered, before.service, nowMs) : entered
  return { ...changed(left, ended), gone }
}

/** Whoever is bound to its address is another: it is neither attached nor heard. */
const isDead = ({ stream, seenMs }: Instance, nowMs: number) => stream === undefined && nowMs - seenMs > 2 * heartbeatMs

/** @returns the service with the contract of the newcomer, if no instance of another contract started later. */
function serviceWith(state: State, { service, contractHash }: Facts, startMs: number): KnownService {
  const known = state.services.get(service)
  if (!known) {
    const contractTime = new Date(startMs)
    return { contractHash, contractTime, acceptedHash: undefined, refused: undefined, emptySinceMs: undefined }
  }
  const occupied = { ...known, emptySinceMs: undefined }
  if (known.contractHash === contractHash) return occupied
  const ofPresent = [...state.instances.values()]
    .filter(each => each.service === service && each.contractHash === known.contractHash)
    .map(startMsOf)
  if (startMs < Math.max(known.contractTime.getTime(), ...ofPresent)) return occupied
  return { ...occupied, contractHash, contractTime: new Date(startMs), refused: undefined }
}

function leftEmpty(state: State, service: string, nowMs: number): State {
  const known = state.services.get(service)
  if (!known || [...state.instances.values()].some(each => each.service === service)) return state
  return withService(state, service, { ...known, emptySinceMs: nowMs })
}

const takenOver = (stream: number, { instance, address, startTime }: Facts): Ended => ({
  stream,
  why: 'replaced',
  reason: `The name ${instance} was taken over by the instance at ${address}, started ${startTime.toISOString()}.`,
})
