/** How many records a second one Statistics process takes: as a proxy sends them, over mTLS, at a rate; counted by what it then tells. */
import { setTimeout as delay } from 'node:timers/promises'
import { Client, credentials, Metadata } from '@grpc/grpc-js'
import {
  Dimension,
  StatisticsServiceClient,
  type WatchSignalsResponse,
} from '@site11/proto/grpc/site11/statistics/v1/statistics_service.ts'
import type { Identity } from '@site11/runtime/identity.ts'
import { messageOf } from '../../services/statistics/test-records.ts'
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
const mostUnderWay = 8
const asIs = (bytes: Buffer) => bytes
const path = '/opentelemetry.proto.collector.logs.v1.LogsService/Export'

/** Records of 200 series, as one message of so many of them that begin now. */
function recordsOf(count: number, first: number, service: string): Buffer {
  const startMs = Date.now() - 20
  const records = Array.from({ length: count }, (_, index) => {
    const n = first + index
    const route = `site11.${service}.v1.BenchService/Method${n % 25}`
    const durationMs = Math.exp(3 * Math.random())
    const failed = n % 8 === 7
    return {
      startMs,
      fields: {
        httpStatus: failed ? '503' : '200',
        ...(!failed && { trailerStatus: '0' }),
        durationUs: String(Math.round(durationMs * 1000)),
        durationMs: String(Math.round(durationMs)),
        route,
        instance: `${service}-${1 + (n % 4)}`,
        version: '0.1.0',
        verb: 'POST',
        path: `/${route}`,
        restPath: '/api/v1/bench/4711',
        contentType: 'application/json',
      },
    }
  })
  return Buffer.from(messageOf(records))
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
  const underWay = new Set<Promise<void>>()
  const send = (bytes: Buffer) => {
    const answered = new Promise<void>((resolve, reject) =>
      client.makeUnaryRequest(path, asIs, asIs, bytes, new Metadata(), error => (error ? reject(error) : resolve())),
    ).finally(() => underWay.delete(answered))
    underWay.add(answered)
  }
  // Made anew each second, as they say when they are from, and sent many times: to make them costs more than to take them.
  let messages: Buffer[] = []
  let made = 0
  const next = (index: number) => {
    if (Date.now() - made > 1000) {
      messages = Array.from({ length: 4 }, (_, part) => recordsOf(perMessage, part * perMessage, service))
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
      send(next(index++))
      if (underWay.size >= mostUnderWay) await Promise.race(underWay)
      stalledMs = Math.max(stalledMs, performance.now() - at)
    }
    await delay(tickMs)
  }
  const took = (performance.now() - began) / 1000
  const used = cpuUs(pid) - usedBefore
  await delay(5000)
  await Promise.all(underWay)
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
