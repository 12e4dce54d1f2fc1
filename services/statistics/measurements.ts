/**
 * What instances measure of themselves, in MongoDB:
 *
 *   reports   { _id: "<instance>/<epoch ms>", minute, service, report, pending }   as they came, each once, for a day
 *   metrics   { _id: <name>, kind, unit, description, labels }                     what has ever been reported
 *
 * A report is acknowledged when it is stored. It counts in the minute that it says; where its clock is off by more than
 * `trustedMs`, or ahead, in that in which it came.
 */
import { type Measurement, ReportMetricsRequest } from '@site11/proto/grpc/site11/statistics/v1/metrics_service.ts'
import { invalidArgument } from '@site11/runtime/errors.ts'
import type { Log } from '@site11/runtime/log.ts'
import { ensureIndexes } from '@site11/runtime/store/indexes.ts'
import { DUPLICATE_KEY, storeError } from '@site11/runtime/store/store-error.ts'
import { Binary, type Collection, type Db, MongoServerError } from 'mongodb'
import {
  addBucketed,
  addValue,
  type Block,
  cleanLabel,
  closeMinute,
  emptyBlock,
  type Kind,
  seriesKey,
  statIn,
} from './block.ts'
import type { MetricInfo } from './catalogue.ts'
import { valueOfBucket } from './metric-buckets.ts'
import type { Raw, RawSource } from './rollup.ts'
import { pendingIndex } from './rollup-store.ts'

interface ReportDocument extends Raw {
  service: string
  report: Binary
}

interface MetricDocument {
  _id: string
  kind: Kind
  unit: string
  description: string
  labels: string[]
}

export interface Measurements {
  source: RawSource
  /** Of all instances, as far as this one has learnt of them. */
  declared(): Iterable<MetricInfo>
  /** Learns what was declared elsewhere. @throws what MongoDB says. */
  refresh(): Promise<void>
  /** Stores a report. One that comes again changes nothing. @throws ServiceError INVALID_FIELD, DEPENDENCY_UNAVAILABLE. */
  take(service: string, report: ReportMetricsRequest): Promise<void>
}

const keptS = 24 * 3600
const trustedMs = 15 * 60_000
const always = ['service', 'instance', 'version']
const mostMetrics = 500
const mostLabels = 10
/** As many series as a metric may have in a minute. */
const mostSeries = 1000
/** These are made here. */
const reserved = /^(requests?|events|product)(\.|$)/

export async function openMeasurements(db: Db, now: () => number, log: Log): Promise<Measurements> {
  const reports = db.collection<ReportDocument>('reports')
  const metrics = db.collection<MetricDocument>('metrics')
  await ensureIndexes(
    reports,
    [{ name: 'age', key: { minute: 1 }, expireAfterSeconds: keptS }, pendingIndex('minute')],
    log,
  )
  const known = new Map<string, MetricInfo>()
  let refused = 0

  async function refresh() {
    for (const { _id: name, ...rest } of await metrics.find().limit(mostMetrics).toArray())
      known.set(name, { name, ...rest })
  }

  /** Makes known what a measurement is of. What there is no room for is left out when minutes are made, and counted. */
  async function declare(measurement: Measurement) {
    const { metric: _id, description, unit } = measurement
    const kind = kindOf(measurement)
    const present = known.get(_id)
    const labels = Object.keys(measurement.labels).filter(isLabel)
    if (present && labels.every(label => present.labels.includes(label))) return
    if (!present && known.size >= mostMetrics) {
      if (refused++ === 0) log.warn({ metric: _id }, `more than ${mostMetrics} metrics: any further are not kept`)
      return
    }
    const all = [...new Set([...(present?.labels ?? always), ...labels])].slice(0, mostLabels)
    if (all.length === present?.labels.length) return
    const change = { $setOnInsert: { kind, unit, description }, $addToSet: { labels: { $each: all } } }
    await metrics.updateOne({ _id }, change, { upsert: true })
    const found = await metrics.findOne({ _id })
    if (found) known.set(_id, { name: _id, ...found })
  }

  return {
    declared: () => known.values(),
    refresh,
    async take(service, report) {
      const time = Number(report.time)
      const made = report.measurements.find(({ metric }) => reserved.test(metric))
      if (made) {
        const description = `${made.metric} is made by Statistics itself: report it under another name.`
        throw invalidArgument('INVALID_FIELD', description, [{ field: 'measurements', description }])
      }
      const present = now()
      const counted = time > present || time < present - trustedMs ? present : time
      const bytes = Buffer.from(ReportMetricsRequest.encode(report).finish())
      try {
        for (const each of report.measurements) await declare(each)
        await reports.insertOne({
          _id: `${report.instance}/${time}`,
          minute: new Date(Math.floor(counted / 60_000) * 60_000),
          service,
          report: new Binary(bytes),
          pending: '',
        })
      } catch (error) {
        if (!(error instanceof MongoServerError && error.code === DUPLICATE_KEY)) throw storeError(error)
      }
    },
    source: {
      collection: reports as unknown as Collection<Raw>,
      keptS,
      async blocksOf(minute) {
        await refresh()
        const blocks = new Map<string, Block>()
        for await (const { service, report } of reports.find({ minute }).sort({ _id: 1 })) {
          const { instance, version, measurements } = ReportMetricsRequest.decode(report.value())
          for (const each of measurements) {
            const info = known.get(each.metric)
            if (!info) continue
            const block = blocks.get(each.metric) ?? emptyBlock({ ...info, metric: each.metric }, Number(minute) / 1000)
            blocks.set(each.metric, block)
            const all: Record<string, string> = { ...each.labels, service, instance, version }
            addMeasurement(block, seriesKey(info.labels.map(label => cleanLabel(all[label] ?? ''))), each)
          }
        }
        return [...blocks.values()].map(closeMinute)
      },
    },
  }
}

const isLabel = (name: string) => /^[a-z][a-z0-9_.]{0,63}$/.test(name)

const kinds = { count: 'counter', level: 'gauge', durations: 'distribution' } as const
/** The contract requires a value. */
const kindOf = ({ value }: Measurement): Kind => kinds[value?.$case ?? 'durations']

/** What is of another kind than the metric, or no number, is only counted. */
function addMeasurement(block: Block, key: string, measurement: Measurement): void {
  const { value } = measurement
  if (!value || kindOf(measurement) !== block.kind || !isSound(value)) {
    block.dropped++
    return
  }
  if (value.$case === 'durations') {
    const { sumMs, buckets } = value.value
    const total = buckets.reduce((sum, { count }) => sum + count, 0)
    const stat = total > 0 ? statIn(block, key, total, mostSeries) : undefined
    if (!stat) return
    for (const { bucket, count } of buckets) addBucketed(stat, bucket, count)
    // Known better than by the buckets.
    stat.sum += sumMs - buckets.reduce((sum, { bucket, count }) => sum + valueOfBucket(bucket) * count, 0)
    return
  }
  const stat = statIn(block, key, 1, mostSeries)
  if (stat && value.$case === 'level') addValue(stat, value.value)
  else if (stat && value.$case === 'count') stat.count += value.value
}

function isSound(value: NonNullable<Measurement['value']>): boolean {
  if (value.$case === 'durations') return Number.isFinite(value.value.sumMs)
  return value.$case === 'count' ? value.value >= 0 && value.value < Infinity : Number.isFinite(value.value)
}
