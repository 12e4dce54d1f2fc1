import { expect, test } from 'vitest'
import { chanceOf, isWorse } from './compare.ts'

test('the chance is that of Fisher', () => {
  // Of the table [[3, 1], [1, 3]]: 17 in 70.
  expect(chanceOf({ requests: 4, failed: 3 }, { requests: 4, failed: 1 })).toBeCloseTo(17 / 70, 9)
  expect(chanceOf({ requests: 100, failed: 3 }, { requests: 900, failed: 0 })).toBeCloseTo(0.000973, 6)
  expect(chanceOf({ requests: 50, failed: 0 }, { requests: 50, failed: 9 })).toBeCloseTo(1, 9)
})

test('one that fails where the other does not is worse after a few requests', () => {
  expect(isWorse({ requests: 5, failed: 5 }, { requests: 45, failed: 0 }, 'meanwhile')).toBe(true)
  expect(isWorse({ requests: 40, failed: 6 }, { requests: 360, failed: 0 }, 'meanwhile')).toBe(true)
})

test('few failures, and failures of both, are no reason', () => {
  expect(isWorse({ requests: 2, failed: 2 }, { requests: 18, failed: 0 }, 'meanwhile')).toBe(false)
  expect(isWorse({ requests: 2, failed: 2 }, { requests: 18, failed: 0 }, 'atTheEnd')).toBe(true)
  expect(isWorse({ requests: 3, failed: 3 }, { requests: 0, failed: 0 }, 'atTheEnd')).toBe(false)
  expect(isWorse({ requests: 100, failed: 31 }, { requests: 900, failed: 270 }, 'atTheEnd')).toBe(false)
  expect(isWorse({ requests: 0, failed: 0 }, { requests: 900, failed: 900 }, 'atTheEnd')).toBe(false)
})

test('a difference too small to matter is none, however many requests show it', () => {
  expect(isWorse({ requests: 1e6, failed: 3000 }, { requests: 1e6, failed: 1000 }, 'atTheEnd')).toBe(false)
})
