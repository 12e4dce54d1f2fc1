import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type KeyTimes, nextStep, planOf, ringAt, rotation } from './ring.ts'

const minute = 60_000
const start = Date.parse('2026-01-01T00:00:00Z')
const at = (minutes: number) => new Date(start + minutes * minute)
const key = (kid: string, created: number, signs?: number): KeyTimes => ({
  kid,
  createTime: at(created),
  ...(signs !== undefined && { signTime: at(signs) }),
})

const table: [string, KeyTimes[], number, ReturnType<typeof ringAt>][] = [
  ['no key', [], 0, undefined],
  ['one key', [key('a', 0, 0)], 5, { signing: 'a', published: ['a'], retired: [] }],
  ['a published one', [key('a', 0, 0), key('b', 90)], 95, { signing: 'a', published: ['b', 'a'], retired: [] }],
  ['just taken over', [key('a', 0, 0), key('b', 90, 100)], 100, { signing: 'b', published: ['b', 'a'], retired: [] }],
  ['before retiring', [key('a', 0, 0), key('b', 90, 100)], 169, { signing: 'b', published: ['b', 'a'], retired: [] }],
  ['retired', [key('a', 0, 0), key('b', 90, 100)], 170, { signing: 'b', published: ['b'], retired: ['a'] }],
]
test.each(table)('the ring with %s', (_, keys, minutes, expected) => {
  expect(ringAt(keys, at(minutes).getTime())).toEqual(expected)
})

const age = rotation.maxAgeMs / minute
const steps: [string, KeyTimes[], number, number, ReturnType<typeof nextStep>][] = [
  ['without a key one is made', [], 0, 0, { do: 'create' }],
  ['a young key stays', [key('a', 0, 0)], age - 1, 0, undefined],
  ['an old key is followed by another', [key('a', 0, 0)], age, 0, { do: 'create' }],
  ['a new key waits', [key('a', 0, 0), key('b', age)], age + 9, 0, undefined],
  ['a new key signs after the wait', [key('a', 0, 0), key('b', age)], age + 10, 0, { do: 'sign', kid: 'b' }],
  ['a restart makes the wait begin anew', [key('a', 0, 0), key('b', age)], age + 10, age + 5, undefined],
  ['a retired key is removed', [key('a', 0, 0), key('b', 90, 100)], 170, 0, { do: 'remove', kids: ['a'] }],
]
test.each(steps)('%s', (_, keys, minutes, publishedSince, expected) => {
  expect(nextStep(keys, at(minutes).getTime(), at(publishedSince).getTime())).toEqual(expected)
})

test('whatever the rhythm and the restarts, a living token is signed by a key that is published and was so for long enough', () => {
  const tick = fc.record({ minutes: fc.integer({ min: 1, max: 20_000 }), restart: fc.boolean() })
  fc.assert(
    fc.property(fc.array(tick, { maxLength: 60 }), ticks => {
      let keys: KeyTimes[] = []
      let nowMs = start
      let publishedSinceMs = start
      const publishedAt = new Map<string, number>()
      const signed: { kid: string; expiresMs: number }[] = []
      for (const { minutes, restart } of ticks) {
        nowMs += minutes * minute
        if (restart) publishedSinceMs = nowMs
        for (let due = nextStep(keys, nowMs, publishedSinceMs); due; due = nextStep(keys, nowMs, publishedSinceMs)) {
          const time = new Date(nowMs)
          if (due.do === 'create') {
            keys = [
              ...keys,
              { kid: `k${keys.length}-${nowMs}`, createTime: time, ...(keys.length === 0 && { signTime: time }) },
            ]
          } else if (due.do === 'sign') {
            const { kid } = due
            expect(nowMs - (publishedAt.get(kid) ?? nowMs)).toBeGreaterThanOrEqual(rotation.publishMs)
            keys = keys.map(each => (each.kid === kid ? { ...each, signTime: time } : each))
          } else {
            const { kids } = due
            keys = keys.filter(({ kid }) => !kids.includes(kid))
          }
        }
        const ring = ringAt(keys, nowMs)
        for (const kid of ring?.published ?? []) if (!publishedAt.has(kid)) publishedAt.set(kid, nowMs)
        for (const { kid, expiresMs } of signed) if (expiresMs > nowMs) expect(ring?.published).toContain(kid)
        signed.push({ kid: ring?.signing ?? '', expiresMs: nowMs + 60 * minute })
      }
    }),
  )
})

const minutesOf = (date: Date | undefined) => date && (date.getTime() - start) / minute

test('the plan says what each key does and when it does the next thing', () => {
  const plan = (keys: KeyTimes[], minutes: number) =>
    planOf(keys, at(minutes).getTime(), start).map(({ kid, role, signTime, rotateTime, retireTime }) => [
      kid,
      role,
      minutesOf(signTime),
      minutesOf(rotateTime),
      minutesOf(retireTime),
    ])
  expect(plan([key('a', 0, 0)], 5)).toEqual([['a', 'signing', 0, age, undefined]])
  expect(plan([key('a', 0, 0), key('b', 90)], 95)).toEqual([
    ['b', 'next', 100, undefined, undefined],
    ['a', 'signing', 0, undefined, 170],
  ])
  expect(plan([key('a', 0, 0), key('b', 90, 100)], 120)).toEqual([
    ['b', 'signing', 100, 100 + age, undefined],
    ['a', 'believed', 0, undefined, 170],
  ])
})
