/** The golden signals of WatchSignals, kept for as long as they are asked for, and what pages say of them. Pure. All times in ms. */
import type { Timestamp } from '@bufbuild/protobuf/wkt'
import type { SignalPoint, WatchSignalsResponse } from '@site11/proto/es/site11/statistics/v1/statistics_service_pb.ts'

export interface Point {
  start: number
  requests: number
  serverErrors: number
  clientErrors: number
  p50: number
  p95: number
  p99: number
}

export interface Signals {
  /** By labels joined with blanks; points by time. Steps without a request have none. */
  series: ReadonlyMap<string, readonly Point[]>
  /** When the last step ended. */
  time: number
  stepMs: number
  /** How many requests are in none of the series. */
  dropped: number
}

/** @returns a reducer that keeps the points of the last `rangeMs`. */
export const signalsWith =
  (stepMs: number, rangeMs: number) =>
  (state: Signals | undefined, { series, time, dropped }: WatchSignalsResponse): Signals => {
    const end = msOf(time) ?? state?.time ?? 0
    const kept = new Map<string, readonly Point[]>()
    const from = end - rangeMs
    for (const [key, points] of state?.series ?? []) {
      const young = points[0] && points[0].start < from ? points.filter(({ start }) => start >= from) : points
      if (young.length > 0) kept.set(key, young)
    }
    for (const { labels, points } of series) {
      const key = labels.join(' ')
      const all = merged(kept.get(key) ?? [], points.map(pointOf)).filter(({ start }) => start >= from)
      if (all.length > 0) kept.set(key, all)
    }
    return { series: kept, time: end, stepMs, dropped: (state?.dropped ?? 0) + Number(dropped) }
  }

/** A step that is told again replaces what was told of it. */
function merged(old: readonly Point[], news: readonly Point[]): readonly Point[] {
  const [first] = news
  const last = old.at(-1)
  if (!first) return old
  if (!last || last.start < first.start) return [...old, ...news]
  const byStart = new Map([...old, ...news].map(point => [point.start, point]))
  return [...byStart.values()].sort((a, b) => a.start - b.start)
}

const pointOf = ({ startTime, requests, serverErrors, clientErrors, p50Ms, p95Ms, p99Ms }: SignalPoint): Point => ({
  start: msOf(startTime) ?? 0,
  requests: Number(requests),
  serverErrors: Number(serverErrors),
  clientErrors: Number(clientErrors),
  p50: p50Ms,
  p95: p95Ms,
  p99: p99Ms,
})

const msOf = (time: Timestamp | undefined) => time && Number(time.seconds) * 1000 + time.nanos / 1e6

/** What a table says of a series. */
export interface Figures {
  /** Requests in a second. */
  rate: number
  /** The share of the requests that failed by the fault of the service, 0 to 1; undefined without requests. */
  errors: number | undefined
  /**
   * Of the slowest step; undefined where nothing was measured, as with streams alone. Percentiles of several steps cannot be averaged.
   */
  p95: number | undefined
}

/** The window that figures are of: long enough not to flicker, short enough to be about now. */
export const figuresMs = 60_000

/** @returns the figures of the last minute. */
export function figuresOf({ series, time }: Signals, key: string): Figures {
  const points = (series.get(key) ?? []).filter(({ start }) => start >= time - figuresMs)
  const requests = sum(points.map(point => point.requests))
  if (requests === 0) return { rate: 0, errors: undefined, p95: undefined }
  return {
    rate: requests / (figuresMs / 1000),
    errors: sum(points.map(point => point.serverErrors)) / requests,
    p95: Math.max(...points.map(({ p95 }) => p95)) || undefined,
  }
}

/** @returns a duration, or null where none was measured: streams that live as long as their caller have none. */
export const measured = (ms: number) => ms || null

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0)

/** @returns a value for every step of the range, by time; null where there was no request. */
export function everyStep(
  points: readonly Point[],
  { time, stepMs }: Pick<Signals, 'time' | 'stepMs'>,
  rangeMs: number,
  value: (point: Point) => number | null,
): { starts: number[]; values: (number | null)[] } {
  const last = Math.floor(time / stepMs) * stepMs - stepMs
  const count = Math.floor(rangeMs / stepMs)
  const starts = Array.from({ length: count }, (_, index) => last - (count - 1 - index) * stepMs)
  const byStart = new Map(points.map(point => [Math.floor(point.start / stepMs) * stepMs, point]))
  return {
    starts,
    values: starts.map(start => {
      const point = byStart.get(start)
      return point ? value(point) : null
    }),
  }
}

/**
 * @returns the series with the most requests, at most `most`; the rest folded into one. Durations of the folded one are those of its
 * slowest part.
 */
export function busiest(
  series: ReadonlyMap<string, readonly Point[]>,
  most = 6,
): { key: string | undefined; points: readonly Point[] }[] {
  const total = (points: readonly Point[]) => sum(points.map(({ requests }) => requests))
  const sorted = [...series].sort(([a, x], [b, y]) => total(y) - total(x) || (a < b ? -1 : 1))
  if (sorted.length <= most) return sorted.map(([key, points]) => ({ key, points }))
  const top = sorted.slice(0, most - 1).map(([key, points]) => ({ key, points }))
  const others = sorted.slice(most - 1).flatMap(([, points]) => points)
  return [...top, { key: undefined, points: folded(others) }]
}

function folded(points: readonly Point[]): Point[] {
  const steps = [...Map.groupBy(points, ({ start }) => start)].sort(([a], [b]) => a - b)
  return steps.map(([start, same]) => ({
    start,
    requests: sum(same.map(({ requests }) => requests)),
    serverErrors: sum(same.map(({ serverErrors }) => serverErrors)),
    clientErrors: sum(same.map(({ clientErrors }) => clientErrors)),
    p50: Math.max(...same.map(({ p50 }) => p50)),
    p95: Math.max(...same.map(({ p95 }) => p95)),
    p99: Math.max(...same.map(({ p99 }) => p99)),
  }))
}

/** @returns the path of a line through the values that are there, in a box of this size; y begins at 0. */
export function linePath(values: readonly (number | null)[], width: number, height: number): string {
  const top = Math.max(...values.map(value => value ?? 0)) || 1
  const dx = values.length > 1 ? width / (values.length - 1) : 0
  let pen = 'M'
  return values
    .map((value, index) => {
      if (value === null) {
        pen = 'M'
        return ''
      }
      const at = `${pen}${round(index * dx)} ${round(height - (value / top) * height)}`
      const alone = pen === 'M' && (values[index + 1] ?? null) === null
      pen = 'L'
      // A round cap makes a dot of a line without length.
      return alone ? `${at}h0` : at
    })
    .join('')
}

const round = (value: number) => Math.round(value * 10) / 10
