/** The instances as they change. A slow reader is told of each instance as it is by then; nothing piles up for it. */
import { InstanceChange, type WatchInstancesResponse } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import { resourceExhausted } from '@site11/runtime/errors.ts'
import { haveSame, haveSameStates, type LiveRegistry } from './live-registry.ts'
import { instanceMessage } from './message.ts'
import type { Instance } from './model.ts'

/** After a change, others are looked for no sooner. ms. */
const spacingMs = 50
/** The Console's own health changes without an event. ms. */
const lookAgainMs = 2000
const maxWatches = 100

export interface WatchOptions {
  registry: Pick<LiveRegistry, 'state' | 'onChange'>
  /** The Console as one of the instances. */
  own(): Instance
  now(): number
}

/** Sends all instances (of a service, if one is named), READY, and then what changes, until aborted. Throws OVERLOADED. */
export type InstanceWatch = (service: string, signal: AbortSignal) => AsyncIterable<WatchInstancesResponse>

export function createInstanceWatch({ registry, own, now }: WatchOptions): InstanceWatch {
  const watches = new Set<() => void>()
  registry.onChange(() => {
    for (const changed of watches) changed()
  })

  /** Each is asked for when it is its turn to be sent: what is true then counts. */
  function* differences(sent: Map<string, Instance>, service: string): Generator<WatchInstancesResponse> {
    const { instances } = registry.state()
    for (const name of new Set([own().instance, ...instances.keys(), ...sent.keys()])) {
      const was = sent.get(name)
      const found = name === own().instance ? own() : registry.state().instances.get(name)
      const is = service === '' || found?.service === service ? found : undefined
      if (was === is || (was && is && looksSame(was, is))) continue
      if (is) sent.set(name, is)
      else sent.delete(name)
      const instance = is ?? was
      yield { type: typeOf(was, is), instance: instance && instanceMessage(instance, now()) }
    }
  }

  return async function* watch(service, signal) {
    if (watches.size >= maxWatches) throw resourceExhausted('OVERLOADED', 'Too many watch the instances already.', 5000)
    const sent = new Map<string, Instance>()
    let changed = true
    let waiting = false
    let wake = () => {}
    const sleep = (ms: number) =>
      new Promise<void>(resolve => {
        const timer = setTimeout(resolve, ms)
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    const noteChange = () => {
      changed = true
      if (waiting) wake()
    }
    watches.add(noteChange)
    signal.addEventListener('abort', () => wake(), { once: true })
    try {
      yield* differences(sent, service)
      yield { type: InstanceChange.INSTANCE_CHANGE_READY, instance: undefined }
      while (!signal.aborted) {
        waiting = true
        if (!changed) await sleep(lookAgainMs)
        waiting = false
        changed = false
        yield* differences(sent, service)
        if (!signal.aborted) await sleep(spacingMs)
      }
    } finally {
      watches.delete(noteChange)
    }
  }
}

function typeOf(was: Instance | undefined, is: Instance | undefined): InstanceChange {
  if (!was) return InstanceChange.INSTANCE_CHANGE_ADDED
  return is ? InstanceChange.INSTANCE_CHANGE_UPDATED : InstanceChange.INSTANCE_CHANGE_REMOVED
}

/** When it was heard last is the one thing that does not count. */
function looksSame(a: Instance, b: Instance): boolean {
  return (
    plain.every(name => a[name] === b[name]) &&
    a.health.status === b.health.status &&
    a.health.reason === b.health.reason &&
    a.startTime.getTime() === b.startTime.getTime() &&
    a.registerTime.getTime() === b.registerTime.getTime() &&
    (a.stream === undefined) === (b.stream === undefined) &&
    haveSame(a.dependencies, b.dependencies) &&
    haveSameStates(a.calls, b.calls)
  )
}
const plain = [
  'service',
  'version',
  'address',
  'zone',
  'contractHash',
  'draining',
  'drained',
  'clockOffsetMs',
  'healthChangesMs',
] as const
