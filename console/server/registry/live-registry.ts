/** The registry as it runs: holds the state, tells those who follow it, and saves it. */
import type { Log } from '@site11/runtime/log.ts'
import { type Ended, type Event, type Outcome, type State, step } from './registry.ts'
import type { RegistryStore } from './store.ts'

export interface LiveRegistry {
  state(): State
  /** The contracts in use, serialized FileDescriptorSets by their SHA-256 in hexadecimal. */
  contracts(): ReadonlyMap<string, Uint8Array>
  apply(event: Event): Outcome
  /** A hello brings its contract with it. */
  addContract(hash: string, descriptors: Uint8Array): void
  /** @param end called when the stream has lost its instance, or without a reason when the Console stops. @returns its number. */
  openStream(end: (why?: Ended) => void): number
  closeStream(stream: number): void
  /** Called after each change that proxies or peers should know of. */
  onChange(listener: () => void): void
  /** Saves what is not saved yet and stops. */
  close(): Promise<void>
}

const tickMs = 1000
const saveAgainMs = 1000

/** @param loaded what the store had. */
export function runRegistry(
  store: RegistryStore,
  loaded: Awaited<ReturnType<RegistryStore['load']>>,
  { log, now = Date.now }: { log: Log; now?: () => number },
): LiveRegistry {
  let { state } = loaded
  const { contracts } = loaded
  const streams = new Map<number, (why?: Ended) => void>()
  const listeners: (() => void)[] = []
  let lastStream = 0
  let unsaved = false
  let failing = false
  let saving: Promise<void> | undefined
  let saveTimer: NodeJS.Timeout | undefined
  let closed = false

  /** One writer at a time; when the store does not answer, later again with what is then known. */
  function save(): Promise<void> {
    unsaved = true
    clearTimeout(saveTimer)
    saving ??= (async () => {
      try {
        while (unsaved) {
          unsaved = false
          await store.save(state, contracts)
        }
        if (failing) log.info('the registry is saved again')
        failing = false
      } catch (error) {
        if (!failing) log.warn({ reason: String(error) }, 'the registry cannot be saved; trying on')
        failing = true
        unsaved = true
        if (!closed) saveTimer = setTimeout(save, saveAgainMs)
      } finally {
        saving = undefined
      }
    })()
    return saving
  }

  function dropUnusedContracts() {
    const used = new Set([...state.services.values(), ...state.instances.values()].map(each => each.contractHash))
    for (const hash of contracts.keys()) if (!used.has(hash)) contracts.delete(hash)
  }

  function apply(event: Event): Outcome {
    if (closed) return { state, changed: false, ended: [] }
    const outcome = step(state, event)
    const before = state
    state = outcome.state
    for (const each of outcome.ended) streams.get(each.stream)?.(each)
    if (outcome.changed) {
      logChange(log, before, state)
      dropUnusedContracts()
      for (const listener of listeners) listener()
      void save()
    }
    return outcome
  }

  const ticking = setInterval(() => apply({ type: 'tick', nowMs: now() }), tickMs)
  return {
    state: () => state,
    contracts: () => contracts,
    apply,
    addContract: (hash, descriptors) => void contracts.set(hash, descriptors),
    openStream(end) {
      streams.set(++lastStream, end)
      return lastStream
    },
    closeStream: stream => void streams.delete(stream),
    onChange: listener => void listeners.push(listener),
    async close() {
      closed = true
      clearInterval(ticking)
      for (const end of streams.values()) end()
      await save()
      clearTimeout(saveTimer)
    },
  }
}

/** What an operator wants to read of it: who came, who went, who became what. */
function logChange(log: Log, before: State, after: State) {
  for (const [name, instance] of after.instances) {
    const old = before.instances.get(name)
    const { service, version, address, health } = instance
    if (!old || old.startTime.getTime() !== instance.startTime.getTime()) {
      log.info({ service, name, version, address }, 'instance registered')
    }
    if (instance.draining && !old?.draining) log.info({ name }, 'instance leaves')
    if (old && old.health.status !== health.status) {
      const level = health.status === 'failing' ? 'warn' : 'info'
      log[level]({ name, was: old.health.status, reason: health.reason || undefined }, `instance is ${health.status}`)
    }
  }
  for (const name of before.instances.keys()) {
    if (!after.instances.has(name)) log.info({ name }, 'instance is gone')
  }
}
