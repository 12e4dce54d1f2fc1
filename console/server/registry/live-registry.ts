/** The registry as it runs: holds the state, journals what changes, and tells those who follow it. */
import type { CallHealth, Dependency } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import type { Log } from '@site11/runtime/log.ts'
import type { Journal } from '../journal/journal.ts'
import { changesBetween, type StateChange } from './changes.ts'
import type { Contracts } from './contracts.ts'
import { instanceSubject, stateFrom } from './fields.ts'
import type { State } from './model.ts'
import type { Ended, Outcome } from './outcome.ts'
import { createRefusals, type Refusal, type Refusals } from './refusals.ts'
import { type Event, step } from './registry.ts'

/** What an event did. */
export interface Applied extends Outcome {
  /** The id of the last change that it made in the journal; 0 when it made none. */
  change: number
}

export interface LiveRegistry {
  state(): State
  /** The contracts in use, serialized FileDescriptorSets by their SHA-256 in hexadecimal. */
  contracts(): ReadonlyMap<string, Uint8Array>
  /** @param by who did it, where that is not the instance, the Console or, with `drain`, the one named there. */
  apply(event: Event, by?: string): Applied
  /** A hello brings its contract with it. */
  addContract(hash: string, descriptors: Uint8Array): void
  /** Notes that somebody was not let in. */
  refuse(refused: Parameters<Refusals['add']>[0]): void
  /** Who was refused within the last minutes and did not get in since; the last one first. */
  refusals(): Refusal[]
  /** @param end called when the stream has lost its instance, or without a reason when the Console stops. @returns its number. */
  openStream(end: (why?: Ended) => void): number
  closeStream(stream: number): void
  /**
   * Called after each event that made anything different, heartbeats aside.
   * @param listener is given the last change in the journal, or 0 when nothing changed that is put down there: then it is not of
   * interest to proxies and peers, but to those who look on (dependencies, attached or not).
   */
  onChange(listener: (change: number) => void): void
  /** Ends all streams; nothing changes any more. */
  close(): void
}

export interface RegistryOptions {
  journal: Pick<Journal, 'record' | 'subjects' | 'saved'>
  contracts: Contracts
  log: Log
  now?: () => number
}

const tickMs = 1000
/** Smaller changes of what a clock is off come from the time that messages take. ms. */
const offsetNoiseMs = 250

/** Runs the registry on what the journal has: nobody is forgotten, and every lease begins anew. */
export function runRegistry({ journal, contracts, log, now = Date.now }: RegistryOptions): LiveRegistry {
  let state = stateFrom(journal.subjects(), now())
  const streams = new Map<number, (why?: Ended) => void>()
  const listeners: ((change: number) => void)[] = []
  const refusals = createRefusals()
  /** When instances were heard since the last tick that had nothing new to say: kept apart, as this is most of what happens. */
  let heard = new Map<string, number>()
  let lastStream = 0
  let closed = false
  dropUnusedContracts()

  function dropUnusedContracts() {
    const used = new Set<string>()
    for (const { contractHash, acceptedHash } of state.services.values()) {
      used.add(contractHash)
      if (acceptedHash !== undefined) used.add(acceptedHash)
    }
    for (const { contractHash } of state.instances.values()) used.add(contractHash)
    if (![...contracts.held().keys()].some(hash => !used.has(hash))) return
    contracts.keep(used)
    void journal
      .saved()
      .then(contracts.clean)
      .catch(error => log.debug({ reason: String(error) }, 'contracts without use stay stored for now'))
  }

  function apply(event: Event, by?: string): Applied {
    const idle = { state, changed: false, ended: [], gone: new Map<string, string>(), change: 0 }
    if (closed) return idle
    if (event.type === 'heartbeat' && saysNothingNew(state, event)) {
      heard.set(event.instance, event.nowMs)
      return idle
    }
    const before = state
    const outcome = step(state, withHeard(event))
    state = outcome.state
    let change = 0
    for (const each of outcome.changed ? changesBetween(before, state, outcome.gone, now(), subjectOf(event)) : []) {
      change = journal.record({ ...each, actor: by ?? actorOf(event, before) })
      logChange(log, each, change)
    }
    if (event.type === 'hello' && !outcome.refused) refusals.admitted(event.facts.instance)
    for (const each of outcome.ended) streams.get(each.stream)?.(each)
    if (change > 0 && mayFreeContracts(event, outcome)) dropUnusedContracts()
    if (outcome.changed) for (const listener of listeners) listener(change)
    return { ...outcome, change }
  }

  function withHeard(event: Event): Event {
    if (event.type === 'closed') return { ...event, heardMs: heard.get(event.instance) }
    if (event.type !== 'tick') return event
    const told = heard
    heard = new Map()
    return { ...event, heard: told }
  }

  const ticking = setInterval(() => apply({ type: 'tick', nowMs: now() }), tickMs)
  return {
    state: () => state,
    contracts: contracts.held,
    apply,
    addContract: contracts.add,
    refuse(refused) {
      if (!refusals.add(refused, new Date(now()))) return
      log.warn({ ...refused }, 'an instance was refused')
      if (refused.instance === '' || closed) return
      const subject = instanceSubject(refused.instance)
      journal.record({
        actor: serviceActor(refused.service),
        action: 'instance.refused',
        subject,
        reason: refused.reason,
      })
    },
    refusals: () => refusals.list(new Date(now())),
    openStream(end) {
      streams.set(++lastStream, end)
      return lastStream
    },
    closeStream: stream => void streams.delete(stream),
    onChange: listener => void listeners.push(listener),
    close() {
      closed = true
      clearInterval(ticking)
      for (const end of streams.values()) end()
    },
  }
}

