import fc from 'fast-check'
import { expect, test } from 'vitest'
import { afterCall, afterRetry, fullBudget, maxTokens, retriesPerSecond, retryRatio } from './retry-budget.ts'

test('however many want to be retried, retries are a part of the calls, a few each second, and what was saved up', () => {
  const gaps = fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 500 })
  fc.assert(
    fc.property(gaps, fc.integer({ min: 1, max: 5 }), (waitsMs, wanted) => {
      let budget = fullBudget(0)
      let nowMs = 0
      let retries = 0
      for (const waitMs of waitsMs) {
        nowMs += waitMs
        budget = afterCall(budget, nowMs)
        for (let i = 0; i < wanted; i++) {
          const left = afterRetry(budget)
          if (!left) continue
          budget = left
          retries++
        }
      }
      const allowed = maxTokens + waitsMs.length * retryRatio + (nowMs / 1000) * retriesPerSecond
      expect(retries).toBeLessThanOrEqual(allowed + 1e-6)
      expect(budget.tokens).toBeGreaterThanOrEqual(0)
    }),
  )
})

test('calls of a service that is seldom called are retried as well', () => {
  let budget = fullBudget(0)
  for (let second = 1; second <= 100; second++) {
    const left = afterRetry(afterCall(budget, second * 1000))
    expect(left).toBeDefined()
    budget = left ?? budget
  }
})
