/** What an event makes of the registry. */
import type { Instance, KnownService, State } from './model.ts'

export interface Outcome {
  state: State
  /** Whether anything is different besides when instances were heard. */
  changed: boolean
  /** Why a hello was refused. */
  refused?: { reason: 'INSTANCE_CONFLICT' | 'WRONG_STATE'; message: string }
  /** The streams that have lost their instance. */
  ended: Ended[]
  /** Why instances are gone, by their names. */
  gone: ReadonlyMap<string, string>
}

/** A stream whose instance was taken over by another process, was silent for too long, or was removed by an operator. */
export interface Ended {
  stream: number
  why: 'replaced' | 'silent' | 'removed'
  reason: string
}

const nobody: ReadonlyMap<string, string> = new Map()

export const same = (state: State): Outcome => ({ state, changed: false, ended: [], gone: nobody })

export const changed = (state: State, ended: Ended[] = []): Outcome => ({ state, changed: true, ended, gone: nobody })

export const withInstance = (state: State, instance: Instance): State => ({
  ...state,
  instances: new Map(state.instances).set(instance.instance, instance),
})

export const withService = (state: State, name: string, service: KnownService): State => ({
  ...state,
  services: new Map(state.services).set(name, service),
})

/**
 * Takes instances out, and notes of services since when they have none.
 * @param gone why, by the names of the instances.
 */
export function without(state: State, gone: ReadonlyMap<string, string>, nowMs: number): State {
  if (gone.size === 0) return state
  const instances = new Map(state.instances)
  for (const name of gone.keys()) instances.delete(name)
  const occupied = new Set([...instances.values()].map(({ service }) => service))
  const services = new Map(state.services)
  for (const [name, known] of services) {
    if (known.emptySinceMs === undefined && !occupied.has(name)) services.set(name, { ...known, emptySinceMs: nowMs })
  }
  return { ...state, instances, services }
}