/** The instance that alone an event is about, besides those that are gone by it. */
const subjectOf = (event: Event): string | undefined =>
  event.type === 'hello' ? event.facts.instance : 'instance' in event ? event.instance : undefined

const mayFreeContracts = ({ type }: Event, { gone }: Outcome) =>
  type === 'hello' || type === 'contract' || type === 'forget' || type === 'tick' || gone.size > 0

function saysNothingNew(state: State, event: Extract<Event, { type: 'heartbeat' }>): boolean {
  const known = state.instances.get(event.instance)
  return (
    known?.stream === event.stream &&
    Math.abs(known.clockOffsetMs - event.clockOffsetMs) <= offsetNoiseMs &&
    haveSame(known.dependencies, event.dependencies) &&
    haveSameStates(known.calls, event.calls)
  )
}

/** @returns whether they tell the same. */
export function haveSame(a: Dependency[], b: Dependency[]): boolean {
  return (
    a.length === b.length &&
    a.every((one, index) => {
      const other = b[index]
      return one.name === other?.name && one.healthy === other.healthy && one.reason === other.reason
    })
  )
}

/** @returns whether the same is let through and the same instances are passed over. Counts alone are no news. */
export function haveSameStates(a: CallHealth[], b: CallHealth[]): boolean {
  return (
    a.length === b.length &&
    a.every((one, index) => {
      const other = b[index]
      return (
        one.service === other?.service &&
        one.method === other.method &&
        one.state === other.state &&
        one.ejected.join() === other.ejected.join()
      )
    })
  )
}

/** @returns who did it when nobody is named. */
function actorOf(event: Event, before: State): string {
  switch (event.type) {
    case 'hello':
      return serviceActor(event.facts.service)
    case 'heartbeat':
    case 'draining':
    case 'closed':
      return serviceActor(before.instances.get(event.instance)?.service ?? '')
    case 'drain':
      return event.by
    default:
      return 'console'
  }
}

const serviceActor = (service: string) => (service ? `services/${service}` : 'console')

/** What an operator wants to read of it: who came, who went, who became what. */
function logChange(log: Log, { action, subject, reason, after }: StateChange, change: number) {
  const isBad = action === 'service.contract_refused' || (action === 'instance.health' && after?.health === 'failing')
  const state = action === 'instance.health' ? { health: after?.health } : {}
  log[isBad ? 'warn' : 'info']({ change, subject, ...state, reason: reason || undefined }, action)
}
