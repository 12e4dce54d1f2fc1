/**
 * What this process knows of each service that it calls, over all clients: its circuit breaker, one for each method, its instances and the
 * retries that are left.
 */
import { type CallHealth, CallState } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import {
  type Breaker,
  type BreakerEvent,
  closedBreaker,
  countsOf,
  type Outcome,
  retryAfterMs,
  step,
} from './breaker.ts'
import type { Log } from './log.ts'
import { afterOutcome, isEjected, type PeerHealth, soundPeer } from './peer-health.ts'
import { fullBudget, type RetryBudget } from './retry-budget.ts'

export interface Peer {
  readonly address: string
  health: PeerHealth
  underway: number
}

export interface Target {
  readonly service: string
  breaker: Breaker
  /**
   * By path: a method that fails while the service as a whole works is held back alone. They mean nothing while the
   * service's own is not closed.
   */
  readonly methods: Map<string, Breaker>
  budget: RetryBudget
  /** Calls that were let through and have not ended. */
  underway: number
  peers: Peer[]
  /** Why a call failed last. */
  reason: string
}

const targets = new Map<string, Target>()
const logs = new Set<Log>()

export function targetOf(service: string): Target {
  let target = targets.get(service)
  if (!target) {
    const nowMs = Date.now()
    const breaker = closedBreaker(nowMs)
    target = { service, breaker, methods: new Map(), budget: fullBudget(nowMs), underway: 0, peers: [], reason: '' }
    targets.set(service, target)
  }
  return target
}

/** Writes a line whenever a breaker opens or closes. @returns a function that ends that. */
export function logBreakers(log: Log): () => void {
  logs.add(log)
  return () => logs.delete(log)
}

/** Which breakers let a call through, and when they did. */
export interface Admission {
  readonly epoch: number
  readonly methodEpoch: number
}

/** The breaker that holds a call back. */
export interface Refusal {
  /** Empty when it is the service's. */
  readonly method: string
  readonly retryAfterMs: number
}

/** Asks the breakers whether a call may go out. */
export function admit(target: Target, method: string, nowMs: number): Admission | Refusal {
  if (!stepService(target, { type: 'call', nowMs })) {
    return { method: '', retryAfterMs: retryAfterMs(target.breaker, nowMs) }
  }
  const { epoch } = target.breaker
  if (target.breaker.state !== 'closed') return { epoch, methodEpoch: -1 }
  if (!stepMethod(target, method, { type: 'call', nowMs })) {
    const held = target.methods.get(method)
    return { method, retryAfterMs: held ? retryAfterMs(held, nowMs) : 0 }
  }
  return { epoch, methodEpoch: target.methods.get(method)?.epoch ?? -1 }
}

/** Tells the breakers what became of a call: of the service, and of the method. */
export function settle(
  target: Target,
  method: string,
  { epoch, methodEpoch }: Admission,
  [ofService, ofMethod]: readonly [Outcome, Outcome],
  nowMs: number,
): void {
  stepService(target, { type: 'end', outcome: ofService, epoch, nowMs })
  if (methodEpoch >= 0) stepMethod(target, method, { type: 'end', outcome: ofMethod, epoch: methodEpoch, nowMs })
}

function stepService(target: Target, event: BreakerEvent): boolean {
  const before = target.breaker
  const { breaker, admitted } = step(before, event)
  target.breaker = breaker
  if (breaker.state !== before.state) {
    target.methods.clear()
    tell(target, '', before, breaker)
  }
  return admitted
}

function stepMethod(target: Target, method: string, event: BreakerEvent): boolean {
  const before = target.methods.get(method) ?? closedBreaker(event.nowMs)
  const { breaker, admitted } = step(before, event)
  target.methods.set(method, breaker)
  if (breaker.state !== before.state) tell(target, method, before, breaker)
  return admitted
}

function tell({ service, reason }: Target, method: string, before: Breaker, after: Breaker): void {
  const facts = { service, ...(method && { method }) }
  for (const log of logs) {
    if (before.state === 'closed') {
      log.warn({ ...facts, ...countsOf(after), reason }, 'calls to the service are held back: too many have failed')
    } else if (after.state === 'closed') {
      log.info({ ...facts, ms: after.sinceMs - before.sinceMs }, 'calls to the service are let through again')
    } else log.debug({ ...facts, reason }, after.state === 'open' ? 'it still fails' : 'trying the service')
  }
}

/** Takes the present addresses of a service. An instance that was not there before is reason to try it at once. */
export function setAddresses(target: Target, addresses: readonly string[]): void {
  const known = new Map(target.peers.map(peer => [peer.address, peer]))
  target.peers = addresses.map(address => known.get(address) ?? { address, health: soundPeer, underway: 0 })
  if (addresses.some(address => !known.has(address))) stepService(target, { type: 'news', nowMs: Date.now() })
}

/** Notes what became of a call that an instance was sent. */
export function notePeer(peer: Peer, outcome: Outcome, nowMs: number): void {
  peer.health = afterOutcome(peer.health, outcome, nowMs)
}

const states = {
  closed: CallState.CALL_STATE_CLOSED,
  open: CallState.CALL_STATE_OPEN,
  halfOpen: CallState.CALL_STATE_HALF_OPEN,
}

/** @returns how calls to each service fare, and to each method that is held back alone; sorted. */
export function callHealth(nowMs = Date.now()): CallHealth[] {
  return [...targets.values()]
    .sort((a, b) => (a.service < b.service ? -1 : 1))
    .flatMap(target => {
      stepService(target, { type: 'tick', nowMs })
      const methods = [...target.methods.keys()].sort()
      for (const method of methods) stepMethod(target, method, { type: 'tick', nowMs })
      const ejected = target.peers.filter(({ health }) => isEjected(health)).map(({ address }) => address)
      return [
        healthOf(target, '', target.breaker, ejected),
        ...methods.flatMap(method => {
          const breaker = target.methods.get(method)
          return breaker && breaker.state !== 'closed' ? [healthOf(target, method, breaker, [])] : []
        }),
      ]
    })
}

function healthOf({ service, reason }: Target, method: string, breaker: Breaker, ejected: string[]): CallHealth {
  const { state, sinceMs } = breaker
  const isClosed = state === 'closed'
  return {
    service,
    method,
    state: states[state],
    since: new Date(sinceMs),
    ...countsOf(breaker),
    ejected,
    reason: isClosed && ejected.length === 0 ? '' : reason.slice(0, 300),
  }
}
