/** Rollups on a real MongoDB, against a recount of everything, whatever happens in between. */
import { Aggregation } from '@site11/proto/grpc/site11/statistics/v1/metrics_service.ts'
import { PropertyType } from '@site11/proto/grpc/site11/statistics/v1/product_service.ts'
import { bucketOf } from '@site11/runtime/histogram.ts'
import { connectStore } from '@site11/runtime/store/connect.ts'
import { startMongod, storeForTests } from '@site11/runtime/store/test-mongod.ts'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { packedOf } from './rollup-store.ts'
import { measurement, seconds, startStatistics, type TestStatistics, tomorrow, totalsOf } from './test-statistics.ts'

let nowMs = tomorrow
const now = () => nowMs

let mongo: Awaited<ReturnType<typeof storeForTests>>
beforeAll(async () => {
  mongo = await storeForTests()
})
afterAll(() => mongo.stop())
async function clear() {
  nowMs = tomorrow
  for (const each of await mongo.store.db.collections()) await each.deleteMany({})
}
beforeEach(clear)

/** All minutes and hours, without what differs by how often they were made. */
async function contents({ rollups }: TestStatistics) {
  const found = []
  for (const level of ['minutes', 'hours'] as const)
    for (const document of await rollups[level].find().sort({ _id: 1 }).toArray()) {
      const { stats, buckets, keys, dropped, minutes } = packedOf(document)
      const numbers = Array.from(new Float64Array(new Uint8Array(stats).buffer), each => each.toPrecision(9))
      const hex = Buffer.from(buckets).toString('hex')
      found.push({ level, id: document._id, keys, dropped, minutes, numbers, buckets: hex })
    }
  return found
}

const step = fc.record({
  what: fc.constantFrom('request', 'report', 'event'),
  id: fc.nat(5),
  minute: fc.nat(54),
  amount: fc.integer({ min: 1, max: 2000 }),
  at: fc.nat(1),
  next: fc.constantFrom('nothing', 'nothing', 'flush', 'roll', 'roll both', 'an hour passes'),
})

const uuid = (id: number, minute: number) => `00000000-0000-4000-8000-0000000${id}00${String(minute).padStart(2, '0')}`

test('rollups are a recount of everything, after any order, redelivery, lateness and restart, and by two at once', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async steps => {
      await clear()
      const instances = [await startStatistics(mongo.store, 'a', now), await startStatistics(mongo.store, 'b', now)]
      const properties = [
        { name: 'amount', type: PropertyType.PROPERTY_TYPE_NUMBER, required: true, isLabel: false, unit: '' },
      ]
      await instances[0]?.product.put({ event: 'bought', description: '', properties })
      const expected = { requests: 0, reports: new Set<string>(), events: new Set<string>() }
      for (const { what, id, minute, amount, at, next } of steps) {
        const own = instances[at] ?? expect.fail()
        const atMs = nowMs - 3_400_000 + minute * 60_000
        if (what === 'request') {
          own.record(atMs, { tookMs: amount, requests: id + 1 })
          expected.requests += id + 1
        } else if (what === 'report') {
          // What comes again comes as it was.
          const measured = [measurement('jobs', { $case: 'count', value: id + 1 })]
          const reportMs = nowMs - (minute % 10) * 60_000
          await own.report(reportMs, measured, `users-${id}`)
          expected.reports.add(`${id} ${reportMs}`)
        } else {
          const event = { id: uuid(id, minute), event: 'bought', subject: 'x', properties: { amount: id } }
          const known = expected.events.has(event.id)
          expect(await own.product.add([{ ...event, at: new Date(atMs) }])).toBe(known ? 1 : 0)
          expected.events.add(event.id)
        }
        if (next === 'nothing') continue
        await own.flush()
        if (next === 'roll') await own.roll()
        if (next === 'roll both') await Promise.all(instances.map(each => each.roll()))
        if (next === 'an hour passes') {
          nowMs += 3_600_000
          // It ends, and another one starts.
          if (nowMs > tomorrow + 4 * 3_600_000) nowMs -= 3_600_000
          else instances[at] = await startStatistics(mongo.store, `again-${nowMs}`, now)
        }
      }
      for (const each of instances) await each.flush()
      await Promise.all(instances.map(each => each.roll()))
      const [first = expect.fail()] = instances
      await first.roll()
      const made = await contents(first)
      for (const level of ['minutes', 'hours'] as const) await first.rollups[level].deleteMany({})
      for (const raw of ['slices', 'reports', 'product_events'])
        await mongo.store.db.collection(raw).updateMany({}, { $set: { pending: '' } })
      await first.roll()
      expect(await contents(first)).toEqual(made)
      const count = async (metric: string) => {
        const asked = { aggregation: Aggregation.AGGREGATION_SUM, step: seconds(3600) }
        const span = { startTime: new Date(tomorrow - 86_400_000), endTime: new Date(nowMs + 60_000) }
        return (await first.query({ metric, ...asked, ...span })).series[0]?.total ?? 0
      }
      await first.measurements.refresh()
      await first.product.refresh()
      expect(await count('requests')).toBe(expected.requests)
      expect(await count('product.bought')).toBe(expected.events.size)
      const jobs = [...expected.reports].reduce((sum, each) => sum + Number(each.split(' ')[0]) + 1, 0)
      if (jobs > 0) expect(await count('jobs')).toBe(jobs)
    }),
    { numRuns: 10 },
  )
}, 60_000)

