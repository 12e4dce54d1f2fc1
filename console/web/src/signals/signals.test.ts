import { create } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { WatchSignalsResponseSchema } from '@site11/proto/es/site11/statistics/v1/statistics_service_pb.ts'
import { describe, expect, test } from 'vitest'
import { busiest, everyStep, figuresOf, linePath, type Point, type Signals, signalsWith } from './signals.ts'

const t0 = 1_700_000_000_000
const step = 10_000
const reduce = signalsWith(step, 900_000)

/** An answer up to the end of step `end`; each point is [step, requests, server errors, p95]. */
const answer = (end: number, series: Record<string, [number, number, number, number][]>, dropped = 0) =>
  create(WatchSignalsResponseSchema, {
    time: timestampFromMs(t0 + end * step),
    dropped: BigInt(dropped),
    series: Object.entries(series).map(([label, points]) => ({
      labels: label.split(' '),
      points: points.map(([at, requests, serverErrors, p95Ms]) => ({
        startTime: timestampFromMs(t0 + at * step),
        requests: BigInt(requests),
        serverErrors: BigInt(serverErrors),
        p95Ms,
      })),
    })),
  })

const all = (...answers: ReturnType<typeof answer>[]) =>
  answers.reduce<Signals | undefined>((state, message) => reduce(state, message), undefined) as Signals

test('each answer adds its steps, and what a step said before is replaced', () => {
  const { series, dropped } = all(
    answer(
      2,
      {
        users: [
          [0, 10, 0, 5],
          [1, 20, 1, 7],
        ],
      },
      3,
    ),
    answer(
      3,
      {
        users: [
          [1, 22, 2, 8],
          [2, 30, 0, 9],
        ],
        images: [[2, 1, 0, 1]],
      },
      4,
    ),
  )
  expect(series.get('users')?.map(({ requests }) => requests)).toEqual([10, 22, 30])
  expect(series.get('images')).toHaveLength(1)
  expect(dropped).toBe(7)
})

test('what is older than the range is forgotten, a series without points with it', () => {
  const { series } = all(
    answer(1, { users: [[0, 1, 0, 1]], old: [[0, 1, 0, 1]] }),
    answer(95, { users: [[94, 1, 0, 1]] }),
  )
  expect([...series.keys()]).toEqual(['users'])
  expect(series.get('users')).toHaveLength(1)
})

describe('the figures of the last minute', () => {
  test('count what happened in it, and name the slowest step', () => {
    const signals = all(
      answer(8, {
        users: [
          [0, 999, 999, 999],
          [2, 30, 0, 20],
          [6, 60, 9, 80],
          [7, 90, 0, 40],
        ],
      }),
    )
    expect(figuresOf(signals, 'users')).toEqual({ rate: 3, errors: 0.05, p95: 80 })
  })

  test('have no share and no duration without requests', () => {
    const signals = all(answer(1, { users: [[0, 9, 0, 5]] }), answer(20, {}))
    expect(figuresOf(signals, 'users')).toEqual({ rate: 0, errors: undefined, p95: undefined })
    expect(figuresOf(signals, 'nobody').rate).toBe(0)
  })
})

test('streams alone have requests and no duration', () => {
  const signals = all(answer(1, { statistics: [[0, 6, 0, 0]] }))
  expect(figuresOf(signals, 'statistics')).toEqual({ rate: 0.1, errors: 0, p95: undefined })
})

test('every step has its place, also those without a request', () => {
  const signals = all(
    answer(4, {
      users: [
        [0, 1, 0, 11],
        [3, 1, 0, 44],
      ],
    }),
  )
  const { starts, values } = everyStep(signals.series.get('users') ?? [], signals, 4 * step, ({ p95 }) => p95)
  expect(values).toEqual([11, null, null, 44])
  expect(starts.at(-1)).toBe(t0 + 3 * step)
})

test('beyond six series the rest is one', () => {
  const point = (requests: number): Point[] => [
    { start: t0, requests, serverErrors: 1, clientErrors: 0, p50: requests, p95: requests, p99: requests },
  ]
  const series = new Map(Array.from({ length: 9 }, (_, index) => [`m${index}`, point(index + 1)]))
  const drawn = busiest(series)
  expect(drawn.map(({ key }) => key)).toEqual(['m8', 'm7', 'm6', 'm5', 'm4', undefined])
  expect(drawn.at(-1)?.points).toMatchObject([{ requests: 1 + 2 + 3 + 4, serverErrors: 4, p95: 4 }])
  expect(busiest(new Map([...series].slice(0, 6)))).toHaveLength(6)
})

test('a sparkline begins at zero, breaks where nothing happened and dots what stands alone', () => {
  expect(linePath([0, 10, null, 5], 30, 20)).toBe('M0 20L10 0M30 10h0')
  expect(linePath([null, null], 30, 20)).toBe('')
})
