/** From recorded requests to watched signals, with a clock that stands still unless it is moved. */
import { Dimension, type WatchSignalsResponse } from '@site11/proto/grpc/site11/statistics/v1/statistics_service.ts'
import { bucketOf } from '@site11/runtime/histogram.ts'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createFeeds, settleMs } from './feed.ts'
import { createHistory } from './history.ts'
import { createRecorder } from './recorder.ts'
import { signalsOf } from './signals.ts'
import { keyOf } from './slice.ts'

const t0 = Date.parse('2026-01-01T00:00:00Z')
const now = () => Date.now()
beforeEach(() => {
  vi.useFakeTimers({ now: t0 })
})
afterEach(() => {
  vi.useRealTimers()
})

/** All of it, as in main.ts, without a database. */
function bench() {
  const recorder = createRecorder(now)
  const history = createHistory(now)
  const feeds = createFeeds(history, now)
  const seal = () => {
    for (const slice of recorder.seal()) history.add(slice)
    history.tidy()
  }
  const record = (ms: number, { service = 'users', method = 'Get', status = 'OK', tookMs = 10 } = {}) =>
    recorder.record({
      labels: [service, method, `${service}-1`, '1.0.0', 'edge', 'rest', status],
      endMs: ms,
      requests: 1,
      buckets: [{ bucket: bucketOf(tookMs), count: 1 }],
    })
  return { recorder, history, feeds, seal, record }
}

const query = { groupBy: [Dimension.DIMENSION_SERVICE], service: '', stepS: 1 }

function collect(stream: AsyncIterable<WatchSignalsResponse>) {
  const answers: WatchSignalsResponse[] = []
  const done = (async () => {
    for await (const each of stream) answers.push(each)
  })()
  return { answers, done }
}

const requestsIn = (answers: WatchSignalsResponse[]) =>
  answers.flatMap(({ series }) => series.flatMap(({ points }) => points.map(({ requests }) => requests)))

describe('watching', () => {
  test('begins with what was, then comes each step as it ends, with or without requests', async () => {
    const { feeds, seal, record } = bench()
    for (let second = 0; second < 10; second++) record(t0 - 20_000 + second * 1000)
    seal()
    await vi.advanceTimersByTimeAsync(settleMs)
    const end = new AbortController()
    const { answers, done } = collect(feeds.watch(query, 60, end.signal))
    await vi.advanceTimersByTimeAsync(0)
    expect(answers).toHaveLength(1)
    expect(requestsIn(answers)).toEqual(Array(10).fill(1))
    record(Date.now())
    seal()
    await vi.advanceTimersByTimeAsync(1000 + settleMs)
    end.abort()
    await done
    expect(requestsIn(answers.slice(1))).toEqual([1])
    const times = answers.map(({ time }) => Number(time))
    expect(times.every((time, index) => index === 0 || time === (times[index - 1] ?? 0) + 1000)).toBe(true)
  })

  test('many who ask for the same share the work', async () => {
    const { feeds, history, record, seal } = bench()
    record(t0)
    seal()
    const reading = vi.spyOn(history, 'between')
    const end = new AbortController()
    const watches = Array.from({ length: 50 }, () => collect(feeds.watch({ ...query, stepS: 10 }, 0, end.signal)))
    await vi.advanceTimersByTimeAsync(10_000 + settleMs)
    expect(watches.map(({ answers }) => requestsIn(answers))).toEqual(Array(50).fill([1]))
    expect(reading.mock.calls.length).toBeLessThan(5)
    end.abort()
    for (const { done } of watches) await done
    expect(vi.getTimerCount()).toBe(0)
  })

  test('a step that changes after it was sent comes again, whole', async () => {
    const { feeds, history, record, seal, recorder } = bench()
    const end = new AbortController()
    const { answers, done } = collect(feeds.watch(query, 0, end.signal))
    record(t0)
    await vi.advanceTimersByTimeAsync(1000 + settleMs)
    seal()
    await vi.advanceTimersByTimeAsync(1000)
    record(t0)
    record(t0)
    for (const slice of recorder.seal()) history.add(slice)
    await vi.advanceTimersByTimeAsync(1000)
    end.abort()
    await done
    const points = answers.flatMap(({ series }) => series.flatMap(each => each.points))
    expect(points.map(({ startTime, requests }) => [Number(startTime), requests])).toEqual([
      [t0, 1],
      [t0, 3],
    ])
  })

  test('ends with UNAVAILABLE when the instance stops, so that the caller goes on elsewhere', async () => {
    const { feeds } = bench()
    const { done } = collect(feeds.watch(query, 0, new AbortController().signal))
    const outcome = expect(done).rejects.toMatchObject({ code: 14 })
    await vi.advanceTimersByTimeAsync(0)
    feeds.close()
    await outcome
  })

  test('much is sent in several answers, none larger than gRPC takes', async () => {
    const { feeds, seal, record } = bench()
    for (let second = 0; second < 900; second++)
      for (let each = 0; each < 40; each++) record(t0 - 905_000 + second * 1000, { method: `M${each}` })
    seal()
    const end = new AbortController()
    const asked = { ...query, groupBy: [Dimension.DIMENSION_METHOD] }
    const { answers, done } = collect(feeds.watch(asked, 900, end.signal))
    await vi.advanceTimersByTimeAsync(0)
    end.abort()
    await done
    expect(answers.length).toBeGreaterThan(5)
    const series = answers.flatMap(each => each.series)
    expect(new Set(series.map(({ labels }) => labels.join())).size).toBe(40)
    expect(new Set(answers.map(({ time }) => Number(time))).size).toBe(1)
  })
})

