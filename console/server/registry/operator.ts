/** What operators do to instances. Pure. What they say of a name stays with it, whether or not there is an instance. */
import type { Mark, State } from './model.ts'
import { changed, type Outcome, same, withInstance, without } from './outcome.ts'

const unmarked: Mark = { drained: undefined, removedStartsMs: [] }
/** How many removed processes are remembered: of one name, and names that have no instance. */
const maxRemovedStarts = 10
const maxNames = 1000

interface DrainEvent {
  instance: string
  by: string
  reason: string
  nowMs: number
}

/** Nothing when there is no such instance, or it is drained already. */
export function drain(state: State, { instance: name, by, reason, nowMs }: DrainEvent): Outcome {
  const instance = state.instances.get(name)
  if (!instance || instance.drained) return same(state)
  const drained = { by, reason, time: new Date(nowMs) }
  const mark = { ...(state.marks.get(name) ?? unmarked), drained }
  return changed(withInstance(withMark(state, name, mark), { ...instance, drained }))
}

/** Nothing when the name is not drained. */
export function resume(state: State, { instance: name }: { instance: string }): Outcome {
  const mark = state.marks.get(name)
  if (!mark?.drained) return same(state)
  const next = withMark(state, name, { ...mark, drained: undefined })
  const instance = state.instances.get(name)
  return changed(instance ? withInstance(next, { ...instance, drained: undefined }) : next)
}

/** Takes the instance out and keeps its process out. A name that is drained without an instance is drained no more. */
export function remove(state: State, { instance: name, nowMs }: { instance: string; nowMs: number }): Outcome {
  const instance = state.instances.get(name)
  if (!instance) return resume(state, { instance: name })
  const { removedStartsMs } = state.marks.get(name) ?? unmarked
  const starts = [...removedStartsMs, instance.startTime.getTime()].slice(-maxRemovedStarts)
  const gone = new Map([[name, '']])
  const next = withMark(without(state, gone, nowMs), name, { drained: undefined, removedStartsMs: starts })
  const reason = `${name} was removed from the registry by an operator.`
  const ended = instance.stream === undefined ? [] : [{ stream: instance.stream, why: 'removed' as const, reason }]
  return { ...changed(bounded(next), ended), gone }
}

/** Nothing when there is no such service, or it has an instance. */
export function forgetService(state: State, { service: name }: { service: string }): Outcome {
  if (state.services.get(name)?.emptySinceMs === undefined) return same(state)
  const services = new Map(state.services)
  services.delete(name)
  return changed({ ...state, services })
}

function withMark(state: State, name: string, mark: Mark): State {
  const marks = new Map(state.marks)
  // At the end, as the one that was changed last.
  marks.delete(name)
  if (mark.drained || mark.removedStartsMs.length > 0) marks.set(name, mark)
  return { ...state, marks }
}

/** Forgets the names that were removed longest ago. */
function bounded(state: State): State {
  if (state.marks.size <= maxNames) return state
  const idle = [...state.marks].filter(([name, { drained }]) => !drained && !state.instances.has(name))
  const marks = new Map(state.marks)
  for (const [name] of idle.slice(0, state.marks.size - maxNames)) marks.delete(name)
  return { ...state, marks }
}
