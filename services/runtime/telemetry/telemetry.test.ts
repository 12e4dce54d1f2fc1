import { status } from '@grpc/grpc-js'
import { ReportMetricsRequest } from '@site11/proto/grpc/site11/statistics/v1/metrics_service.ts'
import fc from 'fast-check'
import { beforeEach, expect, test, vi } from 'vitest'
import { eventBytes, outboxEntry, readEvent } from '../events/event.ts'
import { bucketOf } from '../histogram.ts'
import { createLog } from '../log.ts'
import { exposition } from './exposition.ts'
import { allMetrics, counter, durations, level } from './metrics.ts'
import { measureProcess } from './process.ts'
import { reportMetrics, takeMeasurements } from './report.ts'
import { parseTraceparent, traceOf, traceparentOf } from './trace-context.ts'
import { serverSpan, startTracing } from './tracing.ts'

beforeEach(() => void takeMeasurements())

let names = 0
const fresh = (unit = '{thing}') => ({ name: `test.things.${names++}`, description: 'Things of a test', unit })
const linesOf = (name: string) =>
  exposition({ instance: 'test-1' })
    .split('\n')
    .filter(line => line.includes(name.replaceAll('.', '_')))

test('a counter, a level and durations are shown as Prometheus names them, with what they are told apart by', () => {
  const counted = { ...fresh(), labels: ['kind'] }
  counter(counted).add(2, 'a "b"\n\\')
  expect(linesOf(counted.name)).toEqual([
    `# HELP ${counted.name.replaceAll('.', '_')}_total Things of a test.`,
    `# TYPE ${counted.name.replaceAll('.', '_')}_total counter`,
    `${counted.name.replaceAll('.', '_')}_total{instance="test-1",kind="a \\"b\\"\\n\\\\"} 2`,
  ])
  const high = fresh('By')
  const end = level(high, () => 7)
  expect(linesOf(high.name).at(-1)).toMatch(/_bytes\{instance="test-1"\} 7$/)
  end()
  expect(linesOf(high.name)).toEqual([])
  const long = fresh('s')
  for (const ms of [0.1, 3, 3, 20_000]) durations(long).record(ms)
  const shown = linesOf(long.name)
  expect(shown.find(line => line.includes('le="0.005"'))).toMatch(/ 3$/)
  expect(shown.find(line => line.includes('le="10"'))).toMatch(/ 3$/)
  expect(shown.find(line => line.includes('le="+Inf"'))).toMatch(/ 4$/)
  expect(
    Number(
      shown
        .find(line => line.includes('_sum'))
        ?.split(' ')
        .at(-1),
    ),
  ).toBeCloseTo(20.0061)
})

test('what has too many kinds counts under `other`', () => {
  const many = { ...fresh(), labels: ['kind'] }
  for (let kind = 0; kind < 1000; kind++) counter(many).add(1, String(kind))
  const shown = linesOf(many.name).filter(line => !line.startsWith('#'))
  expect(shown.length).toBeLessThanOrEqual(201)
  expect(shown.find(line => line.includes('"other"'))).toMatch(/ 800$/)
})

test('measurements add up to what was measured, however they are taken, in the buckets of the contract', () => {
  const each = fc.double({ min: 0, max: 1e6, noNaN: true })
  fc.assert(
    fc.property(fc.array(fc.array(each)), batches => {
      const long = fresh('s')
      const seen = new Map<number, number>()
      let sumMs = 0
      for (const batch of batches) {
        for (const ms of batch) durations(long).record(ms)
        for (const { metric, value } of takeMeasurements()) {
          if (metric !== long.name || value?.$case !== 'durations') continue
          sumMs += value.value.sumMs
          for (const { bucket, count } of value.value.buckets) seen.set(bucket, (seen.get(bucket) ?? 0) + count)
        }
      }
      const all = batches.flat()
      expect(sumMs).toBeCloseTo(all.reduce((sum, ms) => sum + ms, 0))
      const wanted = Map.groupBy(all, bucketOf)
      expect(seen).toEqual(new Map([...wanted].map(([bucket, { length }]) => [bucket, length])))
    }),
    { numRuns: 50 },
  )
})

test('a process is measured: its loop, heap, CPU and memory', () => {
  const end = measureProcess()
  end()
  const found = allMetrics().map(({ name }) => name)
  expect(found).toEqual(expect.arrayContaining(['nodejs.eventloop.delay', 'process.cpu.time', 'v8js.memory.heap.used']))
})

