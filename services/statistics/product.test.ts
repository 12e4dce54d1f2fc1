/** Product events: what is taken in and what is refused, ways through steps, and coming back. */
import { type EventSchema, PropertyType } from '@site11/proto/grpc/site11/statistics/v1/product_service.ts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createFunnel, wayOf } from './funnel.ts'
import { checkEvent, metricsOf, oldestMs, requireSound } from './product-schema.ts'
import { cohortsOf, periodAt, periodStart } from './retention.ts'

const { PROPERTY_TYPE_NUMBER: number, PROPERTY_TYPE_STRING: string, PROPERTY_TYPE_BOOLEAN: boolean } = PropertyType
const property = (name: string, type: PropertyType, more = {}) => ({
  name,
  type,
  required: false,
  isLabel: false,
  unit: '',
  ...more,
})
const checkout: EventSchema = {
  event: 'checkout',
  description: 'Paid.',
  properties: [
    property('amount', number, { required: true, unit: 'KRW' }),
    property('plan', string, { isLabel: true }),
    property('gift', boolean),
  ],
}
const nowMs = Date.parse('2026-05-06T07:08:09Z')

describe('an event', () => {
  const check = (change: object, caller = 'someone') =>
    checkEvent(
      { id: 'A', event: 'checkout', time: undefined, subject: '', properties: { amount: 1 }, ...change },
      new Map([['checkout', checkout]]),
      caller,
      nowMs,
    )

  test.each<[string, object, string?]>([
    ['UNKNOWN_EVENT', { event: 'chekout' }],
    ['SUBJECT_MISSING', {}, ''],
    ['TOO_OLD', { time: new Date(nowMs - oldestMs - 1) }],
    ['UNKNOWN_PROPERTY', { properties: { amount: 1, colour: 'red' } }],
    ['WRONG_PROPERTY_TYPE', { properties: { amount: '1' } }],
    ['WRONG_PROPERTY_TYPE', { properties: { amount: Number.POSITIVE_INFINITY } }],
    ['WRONG_PROPERTY_TYPE', { properties: { amount: { much: true } } }],
    ['WRONG_PROPERTY_TYPE', { properties: { amount: 1, plan: 'x'.repeat(257) } }],
    ['PROPERTY_MISSING', { properties: {} }],
    ['PROPERTY_MISSING', { properties: { amount: null } }],
    ['PROPERTY_MISSING', { properties: undefined }],
  ])('is refused with %s', (reason, change, caller) => {
    expect(check(change, caller)).toMatchObject({ refused: { reason } })
  })

  test('is of who calls unless it says otherwise, and never later than now', () => {
    expect(check({})).toMatchObject({ taken: { id: 'a', subject: 'someone', at: new Date(nowMs) } })
    expect(check({ subject: 'x', time: new Date(nowMs + 1e9) })).toMatchObject({
      taken: { subject: 'x', at: new Date(nowMs) },
    })
  })

  test('is counted, and each of its numbers is a distribution, by its labels', () => {
    expect(metricsOf(checkout)).toMatchObject([
      { name: 'product.checkout', kind: 'counter', labels: ['plan'] },
      { name: 'product.checkout.amount', kind: 'distribution', unit: 'KRW', labels: ['plan'] },
    ])
  })

  test('has no schema that cannot be', () => {
    const sound = (properties: EventSchema['properties']) => () => requireSound({ ...checkout, properties })
    expect(sound([property('a', string), property('a', number)])).toThrow()
    expect(sound([property('a', number, { isLabel: true })])).toThrow()
    expect(sound(Array.from('abcdef', name => property(name, string, { isLabel: true })))).toThrow()
    expect(sound(checkout.properties)).not.toThrow()
  })
})

describe('the way of a subject', () => {
  const way = (done: string, steps = 'abc', within = 100, until = 1000) =>
    wayOf(
      done
        .split(' ')
        .filter(Boolean)
        .map(each => ({ event: each[0] ?? '', at: Number(each.slice(1)) })),
      [...steps],
      within,
      until,
    )

  test.each<[string, string, number[]]>([
    ['nothing', '', []],
    ['all of it', 'a0 b10 c30', [0, 10, 20]],
    ['not in order', 'b0 a10 c30', [0]],
    ['too late', 'a0 b50 c101', [0, 50]],
    ['a second time in time', 'a0 a50 b60 c150', [0, 10, 90]],
    ['a later start does not break the earlier way', 'a0 b10 a20 c30', [0, 10, 20]],
    ['from the later start', 'a0 b10 a90 b95 c150', [0, 10, 55]],
    ['begun after the end', 'a1001 b1002', []],
    ['begun before the end', 'a999 b1002', [0, 3]],
    ['at the same time', 'a0 b0 c0', [0, 0, 0]],
  ])('%s', (_, done, expected) => {
    expect(way(done)).toEqual(expected)
  })

  test('takes two visits where it has the same step twice', () => {
    expect(way('a0', 'aa')).toEqual([0])
    expect(way('a0 a7', 'aa')).toEqual([0, 7])
  })

  test('comes as far as any choice of what was done allows', () => {
    const done = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.nat(200)), { maxLength: 8 })
    fc.assert(
      fc.property(done, pairs => {
        const sorted = pairs.toSorted((one, other) => one[1] - other[1])
        const found = way(sorted.map(([event, at]) => event + at).join(' '))
        expect(found.length).toBe(furthest(sorted, 100))
      }),
    )
  })

  /** By trying all. */
  function furthest(done: [string, number][], within: number, steps = 'abc'): number {
    const from = (at: number, step: number, begun: number): number => {
      let best = step
      for (let index = at; index < done.length; index++) {
        const [event, time] = done[index] ?? expect.fail()
        if (event === steps[step] && (step === 0 || time - begun <= within))
          best = Math.max(best, from(index + 1, step + 1, step === 0 ? time : begun))
      }
      return best
    }
    return from(0, 0, 0)
  }

  test('of many gives how many came to each step, and the median of what it took', () => {
    const funnel = createFunnel(3)
    for (const each of [[0, 10, 5], [0, 30], [0, 20], [0]]) funnel.add(each)
    expect(funnel.steps()).toEqual([
      { subjects: 4, medianMs: 0 },
      { subjects: 3, medianMs: 20 },
      { subjects: 1, medianMs: 5 },
    ])
  })
})

describe('coming back', () => {
  const day = 86_400_000
  test('is counted for those who came first in the same period', () => {
    const visits = [[1, 2, 2, 3], [1, 3], [2], [3], [0, 1, 2]]
    expect(cohortsOf(visits, 1, 3)).toEqual([[2, 1, 2], [1, 0], [1]])
  })

  test('is by days, and by weeks that begin on Mondays', () => {
    const wednesday = Date.parse('2026-05-06T12:00:00Z')
    expect(new Date(periodStart(periodAt(wednesday, day), day)).toJSON()).toBe('2026-05-06T00:00:00.000Z')
    expect(new Date(periodStart(periodAt(wednesday, 7 * day), 7 * day)).toJSON()).toBe('2026-05-04T00:00:00.000Z')
  })
})