describe('what is kept', () => {
  test('is the same summed by steps of a minute, whether it is fresh or an hour old', () => {
    const { history, seal, record } = bench()
    for (let second = 0; second < 600; second++) {
      record(t0 - 600_000 + second * 1000, { tookMs: 1 + second, status: second % 5 === 0 ? 'INTERNAL' : 'OK' })
      record(t0 - 600_000 + second * 1000, { service: 'images', status: 'NOT_FOUND' })
    }
    seal()
    const starts = Array.from({ length: 10 }, (_, index) => t0 / 1000 - 600 + index * 60)
    const ask = () => signalsOf(history, { ...query, stepS: 60 }, starts)
    const fresh = ask()
    expect(fresh.series.map(({ points }) => points.map(each => each.requests))).toEqual(
      Array(2).fill(Array(10).fill(60)),
    )
    expect(fresh.series[0]?.points.map(each => each.serverErrors)).toEqual(Array(10).fill(12))
    expect(fresh.series[1]?.points.map(each => each.clientErrors)).toEqual(Array(10).fill(60))
    vi.setSystemTime(t0 + 2_900_000)
    history.tidy()
    expect(ask()).toEqual(fresh)
    vi.setSystemTime(t0 + 4_000_000)
    history.tidy()
    expect(ask()).toEqual({ series: [], dropped: 0 })
  })

  test('counts what comes late or from a clock that is ahead, once', () => {
    const { history, record, seal } = bench()
    for (const ms of [t0 + 60_000, t0, t0 - 100_000, t0 - 1e10]) record(ms)
    seal()
    const { series } = signalsOf(
      history,
      { ...query, stepS: 10 },
      [...Array(370).keys()].map(n => t0 / 1000 - 3600 + n * 10),
    )
    expect(series[0]?.points.reduce((sum, { requests }) => sum + requests, 0)).toBe(4)
  })

  test('is bounded: requests of too many series are counted as dropped', () => {
    const { history, record, seal } = bench()
    for (let each = 0; each < 5000; each++) record(t0, { method: `M${each}` })
    seal()
    const { series, dropped } = signalsOf(history, query, [t0 / 1000])
    expect((series[0]?.points[0]?.requests ?? 0) + dropped).toBe(5000)
    expect(dropped).toBe(3000)
  })

  test('of one service is not mixed with that of others, and groups are by the values asked for, in their order', () => {
    const { history, record, seal } = bench()
    record(t0)
    record(t0, { service: 'images', method: 'Put', status: 'UNAVAILABLE' })
    seal()
    const groupBy = [Dimension.DIMENSION_STATUS, Dimension.DIMENSION_METHOD, Dimension.DIMENSION_INSTANCE]
    const { series } = signalsOf(history, { groupBy, service: 'images', stepS: 1 }, [t0 / 1000])
    expect(series.map(({ labels }) => labels)).toEqual([['UNAVAILABLE', 'Put', 'images-1']])
    expect(series[0]?.points[0]).toMatchObject({ requests: 1, serverErrors: 1, clientErrors: 0 })
    expect(keyOf(['a', 'b'])).not.toBe(keyOf(['a b']))
  })
})
