/** What is answered, on a real MongoDB: the same from whichever rollups, and clear errors. */
import { Aggregation } from '@site11/proto/grpc/site11/statistics/v1/metrics_service.ts'
import { PropertyType } from '@site11/proto/grpc/site11/statistics/v1/product_service.ts'
import type { Event } from '@site11/runtime/events/event.ts'
import { storeForTests } from '@site11/runtime/store/test-mongod.ts'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { eventTypes } from './domain-events.ts'
import type { MetricQuery } from './query.ts'
import { planSpan } from './query-plan.ts'
import { measurement, seconds, startStatistics, type TestStatistics, tomorrow, totalsOf } from './test-statistics.ts'

const hourMs = 3_600_000
let nowMs = tomorrow
const now = () => nowMs
const { AGGREGATION_SUM: sum, AGGREGATION_AVERAGE: average, AGGREGATION_MAX: max } = Aggregation

let mongo: Awaited<ReturnType<typeof storeForTests>>
let statistics: TestStatistics
beforeAll(async () => {
  mongo = await storeForTests()
})
afterAll(() => mongo.stop())
beforeEach(async () => {
  nowMs = tomorrow + 30 * 60_000 + 500
  for (const each of await mongo.store.db.collections()) await each.deleteMany({})
  statistics = await startStatistics(mongo.store, 'a', now)
})

const span = (fromMs: number, toMs: number, step: number) => ({
  startTime: new Date(fromMs),
  endTime: new Date(toMs),
  step: seconds(step),
})

