/** From what came in to what is answered, on a real MongoDB: rollups against a recount of everything, whatever happens in between. */
import { Aggregation, type QueryMetricResponse } from '@site11/proto/grpc/site11/statistics/v1/metrics_service.ts'
import { bucketOf } from '@site11/runtime/histogram.ts'
import { createLog } from '@site11/runtime/log.ts'
import { storeForTests } from '@site11/runtime/store/test-mongod.ts'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createCatalogue } from './catalogue.ts'
import { createHistory } from './history.ts'
import { openMeasurements } from './measurements.ts'
import { type MetricQuery, queryMetric } from './query.ts'
import { createRecorder } from './recorder.ts'
import { requestSource } from './request-blocks.ts'
import { rollUp } from './rollup.ts'
import { openRollups, packedOf, type Rollups } from './rollup-store.ts'
import { createSliceStore } from './store.ts'

const log = createLog('test', 'silent')
/** Tomorrow: what is older, the database would delete meanwhile. */
const t0 = (Math.floor(Date.now() / 86_400_000) + 1) * 86_400_000
let nowMs = t0
const now = () => nowMs

let mongo: Awaited<ReturnType<typeof storeForTests>>
let rollups: Rollups
beforeAll(async () => {
  mongo = await storeForTests()
  rollups = await openRollups(mongo.store.db, log)
})
afterAll(() => mongo.stop())
beforeEach(async () => {
  nowMs = t0
  for (const each of await mongo.store.db.collections()) await each.deleteMany({})
})

/** An instance of Statistics, as far as it counts requests. */
async function startWriter(name: string) {
  const slices = await createSliceStore(mongo.store, name, now, log)
  const recorder = createRecorder(now)
  const history = createHistory(now)
  const measurements = await openMeasurements(mongo.store.db, now, log)
  const sources = [requestSource(slices.collection), measurements.source]
  const deps = { rollups, history, catalogue: createCatalogue(measurements.declared), now }
  return {
    measurements,
    record: (atMs: number, { method = 'Get', status = 'OK', tookMs = 10, instance = 'users-1', requests = 1 } = {}) =>
      recorder.record({
        labels: ['users', `/${method}`, instance, '1.0.0', 'edge', 'rest', status],
        endMs: atMs,
        requests,
        buckets: [{ bucket: bucketOf(tookMs), count: requests }],
      }),
    async flush() {
      const sealed = recorder.seal()
      for (const slice of sealed) history.add(slice)
      slices.add(sealed)
      await slices.flush()
    },
    roll: () => rollUp({ rollups, sources, now, log }),
    query: (query: MetricQuery) => queryMetric(deps, query),
  }
}

const sumOf = ({ series }: QueryMetricResponse) => series.reduce((sum, { total }) => sum + total, 0)
const all = (metric: string): MetricQuery => ({
  metric,
  startTime: new Date(t0 - 86_400_000),
  endTime: new Date(t0 + 86_400_000),
  aggregation: Aggregation.AGGREGATION_SUM,
})

describe('rollups', () => {
  const request = fc.record({
    minute: fc.integer({ min: 0, max: 119 }),
    method: fc.constantFrom('Get', 'List'),
    tookMs: fc.integer({ min: 1, max: 2000 }),
    requests: fc.integer({ min: 1, max: 5 }),
    writer: fc.nat(1),
    /** What happens after it. */
    next: fc.constantFrom('nothing', 'nothing', 'flush', 'roll', 'roll both', 'an hour passes'),
  })

  test('are what a recount of everything makes, after any order, lateness, restart, and by two at once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 25 }), async requests => {
        nowMs = t0 + 2 * 3_600_000
        for (const each of await mongo.store.db.collections()) await each.deleteMany({})
        const writers = [await startWriter('a'), await startWriter('b')]
        for (const { minute, writer, next, ...rest } of requests) {
          const own = writers[writer] ?? expect.fail()
          // Not older than the recorder takes as it is.
          own.record(nowMs - 3_400_000 + (minute % 55) * 60_000, rest)
          if (next === 'nothing') continue
          await own.flush()
          if (next === 'roll') await own.roll()
          if (next === 'roll both') await Promise.all(writers.map(each => each.roll()))
          if (next === 'an hour passes') {
            nowMs += 3_600_000
            // It ends, and another one starts.
            writers[writer] = await startWriter(`again-${nowMs}`)
          }
        }
        for (const each of writers) await each.flush()
        await Promise.all(writers.map(each => each.roll()))
        for (const each of writers) await each.roll()
        const made = await contents()
        // Everything is new again.
        for (const level of ['minutes', 'hours'] as const) await rollups[level].deleteMany({})
        await mongo.store.db.collection('slices').updateMany({}, { $set: { pending: '' } })
        await writers[0]?.roll()
        expect(await contents()).toEqual(made)
        const sent = requests.reduce((sum, each) => sum + each.requests, 0)
        const counted = (await rollups.minutes.find({ metric: 'requests' }).toArray()).map(each =>
          Array.from(new Float64Array(new Uint8Array(each.stats.value()).buffer)),
        )
        expect(counted.flat().reduce((sum, each) => sum + each, 0)).toBe(sent)
      }),
      { numRuns: 15 },
    )
  })

  /** All minutes and hours, without what differs by how often they were made. */
  async function contents() {
    const found = []
    for (const level of ['minutes', 'hours'] as const)
      for (const document of await rollups[level].find().sort({ _id: 1 }).toArray()) {
        const { stats, buckets, keys, dropped, minutes } = packedOf(document)
        const numbers = Array.from(new Float64Array(new Uint8Array(stats).buffer), each => each.toPrecision(9))
        found.push({
          level,
          id: document._id,
          keys,
          dropped,
          minutes,
          numbers,
          buckets: Buffer.from(buckets).toString('hex'),
        })
      }
    return found
  }
})

describe('a query', () => {
  test('counts the same whichever rollups it is read from', async () => {
    nowMs = t0 + 30 * 60_000
    const writer = await startWriter('a')
    for (let minute = 0; minute < 30; minute++) writer.record(t0 + minute * 60_000 + 1, { requests: minute + 1 })
    await writer.flush()
    await writer.roll()
    const inMemory = await writer.query({
      ...all('requests'),
      startTime: new Date(t0),
      endTime: new Date(nowMs),
      step: { seconds: 10, nanos: 0 },
    })
    expect([inMemory.step?.seconds, sumOf(inMemory)]).toEqual([10, 465])
    expect(sumOf(await writer.query(all('requests')))).toBe(465)
    for (const hoursLater of [2, 30]) {
      nowMs = t0 + hoursLater * 3_600_000
      await writer.roll()
      for (const seconds of [300, 3600, 86_400]) {
        const { series } = await writer.query({
          ...all('requests'),
          startTime: new Date(t0 - 86_400_000),
          step: { seconds, nanos: 0 },
        })
        expect(series.map(({ total }) => total)).toEqual([465])
      }
    }
    expect(await rollups.days.countDocuments()).toBe(2)
  })
})
