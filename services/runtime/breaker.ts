/**
 * A circuit breaker as a state machine: `step(breaker, event)`. Pure; time comes with the event.
 *
 *   closed ──too many of the last calls failed──► open ──after a time, or news──► half-open ──all probes succeed──► closed
 *                                                   ▲                                 │
 *                                                   └───────────a probe fails─────────┘
 */

/** What a call says of the one that was called. `unknown`: nothing, as when the caller hung up. */
export type Outcome = 'success' | 'failure' | 'unknown'

export interface Breaker {
  readonly state: 'closed' | 'open' | 'halfOpen'
  /** Since when it is closed, or is not. ms. */
  readonly sinceMs: number
  /** When it came into its state. ms. */
  readonly changedMs: number
  /** When a call was asked for last. ms. */
  readonly calledMs: number
  /** Grows with each change of state: what becomes of a call that was let through before says nothing of now. */
  readonly epoch: number
  /** The window is two halves: this one, and what is left of the one before. */
  readonly half: Half
  readonly before: Half
  /** Half-open only: calls let through and not ended, and those that have succeeded. */
  readonly probing: number
  readonly succeeded: number
}

interface Half {
  readonly startMs: number
  readonly calls: number
  readonly failures: number
}

export type BreakerEvent =
  /** A call wants to go out. */
  | { type: 'call'; nowMs: number }
  /** A call that was let through in `epoch` has ended. */
  | { type: 'end'; outcome: Outcome; epoch: number; nowMs: number }
  /** There is reason to think that it works again. */
  | { type: 'news'; nowMs: number }
  /** Time goes by. */
  | { type: 'tick'; nowMs: number }

/** It opens when at least so many calls ended within the window, at least this part of them badly. */
export const minCalls = 10
export const failureRatio = 0.5
/** The window is over after so many calls too: a service that is called often is not to fail for long before it opens. */
export const windowCalls = 200
/** All ms. */
export const windowMs = 10_000
export const openMs = 500
/** One that nobody calls any more knows nothing of now: it closes. */
export const forgetMs = 10_000
/** So many calls at a time are let through half-open, and so many must succeed. */
export const probes = 2

const halfMs = windowMs / 2
const empty = (startMs: number): Half => ({ startMs, calls: 0, failures: 0 })

export const closedBreaker = (nowMs: number, epoch = 0, calledMs = nowMs): Breaker => ({
  state: 'closed',
  sinceMs: nowMs,
  changedMs: nowMs,
  calledMs,
  epoch,
  half: empty(nowMs),
  before: empty(nowMs - halfMs),
  probing: 0,
  succeeded: 0,
})

/** @returns the breaker as it is then, and for a call whether it may go out. */
export function step(breaker: Breaker, event: BreakerEvent): { breaker: Breaker; admitted: boolean } {
  switch (event.type) {
    case 'call':
      return call(breaker, event.nowMs)
    case 'end':
      return { breaker: event.epoch === breaker.epoch ? end(breaker, event) : breaker, admitted: false }
    case 'news':
      return { breaker: breaker.state === 'open' ? halfOpen(breaker, event.nowMs) : breaker, admitted: false }
    case 'tick': {
      const isForgotten =
        breaker.state !== 'closed' && breaker.probing === 0 && event.nowMs - breaker.calledMs >= forgetMs
      return { breaker: isForgotten ? closedBreaker(event.nowMs, breaker.epoch + 1) : breaker, admitted: false }
    }
  }
}

/** @returns how long callers had better wait, in ms. */
export const retryAfterMs = ({ state, changedMs }: Breaker, nowMs: number): number =>
  state === 'open' ? Math.min(openMs, Math.max(1, changedMs + openMs - nowMs)) : openMs

/** @returns how many calls ended within the window, and how many of them badly. */
export function countsOf({ half, before }: Breaker): { calls: number; failures: number } {
  return { calls: half.calls + before.calls, failures: half.failures + before.failures }
}

function call(breaker: Breaker, nowMs: number): { breaker: Breaker; admitted: boolean } {
  if (breaker.state === 'closed') return { breaker, admitted: true }
  const called = { ...breaker, calledMs: nowMs }
  const isDue = breaker.state === 'halfOpen' || nowMs - breaker.changedMs >= openMs
  if (!isDue) return { breaker: called, admitted: false }
  const half = breaker.state === 'halfOpen' ? called : halfOpen(called, nowMs)
  if (half.probing + half.succeeded >= probes) return { breaker: half, admitted: false }
  return { breaker: { ...half, probing: half.probing + 1 }, admitted: true }
}

function end(breaker: Breaker, { outcome, nowMs }: Extract<BreakerEvent, { type: 'end' }>): Breaker {
  if (breaker.state === 'halfOpen') return probed(breaker, outcome, nowMs)
  // Nobody is let through an open one, so that nothing of its epoch ends.
  if (outcome === 'unknown' || breaker.state === 'open') return breaker
  const counted = count(breaker, outcome === 'failure', nowMs)
  const { calls, failures } = countsOf(counted)
  const isTooMuch = outcome === 'failure' && calls >= minCalls && failures >= calls * failureRatio
  return isTooMuch ? open({ ...counted, sinceMs: nowMs, calledMs: nowMs }, nowMs) : counted
}

function count(breaker: Breaker, failed: boolean, nowMs: number): Breaker {
  const ageMs = nowMs - breaker.half.startMs
  const isOver = ageMs >= halfMs || breaker.half.calls >= windowCalls / 2
  const before = isOver ? (ageMs < windowMs ? breaker.half : empty(nowMs - halfMs)) : breaker.before
  const half = isOver ? empty(nowMs) : breaker.half
  const next = { ...half, calls: half.calls + 1, failures: half.failures + (failed ? 1 : 0) }
  return { ...breaker, half: next, before }
}

function probed(breaker: Breaker, outcome: Outcome, nowMs: number): Breaker {
  if (outcome === 'failure') return open(breaker, nowMs)
  const probing = breaker.probing - 1
  if (outcome === 'unknown') return { ...breaker, probing }
  const succeeded = breaker.succeeded + 1
  return succeeded >= probes ? closedBreaker(nowMs, breaker.epoch + 1) : { ...breaker, probing, succeeded }
}

const open = (breaker: Breaker, nowMs: number): Breaker => ({
  ...breaker,
  state: 'open',
  changedMs: nowMs,
  epoch: breaker.epoch + 1,
  probing: 0,
  succeeded: 0,
})

const halfOpen = (breaker: Breaker, nowMs: number): Breaker => ({
  ...breaker,
  state: 'halfOpen',
  changedMs: nowMs,
  epoch: breaker.epoch + 1,
  probing: 0,
  succeeded: 0,
})
