import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Breaker,
  type BreakerEvent,
  closedBreaker,
  countsOf,
  failureRatio,
  forgetMs,
  minCalls,
  openMs,
  probes,
  retryAfterMs,
  step,
  windowCalls,
  windowMs,
} from './breaker.ts'

const ended = (breaker: Breaker, outcome: 'success' | 'failure' | 'unknown', nowMs: number) =>
  step(breaker, { type: 'end', outcome, epoch: breaker.epoch, nowMs }).breaker

/** After so many calls that ended at once. */
function after(successes: number, failures: number, nowMs = 0, from = closedBreaker(0)): Breaker {
  let breaker = from
  for (let i = 0; i < successes; i++) breaker = ended(breaker, 'success', nowMs)
  for (let i = 0; i < failures; i++) breaker = ended(breaker, 'failure', nowMs)
  return breaker
}

const opened = after(0, minCalls)

describe('closed, it', () => {
  const table: [string, Breaker, Breaker['state']][] = [
    ['stays so when few calls fail', after(0, minCalls - 1), 'closed'],
    ['opens when that many fail', after(0, minCalls), 'open'],
    ['stays so when fewer than half fail', after(minCalls, minCalls - 1), 'closed'],
    ['opens when half fail', after(minCalls, minCalls), 'open'],
    ['forgets what is older than its window', after(0, 1, windowMs * 2, after(0, minCalls - 1)), 'closed'],
    ['remembers what is within its window', after(0, 1, windowMs / 2, after(0, minCalls - 1)), 'open'],
    ['looks at the last calls only, when there are many', after(0, windowCalls / 2, 0, after(5000, 0)), 'open'],
    ['does not count calls of which nothing is known', ended(after(0, minCalls - 1), 'unknown', 0), 'closed'],
  ]
  test.each(table)('%s', (_, breaker, state) => expect(breaker.state).toBe(state))
})

describe('open, it', () => {
  test('refuses, says for how long, and then lets a few try', () => {
    expect(step(opened, { type: 'call', nowMs: openMs - 1 }).admitted).toBe(false)
    expect(retryAfterMs(opened, openMs - 300)).toBe(300)
    let breaker = opened
    for (let i = 0; i < probes; i++) {
      const tried = step(breaker, { type: 'call', nowMs: openMs })
      expect(tried).toMatchObject({ admitted: true, breaker: { state: 'halfOpen' } })
      breaker = tried.breaker
    }
    expect(step(breaker, { type: 'call', nowMs: openMs }).admitted).toBe(false)
  })

  test('lets some try at once when there is news', () => {
    const { breaker } = step(opened, { type: 'news', nowMs: 1 })
    expect(step(breaker, { type: 'call', nowMs: 1 })).toMatchObject({ admitted: true, breaker: { state: 'halfOpen' } })
  })

  test('pays no heed to calls that it let through before it opened', () => {
    const { breaker } = step(opened, { type: 'call', nowMs: openMs })
    expect(step(breaker, { type: 'end', outcome: 'failure', epoch: 0, nowMs: openMs }).breaker).toEqual(breaker)
  })

  test('closes when nobody calls any more', () => {
    expect(step(opened, { type: 'tick', nowMs: forgetMs - 1 }).breaker.state).toBe('open')
    expect(step(opened, { type: 'tick', nowMs: forgetMs }).breaker.state).toBe('closed')
  })
})

describe('half-open, it', () => {
  const trying = (count: number) => {
    let breaker = opened
    for (let i = 0; i < count; i++) breaker = step(breaker, { type: 'call', nowMs: openMs }).breaker
    return breaker
  }

  test('closes when all that tried succeed, and has forgotten the failures', () => {
    const breaker = after(probes, 0, openMs + 5, trying(probes))
    expect(breaker).toMatchObject({ state: 'closed', sinceMs: openMs + 5 })
    expect(countsOf(breaker)).toEqual({ calls: 0, failures: 0 })
  })

  test('opens again when one fails, and is held back since it opened first', () => {
    const breaker = ended(trying(2), 'failure', openMs + 5)
    expect(breaker).toMatchObject({ state: 'open', sinceMs: 0, changedMs: openMs + 5 })
    expect(step(breaker, { type: 'call', nowMs: openMs + 6 }).admitted).toBe(false)
  })

  test('lets another try when nothing is known of one', () => {
    const breaker = ended(trying(probes), 'unknown', openMs)
    expect(step(breaker, { type: 'call', nowMs: openMs }).admitted).toBe(true)
  })
})

/** What calls do over time: each takes a while, and ends in some way. */
const calls = fc.array(
  fc.record({
    waitMs: fc.integer({ min: 0, max: 800 }),
    takesMs: fc.integer({ min: 0, max: 3000 }),
    outcome: fc.constantFrom('success', 'failure', 'failure', 'unknown' as const),
  }),
  { minLength: 1, maxLength: 120 },
)

test('whatever happens, it is open only after enough failures, never lets through more than it should, and closes again', () => {
  fc.assert(
    fc.property(calls, list => {
      let breaker = closedBreaker(0)
      let nowMs = 0
      let underway: { endMs: number; outcome: 'success' | 'failure' | 'unknown'; epoch: number }[] = []
      const apply = (event: BreakerEvent) => {
        const before = breaker
        const result = step(breaker, event)
        breaker = result.breaker
        if (before.state === 'closed' && breaker.state === 'open') {
          const { calls, failures } = countsOf(breaker)
          expect(calls).toBeGreaterThanOrEqual(minCalls)
          expect(failures).toBeGreaterThanOrEqual(calls * failureRatio)
        }
        if (breaker.state !== before.state) expect(breaker.epoch).toBeGreaterThan(before.epoch)
        expect(breaker.probing).toBeGreaterThanOrEqual(0)
        expect(breaker.probing + breaker.succeeded).toBeLessThanOrEqual(probes)
        return result.admitted
      }
      const endUntil = (ms: number) => {
        for (const call of underway.filter(({ endMs }) => endMs <= ms).sort((a, b) => a.endMs - b.endMs)) {
          apply({ type: 'end', outcome: call.outcome, epoch: call.epoch, nowMs: call.endMs })
        }
        underway = underway.filter(({ endMs }) => endMs > ms)
      }
      for (const { waitMs, takesMs, outcome } of list) {
        nowMs += waitMs
        endUntil(nowMs)
        const before = breaker
        const admitted = apply({ type: 'call', nowMs })
        if (before.state === 'closed') expect(admitted).toBe(true)
        if (before.state === 'open') expect(admitted).toBe(nowMs - before.changedMs >= openMs)
        if (admitted) underway.push({ endMs: nowMs + takesMs, outcome, epoch: breaker.epoch })
      }
      // Once all works again, it closes after a wait and a few calls.
      endUntil(Number.POSITIVE_INFINITY)
      nowMs += 3000 + openMs
      for (let i = 0; i < probes; i++) {
        expect(apply({ type: 'call', nowMs })).toBe(true)
        apply({ type: 'end', outcome: 'success', epoch: breaker.epoch, nowMs })
      }
      expect(breaker.state).toBe('closed')
    }),
  )
})