describe('what is answered', () => {
  test('is the same from memory, minutes, hours and days', async () => {
    for (let minute = 0; minute < 30; minute++) statistics.record(tomorrow + minute * 60_000, { requests: minute + 1 })
    await statistics.flush()
    const totals = async (step: number) => {
      const asked = { metric: 'requests', aggregation: sum, ...span(tomorrow, tomorrow + hourMs / 2, step) }
      const { series, step: length } = await statistics.query(asked)
      return [length?.seconds, series[0]?.total]
    }
    expect(await totals(10)).toEqual([10, 465])
    await statistics.roll()
    for (const step of [60, 3600, 86_400]) expect(await totals(step)).toEqual([step, 465])
    nowMs = tomorrow + 30 * hourMs
    await statistics.roll()
    for (const level of ['minutes', 'hours', 'days'] as const)
      expect(await statistics.rollups[level].countDocuments({ metric: 'requests' })).toBe(level === 'minutes' ? 30 : 1)
    for (const step of [60, 3600, 86_400]) expect(await totals(step)).toEqual([step, 465])
    await statistics.rollups.minutes.deleteMany({})
    expect(await totals(3600)).toEqual([3600, 465])
  })

  test('is grouped, filtered, and the rest of the largest is put together', async () => {
    const amounts = { Get: 50, List: 30, Create: 15, Delete: 5 }
    for (const [method, requests] of Object.entries(amounts)) statistics.record(nowMs, { method, requests })
    statistics.record(nowMs, { method: 'Get', status: 'INTERNAL', requests: 3 })
    statistics.record(nowMs, { method: 'Get', status: 'NOT_FOUND', requests: 2 })
    await statistics.flush()
    await statistics.roll()
    const ask = async (query: Partial<MetricQuery>) =>
      totalsOf(await statistics.query({ metric: 'requests', aggregation: sum, step: seconds(60), ...query }))
    expect(await ask({ groupBy: ['method'], top: 2 })).toEqual({ '/Get': 55, '/List': 30, other: 20 })
    expect(await ask({ groupBy: ['status'], filter: 'method = "/Get"' })).toEqual({ OK: 50, INTERNAL: 3, NOT_FOUND: 2 })
    expect(await ask({ filter: 'NOT method = "/Get" AND status != "INTERNAL"' })).toEqual({ '': 50 })
    expect(await ask({ filter: 'method = "/*" method != "*t"' })).toEqual({ '': 20 })
    expect(await ask({ metric: 'request.errors' })).toEqual({ '': 3 })
    expect(await ask({ metric: 'request.client_errors' })).toEqual({ '': 2 })
    expect(await ask({ metric: 'request.duration' })).toEqual({ '': 105 })
    expect(await statistics.values('requests', 'method', tomorrow)).toEqual(['/Get', '/List', '/Create', '/Delete'])
  })

  test('is a rate over the time that there was, and can be compared with before', async () => {
    statistics.record(nowMs - 20 * 60_000, { requests: 120 })
    statistics.record(nowMs - 10 * 60_000, { requests: 600 })
    await statistics.flush()
    await statistics.roll()
    const asked = { metric: 'requests', ...span(nowMs - 500 - 10 * 60_000, nowMs - 500, 600), compare: seconds(600) }
    const { series, earlier, unit } = await statistics.query(asked)
    expect([series[0]?.total, earlier[0]?.total, unit]).toEqual([1, 0.2, '{request}/s'])
    expect([series[0]?.points, earlier[0]?.points]).toEqual([[{ step: 0, value: 1 }], [{ step: 0, value: 0.2 }]])
  })

  test('of levels is the average over time, added up over instances, also of those that follow each other', async () => {
    const heap = (value: number) => [measurement('heap', { $case: 'level', value })]
    for (let minute = 0; minute < 4; minute++) {
      nowMs = tomorrow + minute * 60_000
      await statistics.report(nowMs, heap(100), 'users-1')
      await statistics.report(nowMs + 1, heap(minute < 2 ? 50 : 70), minute < 2 ? 'users-2' : 'users-3')
    }
    nowMs = tomorrow + 2 * hourMs
    await statistics.roll()
    for (const step of [3600, 240]) {
      const asked = span(tomorrow, tomorrow + 240_000, step)
      expect(totalsOf(await statistics.query({ metric: 'heap', ...asked }))).toEqual({ '': 160 })
      const each = await statistics.query({ metric: 'heap', groupBy: ['instance'], ...asked })
      expect(totalsOf(each)).toEqual({ 'users-1': 100, 'users-2': 50, 'users-3': 70 })
      expect(totalsOf(await statistics.query({ metric: 'heap', aggregation: max, ...asked }))).toEqual({ '': 100 })
    }
  })

  test('of product events has their labels and numbers, of any size and sign', async () => {
    const property = { required: false, unit: 'KRW' }
    const properties = [
      { ...property, name: 'amount', type: PropertyType.PROPERTY_TYPE_NUMBER, isLabel: false },
      { ...property, name: 'plan', type: PropertyType.PROPERTY_TYPE_STRING, isLabel: true },
    ]
    await statistics.product.put({ event: 'paid', description: 'Paid.', properties })
    const amounts = [-5000, 0, 1, 39_000_000, 1e12]
    const taken = amounts.map((amount, index) => ({
      id: `${index}`,
      event: 'paid',
      at: new Date(nowMs),
      subject: 'x',
      properties: { amount, plan: index < 4 ? 'pro' : 'free' },
    }))
    expect(await statistics.product.add(taken)).toBe(0)
    expect(await statistics.product.add(taken.slice(1, 3))).toBe(2)
    await statistics.roll()
    const step = { step: seconds(60) }
    const counts = await statistics.query({ metric: 'product.paid', groupBy: ['plan'], aggregation: sum, ...step })
    expect(totalsOf(counts)).toEqual({ pro: 4, free: 1 })
    const amount = async (aggregation: Aggregation) =>
      (await statistics.query({ metric: 'product.paid.amount', aggregation, ...step })).series[0]?.total
    expect(await amount(Aggregation.AGGREGATION_MIN)).toBe(-5000)
    expect(await amount(Aggregation.AGGREGATION_MAX)).toBe(1e12)
    expect(await amount(average)).toBe(amounts.reduce((all, each) => all + each, 0) / 5)
    for (const [share, value] of [
      [Aggregation.AGGREGATION_P99, 1e12],
      [Aggregation.AGGREGATION_P50, 1],
    ] as const)
      expect(Math.abs(((await amount(share)) ?? 0) / value - 1)).toBeLessThan(0.0101)
    await statistics.product.remove('paid')
    expect(await amount(average)).toBeDefined()
  })

  test('of domain events counts each once, and none that a transaction took back', async () => {
    const event = (type: string, ageMs = 0) => ({ type, time: new Date(nowMs - ageMs) }) as Event
    const session = mongo.store.client.startSession()
    const found = [event('a'), event('b'), event('a'), event('a', 3 * 86_400_000)]
    await session.withTransaction(() => statistics.events.count('users', found, session))
    const failing = session.withTransaction(async () => {
      await statistics.events.count('users', found, session)
      throw new Error('taken back')
    })
    await expect(failing).rejects.toThrow()
    await session.endSession()
    await statistics.roll()
    const asked = { metric: 'events', groupBy: ['service', 'type'], aggregation: sum, step: seconds(60) }
    expect(totalsOf(await statistics.query(asked))).toEqual({ 'users a': 2, 'users b': 1 })
    expect(eventTypes().get('users')).toContain('site11.users.v1.UserCreated')
  })
})

describe('reports', () => {
  test('count once, where their clock can be trusted in their minute, else when they came', async () => {
    const jobs = [measurement('jobs', { $case: 'count', value: 1 })]
    for (const ageMs of [0, 0, 5 * 60_000, -hourMs, 5 * hourMs, 5 * hourMs])
      await statistics.report(nowMs - ageMs, jobs)
    await statistics.roll()
    const { series } = await statistics.query({
      metric: 'jobs',
      aggregation: sum,
      ...span(nowMs - 10 * 60_000, nowMs, 60),
    })
    expect(series[0]?.points).toEqual([
      { step: 5, value: 1 },
      { step: 10, value: 3 },
    ])
  })

  test('of too many series, of another kind or no number are counted as dropped', async () => {
    const many = Array.from({ length: 1010 }, (_, job) =>
      measurement('jobs', { $case: 'count', value: 1 }, { job: `${job}` }),
    )
    await statistics.report(nowMs, many.slice(0, 1000))
    const other = [
      measurement('jobs', { $case: 'level', value: 1 }),
      measurement('jobs', { $case: 'count', value: NaN }),
    ]
    await statistics.report(nowMs - 1, [...many.slice(1000), ...other])
    await statistics.roll()
    const { series, dropped } = await statistics.query({ metric: 'jobs', aggregation: sum, step: seconds(60) })
    expect([series[0]?.total, dropped]).toEqual([1000, 12])
  })

  test('do not take the names of what is made here', async () => {
    for (const name of ['requests', 'request.duration', 'events', 'product.x'])
      await expect(statistics.report(nowMs, [measurement(name, { $case: 'count', value: 1 })])).rejects.toMatchObject({
        details: { reason: 'INVALID_FIELD' },
      })
  })
})

