import { expect, test } from 'vitest'
import { createRefusals } from './refusals.ts'

const at = (ms: number) => new Date(ms)
const refused = (instance: string, reason = 'taken') => ({ instance, service: 'users', address: 'a:1', reason })
const minute = 60_000

test('each instance is counted; it is news once, and with another reason', () => {
  const refusals = createRefusals()
  expect(refusals.add(refused('users-1'), at(0))).toBe(true)
  expect(refusals.add(refused('users-1'), at(2000))).toBe(false)
  expect(refusals.add(refused('users-2'), at(3000))).toBe(true)
  expect(refusals.add(refused('users-1', 'other'), at(4000))).toBe(true)
  expect(refusals.list(at(5000))).toEqual([
    { ...refused('users-1', 'other'), count: 3, since: at(0), last: at(4000) },
    { ...refused('users-2'), count: 1, since: at(3000), last: at(3000) },
  ])
})

test('who was admitted, or has not tried for five minutes, is not among them', () => {
  const refusals = createRefusals()
  refusals.add(refused('users-1'), at(0))
  refusals.add(refused('users-2'), at(1))
  refusals.admitted('users-1')
  expect(refusals.list(at(2)).map(({ instance }) => instance)).toEqual(['users-2'])
  expect(refusals.list(at(1 + 5 * minute))).toEqual([])
  expect(refusals.add(refused('users-2'), at(6 * minute))).toBe(true)
  expect(refusals.list(at(6 * minute))).toMatchObject([{ count: 1, since: at(6 * minute) }])
})

test('no more than a hundred are listed, however many there are', () => {
  const refusals = createRefusals()
  for (let n = 0; n < 3000; n++) refusals.add(refused(`users-${n}`), at(n))
  const list = refusals.list(at(3000))
  expect(list).toHaveLength(100)
  expect(list[0]?.instance).toBe('users-2999')
})
