/**
 * Counts the calls that services make to this one, and reports them to Statistics: they pass no proxy. What cannot be reported is let go;
 * no call ever waits for it.
 */
import type {
  ReportCallsRequest,
  ReportCallsResponse,
} from '@site11/proto/grpc/site11/statistics/v1/statistics_service.ts'
import { StatisticsServiceService } from '@site11/proto/grpc/site11/statistics/v1/statistics_service.ts'
import { bucketOf } from './histogram.ts'
import { hasPeers } from './peers.ts'
import type { OnCall } from './server.ts'

export interface CallCounts {
  count: OnCall
  /** Reports what is left. */
  close(): Promise<void>
}

interface Options {
  instance: string
  version: string
  send(request: ReportCallsRequest): Promise<ReportCallsResponse>
  isThere?(): boolean
  now?(): number
  everyMs?: number
}

/** Calls that ended in one second, of one method, by one service, with one outcome; as many kinds as one report may have. */
const maxKinds = 1000
const reportPath = StatisticsServiceService.reportCalls.path

interface Kind {
  second: number
  method: string
  caller: string
  status: number
  requests: number
  durations: Map<number, number>
}

/** @param isThere whether there is a Statistics to report to. */
export function countCalls({
  instance,
  version,
  send,
  isThere = () => hasPeers('statistics'),
  now = Date.now,
  everyMs = 2000,
}: Options): CallCounts {
  let kinds = new Map<string, Kind>()
  let dropped = 0

  async function report() {
    const counted = [...kinds.values()]
    const missing = dropped
    if (counted.length === 0 && missing === 0) return
    kinds = new Map()
    dropped = 0
    if (!isThere()) return
    const calls = counted.map(({ second, durations, ...kind }) => ({
      ...kind,
      time: new Date(second * 1000),
      durations: [...durations].map(([bucket, count]) => ({ bucket, count })),
    }))
    await send({ instance, version, calls, dropped: missing }).catch(() => {
      dropped += missing + counted.reduce((sum, { requests }) => sum + requests, 0)
    })
  }
  const timer = setInterval(report, everyMs).unref()

  return {
    count(method, caller, status, ms) {
      // Reports are no reason to report.
      if (method === reportPath) return
      const second = Math.floor(now() / 1000)
      const key = `${second} ${method} ${caller} ${status}`
      let kind = kinds.get(key)
      if (!kind) {
        if (kinds.size >= maxKinds) {
          dropped++
          return
        }
        kind = { second, method, caller, status, requests: 0, durations: new Map() }
        kinds.set(key, kind)
      }
      kind.requests++
      if (ms === undefined) return
      const bucket = bucketOf(ms)
      kind.durations.set(bucket, (kind.durations.get(bucket) ?? 0) + 1)
    },
    async close() {
      clearInterval(timer)
      await report()
    },
  }
}
