/**
 * What this process has measured of itself: counters, levels and durations, under OpenTelemetry's names. One set for a process, as there is
 * one process to measure. It is read in two ways: as it stands (exposition.ts), and as what came since the last report (report.ts).
 *
 * By hand, since both known libraries cost each process 20 MiB of memory, and neither keeps durations in the buckets that reports have.
 */
import { bucketCount, bucketOf } from '../histogram.ts'

export interface MetricOptions {
  /** By OpenTelemetry's conventions, such as `nodejs.eventloop.delay`. */
  name: string
  /** In a sentence without a full stop. */
  description: string
  /** As UCUM writes it: `By`, `1`, `s`, `{command}`. Durations are measured in ms whatever it says. */
  unit: string
  /** The names of what values are told apart by, with underscores for the dots of the conventions. */
  labels?: readonly string[]
}

export interface Counter {
  add(count: number, ...labels: string[]): void
}
export interface Durations {
  record(ms: number, ...labels: string[]): void
}
/** A level, or levels by their labels. */
export type Levels = number | undefined | Iterable<readonly [level: number, ...labels: string[]]>

/** So many values of labels a metric has at most; what comes beyond counts under `other`. */
const mostSeries = 200
/** The upper bounds that Prometheus is told of. ms. */
export const boundsMs = [0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000] as const

export interface CounterSeries {
  labels: readonly string[]
  total: number
  reported: number
}
export interface DurationSeries {
  labels: readonly string[]
  count: number
  sumMs: number
  /** How many were at most as long as each bound and longer than the one before. */
  within: Float64Array
  /** Since the last report. */
  fresh: { sumMs: number; buckets: Uint32Array; lowest: number; highest: number }
}

export type Metric = MetricOptions &
  (
    | { kind: 'counter'; series: Map<string, CounterSeries> }
    | { kind: 'durations'; series: Map<string, DurationSeries> }
    | { kind: 'level'; read: Set<() => Levels> }
  )

const metrics = new Map<string, Metric>()

/** @returns all metrics of this process, by name. */
export const allMetrics = (): Metric[] => [...metrics.values()].sort((a, b) => (a.name < b.name ? -1 : 1))

/** Counts what happens. The same name gives the same counter. */
export function counter(options: MetricOptions): Counter {
  const { series } = metric(options, () => ({ ...options, kind: 'counter' as const, series: new Map() }))
  return {
    add(count, ...labels) {
      seriesOf(series, labels, labels => ({ labels, total: 0, reported: 0 })).total += count
    },
  }
}

/** Takes how long things took. */
export function durations(options: MetricOptions): Durations {
  const { series } = metric(options, () => ({ ...options, kind: 'durations' as const, series: new Map() }))
  return {
    record(ms, ...labels) {
      recordMany(seriesOf(series, labels, newDurations), ms, 1)
    },
  }
}

/**
 * A level that is read when somebody asks.
 * @param read must not throw; undefined when there is no level now.
 * @returns a function that ends it.
 */
export function level(options: MetricOptions, read: () => Levels): () => void {
  const found = metric(options, () => ({ ...options, kind: 'level' as const, read: new Set<() => Levels>() }))
  found.read.add(read)
  return () => {
    found.read.delete(read)
  }
}

/** @returns the levels of now, with their labels; those that were given under the same labels are added up. */
export function levelsOf({ read }: Extract<Metric, { kind: 'level' }>): { level: number; labels: string[] }[] {
  const found = new Map<string, { level: number; labels: string[] }>()
  for (const each of read) {
    const levels = each()
    if (levels === undefined) continue
    for (const [level, ...labels] of typeof levels === 'number' ? [[levels] as const] : levels) {
      const key = keyOf(labels)
      const known = found.get(key)
      if (known) known.level += level
      else if (found.size < mostSeries) found.set(key, { level, labels })
    }
  }
  return [...found.values()]
}

/** Takes durations that were counted elsewhere. */
export function recordMany(series: DurationSeries, ms: number, count: number): void {
  const { within, fresh } = series
  let bound = 0
  while (bound < boundsMs.length && ms > (boundsMs[bound] ?? 0)) bound++
  within[bound] = (within[bound] ?? 0) + count
  series.count += count
  series.sumMs += ms * count
  const bucket = bucketOf(ms)
  fresh.sumMs += ms * count
  fresh.buckets[bucket] = (fresh.buckets[bucket] ?? 0) + count
  if (bucket < fresh.lowest) fresh.lowest = bucket
  if (bucket > fresh.highest) fresh.highest = bucket
}

/** @returns the series of a metric of durations without labels, for `recordMany`. */
export function durationSeries(options: MetricOptions): DurationSeries {
  const { series } = metric(options, () => ({ ...options, kind: 'durations' as const, series: new Map() }))
  return seriesOf(series, [], newDurations)
}

const newDurations = (labels: readonly string[]): DurationSeries => ({
  labels,
  count: 0,
  sumMs: 0,
  within: new Float64Array(boundsMs.length + 1),
  fresh: { sumMs: 0, buckets: new Uint32Array(bucketCount), lowest: bucketCount, highest: -1 },
})

function metric<M extends Metric>({ name }: MetricOptions, make: () => M): M {
  const found = metrics.get(name) ?? make()
  metrics.set(name, found)
  return found as M
}

const keyOf = (labels: readonly string[]) => (labels.length === 1 ? (labels[0] ?? '') : labels.join('\n'))

function seriesOf<S>(series: Map<string, S>, labels: string[], make: (labels: readonly string[]) => S): S {
  const key = keyOf(labels)
  const known = series.get(key)
  if (known) return known
  const others = series.size < mostSeries ? labels : labels.map(() => 'other')
  const otherKey = others === labels ? key : keyOf(others)
  const found = series.get(otherKey) ?? make(others)
  series.set(otherKey, found)
  return found
}
