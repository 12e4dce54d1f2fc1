/** Statistics without its server, on a real MongoDB and with a clock of the test. */
import type {
  Measurement,
  QueryMetricResponse,
  ReportMetricsRequest,
} from '@site11/proto/grpc/site11/statistics/v1/metrics_service.ts'
import { bucketOf } from '@site11/runtime/histogram.ts'
import { createLog } from '@site11/runtime/log.ts'
import type { Store } from '@site11/runtime/store/connect.ts'
import { createCatalogue } from './catalogue.ts'
import { openDomainEvents } from './domain-events.ts'
import { createHistory } from './history.ts'
import { openMeasurements } from './measurements.ts'
import { openProduct } from './product-store.ts'
import { labelValues, type MetricQuery, queryMetric } from './query.ts'
import { createRecorder } from './recorder.ts'
import { requestSource } from './request-blocks.ts'
import { rollUp } from './rollup.ts'
import { openRollups } from './rollup-store.ts'
import { createSlots } from './slots.ts'
import { createSliceStore } from './store.ts'

export const log = createLog('test', process.env.SITE11_TEST_LOG ?? 'silent')

/** Midnight, tomorrow: what is older, the database would delete meanwhile. Epoch ms. */
export const tomorrow = (Math.floor(Date.now() / 86_400_000) + 1) * 86_400_000

export type TestStatistics = Awaited<ReturnType<typeof startStatistics>>

export async function startStatistics(store: Store, name: string, now: () => number) {
  const rollups = await openRollups(store.db, log)
  const slices = await createSliceStore(store, name, now, log)
  const recorder = createRecorder(now)
  const history = createHistory(now)
  const measurements = await openMeasurements(store.db, now, log)
  const product = await openProduct(store.db, log)
  const events = await openDomainEvents(store, now, log)
  const sources = [requestSource(slices.collection), measurements.source, product.source, events.source]
  const catalogue = createCatalogue(() => [...measurements.declared(), ...product.declared()])
  const deps = { rollups, history, catalogue, slots: createSlots(2), now }
  const taken = (report: ReportMetricsRequest) => measurements.take('users', report)
  return {
    rollups,
    measurements,
    product,
    events,
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
    report: (atMs: number, measurements: Measurement[], instance = 'users-1') =>
      taken({ instance, version: '1.0.0', time: new Date(atMs), measurements }),
    roll: () => rollUp({ rollups, sources, now, log }),
    query: (query: MetricQuery, signal?: AbortSignal) => queryMetric(deps, query, signal),
    values: (metric: string, label: string, startMs: number) =>
      labelValues(deps, { metric, label, startTime: new Date(startMs) }),
  }
}

export const measurement = (metric: string, value: Measurement['value'], labels = {}): Measurement => ({
  metric,
  description: 'what it is',
  unit: '1',
  labels,
  value,
})

export const seconds = (count: number) => ({ seconds: count, nanos: 0 })
export const totalsOf = ({ series }: QueryMetricResponse) =>
  Object.fromEntries(series.map(({ labels, total }) => [labels.join(' '), total]))
