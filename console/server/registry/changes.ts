/** What a step has changed, as the journal puts it down. Pure. */
import type { NewChange } from '../journal/journal.ts'
import { instanceFields, instanceSubject, serviceFields, serviceSubject } from './fields.ts'
import { forgottenAfterMs, isSameProcess, type State } from './model.ts'

/** A change that nobody is named for yet. */
export type StateChange = Omit<NewChange, 'actor'>

/**
 * @param gone why instances are gone, by their names, as far as that is known.
 * @param nowMs for how long things lasted.
 * @param only the instance that alone can differ, besides those that are gone; spares looking at all.
 * @returns one change for each subject that differs, services first. Heartbeats and streams make none.
 */
export function changesBetween(
  before: State,
  after: State,
  gone: ReadonlyMap<string, string>,
  nowMs: number,
  only?: string,
): StateChange[] {
  const services = keysThatDiffer(before.services, after.services).flatMap(name =>
    serviceChange(before, after, name, nowMs),
  )
  const names = new Set(
    only === undefined
      ? [...keysThatDiffer(before.instances, after.instances), ...keysThatDiffer(before.marks, after.marks)]
      : [...gone.keys(), only],
  )
  return [...services, ...[...names].flatMap(name => instanceChange(before, after, name, gone.get(name), nowMs))]
}

function keysThatDiffer<V>(before: ReadonlyMap<string, V>, after: ReadonlyMap<string, V>): string[] {
  if (before === after) return []
  const found: string[] = []
  for (const [key, value] of after) if (before.get(key) !== value) found.push(key)
  for (const key of before.keys()) if (!after.has(key)) found.push(key)
  return found
}

function serviceChange(before: State, after: State, name: string, nowMs: number): StateChange[] {
  const [was, is] = [before.services.get(name), after.services.get(name)]
  const change = {
    subject: serviceSubject(name),
    before: serviceFields(before, name),
    after: serviceFields(after, name),
  }
  if (!is) {
    const emptyMs = nowMs - (was?.emptySinceMs ?? nowMs)
    const reason = emptyMs > forgottenAfterMs ? 'It has had no instance for a day.' : 'An operator removed it.'
    return [{ ...change, action: 'service.forgotten', reason, durationMs: emptyMs }]
  }
  if (was?.contractHash !== is.contractHash) return [{ ...change, action: 'service.contract' }]
  if (was.refused !== is.refused) {
    return [{ ...change, action: 'service.contract_refused', reason: is.refused?.reason }]
  }
  if (was.traffic !== is.traffic) return [{ ...change, action: 'service.traffic' }]
  return was.acceptedHash === is.acceptedHash ? [] : [{ ...change, action: 'service.contract_accepted' }]
}

function instanceChange(
  before: State,
  after: State,
  name: string,
  whyGone: string | undefined,
  nowMs: number,
): StateChange[] {
  const happened = happenedTo(before, after, name, whyGone, nowMs)
  if (!happened) return []
  const fields = { before: instanceFields(before, name), after: instanceFields(after, name) }
  return [{ ...happened, ...fields, subject: instanceSubject(name) }]
}

type Happened = Pick<StateChange, 'action' | 'reason' | 'durationMs'>

function happenedTo(
  before: State,
  after: State,
  name: string,
  whyGone: string | undefined,
  nowMs: number,
): Happened | undefined {
  const [was, is] = [before.instances.get(name), after.instances.get(name)]
  const [markWas, markIs] = [before.marks.get(name), after.marks.get(name)]
  const since = (date: Date) => Math.max(0, nowMs - date.getTime())
  if (!was && is) return { action: 'instance.registered' }
  if (was && !is) {
    const removed = (markIs?.removedStartsMs ?? []).some(ms => !markWas?.removedStartsMs.includes(ms))
    const action = removed ? 'instance.removed' : was.draining ? 'instance.left' : 'instance.expired'
    return { action, reason: whyGone, durationMs: since(was.registerTime) }
  }
  if (was && is && (!isSameProcess(was, is) || !hasSameFacts(was, is))) {
    return { action: 'instance.returned', durationMs: since(was.registerTime) }
  }
  if (!markWas?.drained && markIs?.drained) return { action: 'instance.drained', reason: markIs.drained.reason }
  if (markWas?.drained && !markIs?.drained) {
    return { action: 'instance.resumed', durationMs: since(markWas.drained.time) }
  }
  if (markWas && !markIs)
    return { action: 'instance.expired', reason: 'It was removed long ago, as many others since.' }
  if (!was || !is) return undefined
  if (is.draining && !was.draining) return { action: 'instance.draining' }
  const turned = was.health.status !== is.health.status
  if (!turned && was.health.reason === is.health.reason) return undefined
  return {
    action: 'instance.health',
    reason: is.health.reason,
    durationMs: turned ? Math.max(0, is.health.since.getTime() - was.health.since.getTime()) : undefined,
  }
}

/** What the same process says of itself may differ when it attaches again. */
function hasSameFacts(a: StateFacts, b: StateFacts): boolean {
  return facts.every(name => a[name] === b[name])
}
const facts = ['service', 'version', 'apiVersion', 'address', 'zone', 'contractHash'] as const
type StateFacts = Record<(typeof facts)[number], string>