describe('what cannot be answered', () => {
  test.each<[string, Partial<MetricQuery>]>([
    ['UNKNOWN_METRIC', { metric: 'request' }],
    ['UNKNOWN_LABEL', { groupBy: ['colour'] }],
    ['INVALID_FILTER', { filter: 'colour = "red"' }],
    ['INVALID_FILTER', { filter: 'service < "a"' }],
    ['INVALID_FIELD', { endTime: new Date(0), startTime: new Date(0) }],
    ['AGGREGATION_NOT_SUPPORTED', { aggregation: Aggregation.AGGREGATION_P95 }],
    ['TOO_MANY_STEPS', { startTime: new Date(tomorrow - 6 * 86_400_000), step: seconds(60) }],
  ])('is refused with %s: %j', async (reason, query) => {
    const asked = statistics.query({ metric: 'requests', ...query })
    await expect(asked).rejects.toMatchObject({ details: { reason } })
  })

  test('names the metrics that are most like it', async () => {
    await expect(statistics.query({ metric: 'request.error' })).rejects.toMatchObject({
      details: { metadata: { nearest: expect.stringMatching(/^request\.errors, /) } },
    })
  })

  test('are more than 200 series, unless only the largest are asked for', async () => {
    for (let method = 0; method < 201; method++) statistics.record(nowMs, { method: `${method}`, requests: method + 1 })
    await statistics.flush()
    await statistics.roll()
    const asked = { metric: 'requests', groupBy: ['method'], aggregation: sum, step: seconds(60) }
    await expect(statistics.query(asked)).rejects.toMatchObject({ details: { reason: 'TOO_MANY_SERIES' } })
    expect(totalsOf(await statistics.query({ ...asked, top: 1 }))).toEqual({ '/200': 201, other: 20_100 })
  })

  test('ends when its caller is gone', async () => {
    await expect(statistics.query({ metric: 'requests', step: seconds(60) }, AbortSignal.abort())).rejects.toThrow()
  })
})

describe('a step', () => {
  const nowS = tomorrow / 1000
  const day = 86_400
  test.each<[string, { age: number; length: number; step?: number; isInMemory?: boolean }, number]>([
    ['is a second in the last minutes', { age: 600, length: 600, step: 1, isInMemory: true }, 1],
    ['is ten seconds in the last hour', { age: 3600, length: 600, step: 1, isInMemory: true }, 10],
    ['is a minute where seconds are not kept', { age: 600, length: 600, step: 1 }, 60],
    ['is a minute in the last days', { age: 6 * day, length: 3600, step: 1 }, 60],
    ['is an hour after a week', { age: 8 * day, length: day, step: 60 }, 3600],
    ['is a day after a year', { age: 500 * day, length: 9 * day, step: 60 }, day],
    ['is rounded up', { age: 600, length: 600, step: 61 }, 120],
    ['is chosen by the span', { age: 30 * day, length: 30 * day }, 6 * 3600],
  ])('%s', (_, { age, length, step, isInMemory = false }, expected) => {
    const start = nowS - age
    const found = planSpan({ start, end: start + length, stepS: step, compareS: 0, isInMemory }, nowS)
    expect(found.stepS).toBe(expected)
  })

  const [minute, hour] = [60, 3600]
  test.each<[string, length: number, stepS: number]>([
    ['an hour', hour, minute],
    ['ten hours', 10 * hour, 5 * minute],
    ['a day', day, 30 * minute],
    ['five days', 5 * day, hour],
    ['a week', 7 * day, 3 * hour],
    ['15 days', 15 * day, 3 * hour],
    ['30 days', 30 * day, 6 * hour],
    ['120 days', 120 * day, day],
  ])('of %s is the same wherever it begins, and with its ends a little further apart', (_, length, stepS) => {
    const aligned = Math.floor(nowS / day) * day - length
    for (const moved of [0, 0.001, 61.5, stepS / 2, stepS - 0.001])
      for (const longer of [0, 0.001, 1, stepS / 2]) {
        const start = aligned - moved
        const span = planSpan(
          { start, end: start + length + longer, stepS: undefined, compareS: 0, isInMemory: false },
          nowS,
        )
        expect(span.stepS, `moved by ${moved} s, longer by ${longer} s`).toBe(stepS)
      }
  })
})
