/** What the traffic itself says: who calls whom, how often, how well, within the last minute. Pure. */
import type { SignalPoint, WatchSignalsResponse } from '@site11/proto/es/site11/statistics/v1/statistics_service_pb.ts'
import { dateOf } from '../mesh/state.ts'

/** How one calls another. */
export interface Flow {
  caller: string
  service: string
  /** Requests a second. */
  rate: number
  /** The share of requests that failed by the fault of the service, 0 to 1. */
  errors: number
  /** What 95 of 100 took at most in the worst step, in ms; undefined when only streams ended. */
  p95Ms: number | undefined
}

interface Series {
  caller: string
  service: string
  points: SignalPoint[]
}

export interface Signals {
  series: ReadonlyMap<string, Series>
  /** When the last step ended, in ms since the epoch. */
  endMs: number
}

export const windowSeconds = 60

const startMs = ({ startTime }: SignalPoint) => dateOf(startTime)?.getTime() ?? 0

/** @returns the signals with what a message says taken in, and what is older than the window left out. */
export function signalsWith(before: Signals | undefined, message: WatchSignalsResponse): Signals {
  const endMs = Math.max(before?.endMs ?? 0, dateOf(message.time)?.getTime() ?? 0)
  const oldest = endMs - windowSeconds * 1000
  const series = new Map(before?.series)
  for (const { labels, points } of message.series) {
    const [caller = '', service = ''] = labels
    const key = `${caller}>${service}`
    const known = series.get(key)?.points ?? []
    const starts = new Set(points.map(startMs))
    series.set(key, { caller, service, points: [...known.filter(point => !starts.has(startMs(point))), ...points] })
  }
  for (const [key, each] of series) {
    const points = each.points.filter(point => startMs(point) >= oldest)
    if (points.length === 0) series.delete(key)
    else series.set(key, { ...each, points })
  }
  return { series, endMs }
}

/** @returns who calls whom, by the name of both. */
export function flowsOf({ series }: Signals): Flow[] {
  return [...series.values()].map(({ caller, service, points }) => {
    const requests = points.reduce((sum, point) => sum + Number(point.requests), 0)
    const failed = points.reduce((sum, point) => sum + Number(point.serverErrors), 0)
    const worst = Math.max(...points.map(({ p95Ms }) => p95Ms))
    return {
      caller,
      service,
      rate: requests / windowSeconds,
      errors: requests > 0 ? failed / requests : 0,
      p95Ms: worst > 0 ? worst : undefined,
    }
  })
}