test('percentiles of a million values, over minutes and hours and instances, are within 1 % of the exact ones', async () => {
  const statistics = await startStatistics(mongo.store, 'a', now)
  nowMs = tomorrow + 3 * 3_600_000
  const values = new Float64Array(1_000_000)
  let random = 1
  const next = () => {
    random = (random * 48_271) % 2_147_483_647
    return random / 2_147_483_647
  }
  for (let part = 0; part < 100; part++) {
    const buckets = new Map<number, number>()
    let sumMs = 0
    for (let index = 0; index < 10_000; index++) {
      const value = 0.5 * Math.exp(7 * next() * next())
      values[part * 10_000 + index] = value
      sumMs += value
      buckets.set(bucketOf(value), (buckets.get(bucketOf(value)) ?? 0) + 1)
    }
    const found = [...buckets].map(([bucket, count]) => ({ bucket, count }))
    nowMs = tomorrow + part * 60_000
    const durations = measurement('work.duration', { $case: 'durations', value: { sumMs, buckets: found } })
    await statistics.report(nowMs, [durations], `users-${part % 4}`)
  }
  nowMs = tomorrow + 3 * 3_600_000
  await statistics.roll()
  values.sort()
  const span = { startTime: new Date(tomorrow), endTime: new Date(nowMs), step: seconds(3600) }
  for (const [aggregation, share] of [
    [6, 0.5],
    [7, 0.9],
    [8, 0.95],
    [9, 0.99],
  ] as const) {
    const { series } = await statistics.query({ metric: 'work.duration', aggregation, ...span })
    const exact = values[Math.ceil(share * values.length) - 1] ?? 0
    expect(Math.abs((series[0]?.total ?? 0) / exact - 1)).toBeLessThan(0.0101)
  }
  const average = await statistics.query({ metric: 'work.duration', aggregation: 3, ...span })
  expect(average.series[0]?.total).toBeCloseTo(values.reduce((sum, each) => sum + each, 0) / values.length, 6)
})

test('what is counted while the database is gone is there when it is back, and what it acknowledged stays', async () => {
  const mongod = await startMongod()
  const store = connectStore({ url: mongod.url.replace('/?', '/outage?'), appName: 'test' })
  try {
    const statistics = await startStatistics(store, 'a', now)
    statistics.record(nowMs, { requests: 3 })
    await statistics.flush()
    await statistics.report(nowMs, [measurement('jobs', { $case: 'count', value: 5 })])
    await mongod.kill()
    for (let second = 1; second <= 30; second++) statistics.record(tomorrow + second * 1000, { requests: 1 })
    nowMs = tomorrow + 30_000
    await statistics.flush()
    await expect(statistics.report(nowMs, [])).rejects.toMatchObject({ details: { reason: 'DEPENDENCY_UNAVAILABLE' } })
    await expect(statistics.roll()).rejects.toThrow()
    // The last hour is in memory.
    const inMemory = { aggregation: Aggregation.AGGREGATION_SUM, step: seconds(10) }
    expect(totalsOf(await statistics.query({ metric: 'requests', ...inMemory }))).toEqual({ '': 33 })
    await expect(statistics.query({ metric: 'requests', step: seconds(60) })).rejects.toMatchObject({
      details: { reason: 'DEPENDENCY_UNAVAILABLE' },
    })
    await mongod.restart()
    const asked = { aggregation: Aggregation.AGGREGATION_SUM, step: seconds(60) }
    const isAllThere = async () => {
      await statistics.flush()
      await statistics.roll()
      expect(totalsOf(await statistics.query({ metric: 'requests', ...asked }))).toEqual({ '': 33 })
    }
    await vi.waitFor(isAllThere, { timeout: 15_000 })
    expect(totalsOf(await statistics.query({ metric: 'jobs', ...asked }))).toEqual({ '': 5 })
  } finally {
    await store.close()
    await mongod.stop()
  }
}, 60_000)
