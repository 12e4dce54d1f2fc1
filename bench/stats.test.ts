import { expect, test } from 'vitest'
import { quantile, spreadOf } from './stats.ts'

test('a quantile is the nearest rank', () => {
  const values = Array.from({ length: 100 }, (_, index) => index + 1)
  expect(quantile(values, 0.5)).toBe(50)
  expect(quantile(values, 0.95)).toBe(95)
  expect(quantile(values, 0.99)).toBe(99)
  expect(quantile([7], 0.99)).toBe(7)
  expect(quantile([], 0.5)).toBe(0)
})

test('a spread has the median, also of an even number of rounds, and the range', () => {
  expect(spreadOf([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 })
  expect(spreadOf([4, 1, 2, 3])).toEqual({ median: 2.5, min: 1, max: 4 })
})
