/**
 * Tells Statistics what this process has measured, every ten seconds. While Statistics is away, or is one that takes no reports, nothing is
 * lost of counters and durations: they are told by the next report that arrives. A report that may have arrived is sent again as it was,
 * under the same time, and so counts once.
 */
import { status } from '@grpc/grpc-js'
import type {
  Measurement,
  ReportMetricsRequest,
  ReportMetricsResponse,
} from '@site11/proto/grpc/site11/statistics/v1/metrics_service.ts'
import { bucketCount } from '../histogram.ts'
import { hasPeers } from '../peers.ts'
import { allMetrics, type DurationSeries, levelsOf, type Metric } from './metrics.ts'

export interface Reporting {
  /** Reports what is left, once. */
  close(): Promise<void>
}

interface Options {
  instance: string
  version: string
  send(request: ReportMetricsRequest): Promise<ReportMetricsResponse>
  /** Whether there is a Statistics to report to. */
  isThere?(): boolean
  now?(): number
  everyMs?: number
}

/** As many as one report may have. */
const mostMeasurements = 1000
/** After so many failures in a row it is tried at the longest interval, which is so many times the usual one. */
const longestBackoff = 6

/** Reports from now on. */
export function reportMetrics({
  instance,
  version,
  send,
  isThere = () => hasPeers('statistics'),
  now = Date.now,
  everyMs = 10_000,
}: Options): Reporting {
  /** What was sent, and may not have arrived. */
  let pending: ReportMetricsRequest[] = []
  let failures = 0
  let [waited, lastMs] = [0, 0]
  let sending: Promise<void> | undefined

  async function report(): Promise<void> {
    if (!isThere()) return
    if (pending.length === 0) {
      const measurements = takeMeasurements()
      for (let at = 0; at < measurements.length; at += mostMeasurements) {
        lastMs = Math.max(now(), lastMs + 1)
        const some = measurements.slice(at, at + mostMeasurements)
        pending.push({ instance, version, time: new Date(lastMs), measurements: some })
      }
    }
    try {
      for (let [first] = pending; first; [first] = pending) {
        await send(first)
        pending = pending.slice(1)
      }
      failures = 0
    } catch (error) {
      failures++
      // It is told what is wrong with it: sent again it would be refused again.
      if ((error as { code?: status }).code === status.INVALID_ARGUMENT) pending = pending.slice(1)
    }
  }

  const timer = setInterval(() => {
    if (sending || ++waited < Math.min(longestBackoff, failures + 1)) return
    waited = 0
    sending = report().finally(() => {
      sending = undefined
    })
  }, everyMs).unref()

  return {
    async close() {
      clearInterval(timer)
      await sending
      if (failures === 0) await report()
    },
  }
}

/** @returns what was measured since it was taken last, and the levels of now. */
export const takeMeasurements = (): Measurement[] => allMetrics().flatMap(measurementsOf)

function measurementsOf(metric: Metric): Measurement[] {
  if (metric.kind === 'level')
    return levelsOf(metric).map(({ labels, level }) => measured(metric, labels, { $case: 'level', value: level }))
  if (metric.kind === 'counter')
    return [...metric.series.values()].flatMap(series => {
      const count = series.total - series.reported
      series.reported = series.total
      return count > 0 ? [measured(metric, series.labels, { $case: 'count', value: count })] : []
    })
  return [...metric.series.values()].flatMap(series => {
    const value = takeFresh(series)
    return value ? [measured(metric, series.labels, { $case: 'durations', value })] : []
  })
}

function takeFresh({ fresh }: DurationSeries) {
  const { buckets, lowest, highest, sumMs } = fresh
  if (highest < 0) return undefined
  const found: { bucket: number; count: number }[] = []
  for (let bucket = lowest; bucket <= highest; bucket++) {
    const count = buckets[bucket] ?? 0
    if (count > 0) found.push({ bucket, count })
  }
  buckets.fill(0, lowest, highest + 1)
  fresh.lowest = bucketCount
  fresh.highest = -1
  fresh.sumMs = 0
  return { sumMs, buckets: found }
}

function measured(metric: Metric, values: readonly string[], value: NonNullable<Measurement['value']>): Measurement {
  const labels = Object.fromEntries((metric.labels ?? []).map((label, at) => [label, values[at] ?? '']))
  const { name, description, unit } = metric
  return { metric: name, description, unit: metric.kind === 'durations' ? 'ms' : unit, labels, value }
}
