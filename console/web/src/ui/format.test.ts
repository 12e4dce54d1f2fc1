import { expect, test } from 'vitest'
import { duration, list, relative } from './format.ts'

const now = Date.UTC(2026, 0, 1)

test.each([
  [-500, '0 sec'],
  [59_999, '59 sec'],
  [60_000, '1 min'],
  [26 * 3_600_000, '1 day'],
])('%d ms last %s', (ms, text) => {
  expect(duration(ms, 'en')).toBe(text)
})

test('times are told in the language of the page', () => {
  expect(relative(new Date(now - 300_000), now, 'en')).toBe('5 min. ago')
  expect(relative(new Date(now - 300_000), now, 'ko')).toBe('5분 전')
  expect(relative(new Date(now + 7_200_000), now, 'en')).toBe('in 2 hr.')
})

test('names are joined as the language does', () => {
  expect(list(['a', 'b'], 'en')).toBe('a and b')
  expect(list(['a', 'b'], 'ko')).toBe('a 및 b')
})
