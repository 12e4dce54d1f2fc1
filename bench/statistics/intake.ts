/** How many records a second one Statistics process takes: as a proxy sends them, over mTLS, at a rate; counted by what it then tells. */
import { setTimeout as delay } from 'node:timers/promises'
import { fromJson, type JsonObject, toBinary } from '@bufbuild/protobuf'
import { Client, credentials, Metadata } from '@grpc/grpc-js'
import {
  Dimension,
  StatisticsServiceClient,
  type WatchSignalsResponse,
} from '@site11/proto/grpc/site11/statistics/v1/statistics_service.ts'
import type { Identity } from '@site11/runtime/identity.ts'
import { envoyTypes, messageType } from '../../console/server/control-plane/encode.ts'
import type { BenchMesh } from '../mesh.ts'
import { cpuUs, residentMiB } from '../process-usage.ts'

export interface IntakeReport {
  /** Records a second: wanted, sent. */
  wanted: number
  sent: number
  /** Of all that were sent. */
  counted: number
  all: number
  bytesEach: number
  /** Of one core, and of a record. */
  cpuPercent: number
  cpuUsEach: number
  memoryMiB: number
  /** The longest that the sender had to wait before it could go on, ms. */
  stalledMs: number
}

const tickMs = 50
const perMessage = 300
const asIs = (bytes: Buffer) => bytes
const path = '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs'
const message = messageType('envoy.service.accesslog.v3.StreamAccessLogsMessage')

/** Records of 200 series with all that Envoy 1.40 writes, as one message of so many of them that end now. */
function messageOf(count: number, first: number, service: string): Buffer {
  const startTime = new Date(Date.now() - 20).toISOString()
  const address = (portValue: number) => ({ socketAddress: { address: '127.0.0.1', portValue } })
  const logEntry = Array.from({ length: count }, (_, index): JsonObject => {
    const n = first + index
    const routeName = `site11.${service}.v1.BenchService/Method${n % 25}`
    const failed = n % 8 === 7
    return {
      commonProperties: {
        downstreamRemoteAddress: address(40_000),
        downstreamLocalAddress: address(8000),
        startTime,
        timeToLastRxByte: '0.000098114s',
        timeToFirstUpstreamTxByte: '0.000541898s',
        timeToLastUpstreamTxByte: '0.000565189s',
        timeToFirstUpstreamRxByte: '0.001662404s',
        timeToLastUpstreamRxByte: '0.001831934s',
        timeToFirstDownstreamTxByte: '0.001873581s',
        timeToLastDownstreamTxByte: '0.001886204s',
        upstreamRemoteAddress: address(43_603),
        upstreamLocalAddress: address(45_920),
        upstreamCluster: service,
        metadata: { filterMetadata: { 'envoy.filters.http.rbac': { enforced_engine_result: 'allowed' } } },
        routeName,
        downstreamDirectRemoteAddress: address(46_494),
        customTags: { instance: `${service}-${1 + (n % 4)}`, version: '0.1.0' },
        duration: `${(0.001 * Math.exp(3 * Math.random())).toFixed(9)}s`,
        streamId: '29e6162c-c20f-4535-95a0-a4449ede2828',
        accessLogType: 'DownstreamEnd',
      },
      protocolVersion: 'HTTP11',
      request: {
        requestMethod: 'POST',
        scheme: 'http',
        authority: 'localhost:8000',
        path: `/${routeName}`,
        userAgent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36',
        forwardedFor: '192.0.2.2',
        requestId: '29e6162c-c20f-4535-95a0-a4449ede2828',
        originalPath: '/api/v1/bench/4711',
        requestHeadersBytes: '777',
      },
      response: {
        responseCode: failed ? 503 : 200,
        responseHeadersBytes: '177',
        responseBodyBytes: '211',
        responseHeaders: { 'content-type': 'application/json' },
        ...(!failed && { responseTrailers: { 'grpc-status': '0' } }),
        responseCodeDetails: 'via_upstream',
      },
    }
  })
  return Buffer.from(toBinary(message, fromJson(message, { httpLogs: { logEntry } }, { registry: envoyTypes })))
}

/** @param identity of a proxy. @param address of the instance. */
export async function measureIntake(
  mesh: BenchMesh,
  { identity, address, rate, seconds }: { identity: Identity; address: string; rate: number; seconds: number },
): Promise<IntakeReport> {
  const service = `bench${rate}`
  const pid = mesh.processes().find(({ role }) => role === 'statistics')?.pid ?? 0
  const client = new Client(address, identity.channelTo('statistics'), {
    'grpc.ssl_target_name_override': 'statistics',
  })
  const stream = client.makeClientStreamRequest(path, asIs, asIs, new Metadata(), () => {})
  stream.on('error', () => {})
  // Made anew each second, as they say when they are from, and sent many times: to make them costs more than to take them.
  let messages: Buffer[] = []
  let made = 0
  const next = (index: number) => {
    if (Date.now() - made > 1000) {
      messages = Array.from({ length: 4 }, (_, part) => messageOf(perMessage, part * perMessage, service))
      made = Date.now()
    }
    return messages[index % messages.length] as Buffer
  }
  next(0)
  const [began, usedBefore] = [performance.now(), cpuUs(pid)]
  let [sent, index, stalledMs] = [0, 0, 0]
  while (performance.now() - began < seconds * 1000) {
    const due = ((performance.now() - began) / 1000) * rate
    for (; sent + perMessage <= due; sent += perMessage) {
      const at = performance.now()
      if (!stream.write(next(index++))) await new Promise<void>(resolve => stream.once('drain', resolve))
      stalledMs = Math.max(stalledMs, performance.now() - at)
    }
    await delay(tickMs)
  }
  const took = (performance.now() - began) / 1000
  const used = cpuUs(pid) - usedBefore
  await delay(5000)
  stream.end()
  client.close()
  return {
    wanted: rate,
    sent: sent / took,
    all: sent,
    counted: await countOf(mesh, service),
    bytesEach: (messages[0]?.length ?? 0) / perMessage,
    cpuPercent: used / took / 1e4,
    cpuUsEach: used / sent,
    memoryMiB: residentMiB(pid),
    stalledMs,
  }
}

/** What WatchSignals tells of a service. */
async function countOf(mesh: BenchMesh, service: string): Promise<number> {
  const client = new StatisticsServiceClient(new URL(mesh.base).host, credentials.createInsecure())
  const metadata = new Metadata()
  metadata.set('authorization', `Bearer ${await mesh.login()}`)
  const groupBy = [Dimension.DIMENSION_METHOD, Dimension.DIMENSION_STATUS, Dimension.DIMENSION_INSTANCE]
  const stream = client.watchSignals(
    { groupBy, service, range: { seconds: 900, nanos: 0 }, step: { seconds: 10, nanos: 0 } },
    metadata,
  )
  const counts = new Map<string, number>()
  stream.on('error', () => {})
  stream.on('data', ({ series }: WatchSignalsResponse) => {
    for (const { labels, points } of series)
      for (const { startTime, requests } of points) counts.set(`${labels} ${startTime?.toISOString()}`, requests)
  })
  // Until the last step is over.
  await delay(14_000)
  stream.cancel()
  client.close()
  return [...counts.values()].reduce((sum, each) => sum + each, 0)
}
