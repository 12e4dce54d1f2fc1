/** Slices to golden signals: grouped by what was asked for, one point for each step. */
import type {
  Dimension,
  SignalPoint,
  SignalSeries,
} from '@site11/proto/grpc/site11/statistics/v1/statistics_service.ts'
import { Histogram } from '@site11/runtime/histogram.ts'
import type { History } from './history.ts'
import { type Labels, labelsOf, unpack } from './slice.ts'

export interface Query {
  groupBy: readonly Dimension[]
  /** Only requests to it; empty for all. */
  service: string
  stepS: number
}

export interface Signals {
  series: SignalSeries[]
  dropped: number
}

const [service, method, status] = [0, 1, 6]
const shares = [0.5, 0.95, 0.99]

const serverErrors = new Set(['UNKNOWN', 'DEADLINE_EXCEEDED', 'UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS'])

/** @returns by whose fault a request failed, as the HTTP status of its gRPC status says. */
export function faultOf(labels: Labels): 'server' | 'client' | undefined {
  const name = labels[status] ?? ''
  // There is no such method, and no service that should have it.
  if (name === 'UNIMPLEMENTED' && labels[method] === '') return 'client'
  return name === 'OK' ? undefined : serverErrors.has(name) ? 'server' : 'client'
}

interface Group {
  labels: string[]
  points: SignalPoint[]
  histogram: Histogram
  /** Of the step that is worked on; undefined while nothing of the group was in it. */
  point: SignalPoint | undefined
}

/** What becomes of a series in a query. */
type Place = { group: Group; fault: ReturnType<typeof faultOf> } | undefined

/** @param starts of the steps that are wanted, epoch s. @returns the series that had requests in them, by their labels. */
export function signalsOf(history: Pick<History, 'between'>, query: Query, starts: readonly number[]): Signals {
  const groups = new Map<string, Group>()
  const places = new Map<string, Place>()
  const place = (key: string): Place => {
    if (places.has(key)) return places.get(key)
    const made = placeOf(key, query, groups)
    places.set(key, made)
    return made
  }
  let dropped = 0
  for (const start of starts) {
    const active: Group[] = []
    const pointOf = (group: Group) => {
      if (!group.point) {
        group.point = emptyPoint(start)
        active.push(group)
      }
      return group.point
    }
    for (const slice of history.between(start, start + query.stepS)) {
      dropped += slice.dropped
      let histogram: Histogram | undefined
      unpack(
        slice,
        (key, requests) => {
          const found = place(key)
          if (!found) return false
          const point = pointOf(found.group)
          point.requests += requests
          if (found.fault === 'server') point.serverErrors += requests
          if (found.fault === 'client') point.clientErrors += requests
          histogram = found.group.histogram
          return true
        },
        (bucket, count) => histogram?.add(bucket, count),
      )
    }
    for (const group of active) finish(group)
  }
  const series = [...groups.values()].filter(({ points }) => points.length > 0)
  return { series: series.map(({ labels, points }) => ({ labels, points })), dropped }
}

function placeOf(key: string, query: Query, groups: Map<string, Group>): Place {
  const labels = labelsOf(key)
  if (query.service !== '' && labels[service] !== query.service) return undefined
  // The dimensions are numbered from 1, in the order of the labels.
  const own = (query.groupBy.length > 0 ? query.groupBy : [service + 1]).map(dimension => labels[dimension - 1] ?? '')
  const id = own.join('\n')
  const group = groups.get(id) ?? { labels: own, points: [], histogram: new Histogram(), point: undefined }
  groups.set(id, group)
  return { group, fault: faultOf(labels) }
}

const emptyPoint = (start: number): SignalPoint => ({
  startTime: new Date(start * 1000),
  requests: 0,
  serverErrors: 0,
  clientErrors: 0,
  p50Ms: 0,
  p95Ms: 0,
  p99Ms: 0,
})

function finish(group: Group): void {
  const { point, histogram } = group
  group.point = undefined
  if (!point) return
  const [p50Ms = 0, p95Ms = 0, p99Ms = 0] = histogram.percentiles(shares)
  group.points.push({ ...point, p50Ms, p95Ms, p99Ms })
  histogram.clear()
}
