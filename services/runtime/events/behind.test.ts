import { expect, test } from 'vitest'
import { isNearlyFull, limits, problemOf } from './behind.ts'

const nowMs = 1_000_000_000
const group = { group: 'mails', lastId: '1-0', lag: 0, pending: 0, oldestId: '' }
const waiting = (agoMs: number) => `${nowMs - agoMs}-0`

test.each([
  ['a group that has all', {}, false],
  ['one with a little to do', { lag: 10, pending: 5, oldestId: waiting(500) }, false],
  ['one that has much to do, but not yet too much', { lag: 9_000, pending: 999, oldestId: waiting(500) }, false],
  ['one for which too many wait', { lag: 9_000, pending: 1_000, oldestId: waiting(500) }, true],
  ['one for which one has waited nearly too long', { lag: 1, oldestId: waiting(59_999) }, false],
  ['one for which one waits too long', { lag: 1, oldestId: waiting(60_000) }, true],
  ['one that does not finish what it was given', { pending: 1, oldestId: waiting(60_000) }, true],
])('%s', (_, of, isBehind) => {
  const said = problemOf({ length: 10_000, groups: [{ ...group, ...of }] }, limits.most, nowMs)
  if (isBehind) expect(said).toContain('mails')
  else expect(said).toBeUndefined()
})

test('a stream says that it is nearly full before there is no room for more', () => {
  expect(isNearlyFull({ length: 80 }, 100)).toBe(false)
  expect(isNearlyFull({ length: 81 }, 100)).toBe(true)
  expect(problemOf({ length: 81, groups: [] }, 100)).toContain('81 of at most 100')
  expect(problemOf({ length: 80, groups: [] }, 100)).toBeUndefined()
})

test('all that is wrong is told of', () => {
  const late = { ...group, lag: 1, oldestId: waiting(90_000) }
  const said = problemOf({ length: 91, groups: [late, group, { ...late, group: 'search' }] }, 100, nowMs) ?? ''
  expect(said.split('; ')).toHaveLength(3)
  expect(said).toContain('the oldest for 90 s')
})