test('reports that may not have arrived are sent again as they were, and nothing is lost meanwhile', async () => {
  const things = counter(fresh())
  const received: ReportMetricsRequest[] = []
  let isThere = false
  let failure: number | undefined = status.UNIMPLEMENTED
  const reporting = reportMetrics({
    instance: 'test-1',
    version: '1',
    everyMs: 1,
    isThere: () => isThere,
    async send(request) {
      // What is on the wire, not what somebody may still change.
      received.push(ReportMetricsRequest.decode(ReportMetricsRequest.encode(request).finish()))
      if (failure !== undefined) throw Object.assign(new Error(), { code: failure })
      return {}
    },
  })
  const countOf = ({ measurements }: ReportMetricsRequest) =>
    measurements.flatMap(({ value }) => (value?.$case === 'count' ? [value.value] : [])).reduce((a, b) => a + b, 0)
  things.add(1)
  isThere = true
  await vi.waitFor(() => expect(received.length).toBeGreaterThan(1))
  things.add(10)
  await vi.waitFor(() => expect(received.length).toBeGreaterThan(3))
  const times = new Set(received.map(({ time }) => time?.getTime()))
  expect([...times]).toHaveLength(1)
  failure = undefined
  await vi.waitFor(() => expect(received.some(report => countOf(report) === 10)).toBe(true))
  await reporting.close()
  const arrived = new Map(received.map(report => [report.time?.getTime(), countOf(report)]))
  expect([...arrived.values()].reduce((a, b) => a + b, 0)).toBe(11)
})

const hex = (digits: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: digits, maxLength: digits })

test('what is passed on as traceparent is read as it was written', () => {
  fc.assert(
    fc.property(hex(32), hex(16), fc.boolean(), (traceId, spanId, sampled) => {
      fc.pre(/[^0]/.test(traceId) && /[^0]/.test(spanId))
      expect(parseTraceparent(traceparentOf({ traceId, spanId, sampled }))).toEqual({ traceId, spanId, sampled })
    }),
  )
})

const [trace, span] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331']
test.each([
  ['', undefined],
  [`00-${trace}-${span}`, undefined],
  [`00-${'0'.repeat(32)}-${span}-01`, undefined],
  [`00-${trace}-${'0'.repeat(16)}-01`, undefined],
  [`ff-${trace}-${span}-01`, undefined],
  [`00-${trace.toUpperCase()}-${span}-01`, undefined],
  [`00-${trace}-${span}-01-more`, undefined],
  [`01-${trace}-${span}-03-more`, { traceId: trace, spanId: span, sampled: false }],
  [`00-${trace}-${span}-03`, { traceId: trace, spanId: span, sampled: true }],
  [`00-${trace}-${span}-00`, { traceId: trace, spanId: span, sampled: false }],
])('traceparent %j means %j', (header, wanted) => {
  expect(parseTraceparent(header)).toEqual(wanted)
})

test('without a valid traceparent the request id of the edge names the trace', () => {
  const requestId = '3F2504E0-4F89-41D3-9A0C-0305E82C3301'
  const headers: Record<string, string> = { traceparent: '00-nonsense', 'x-request-id': requestId }
  const found = traceOf({ get: name => (headers[name] ? [headers[name]] : []) })
  expect(found).toEqual({ traceId: requestId.replaceAll('-', '').toLowerCase(), spanId: '', sampled: false })
})

test('an event belongs to the span in which it came to be, and without one to the trace alone', async () => {
  const codec = { encode: () => ({ finish: () => new Uint8Array() }), decode: () => undefined }
  const about = { sequence: 1, time: new Date(), traceId: trace }
  const traceparent = () =>
    readEvent(eventBytes(outboxEntry('test.Happened', codec, undefined, about), 'tests', 'tests', 'a')).traceparent
  const known = { traceId: trace, sampled: false }
  expect(parseTraceparent(traceparent())).toMatchObject(known)
  // Nobody listens there, which does no harm.
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' }
  const log = createLog('test', 'silent')
  const stop = await startTracing({ service: 'tests', instance: 'tests-1', version: '1', log }, env)
  const opened = serverSpan('/site11.tests.v1.TestsService/Test', { traceId: trace, spanId: span, sampled: true })
  expect(parseTraceparent(traceparent())).toEqual(opened?.context)
  opened?.end(status.OK)
  expect(parseTraceparent(traceparent())).toMatchObject(known)
  await stop()
  expect(
    serverSpan('/site11.tests.v1.TestsService/Test', { traceId: trace, spanId: span, sampled: true }),
  ).toBeUndefined()
})
