/** How metrics may be put together, as the server allows it, the usual way first: pure. */
import { Aggregation, MetricKind } from '@site11/proto/es/site11/statistics/v1/metrics_service_pb.ts'
import type { Aggregate } from './search.ts'

const byKind: Readonly<Record<number, readonly Aggregate[]>> = {
  [MetricKind.COUNTER]: ['rate', 'sum'],
  [MetricKind.GAUGE]: ['average', 'min', 'max'],
  [MetricKind.DISTRIBUTION]: ['p95', 'p50', 'p90', 'p99', 'average', 'min', 'max', 'sum', 'rate'],
}

export const aggregatesOf = (kind: MetricKind | undefined): readonly Aggregate[] => byKind[kind ?? 0] ?? []

/** @returns what is asked for; what does not go with the kind gives way to the usual. */
export function aggregateOf(kind: MetricKind | undefined, wanted: Aggregate | undefined): Aggregate | undefined {
  const allowed = aggregatesOf(kind)
  return wanted && (allowed.length === 0 || allowed.includes(wanted)) ? wanted : allowed[0]
}

export const aggregations: Readonly<Record<Aggregate, Aggregation>> = {
  sum: Aggregation.SUM,
  rate: Aggregation.RATE,
  average: Aggregation.AVERAGE,
  min: Aggregation.MIN,
  max: Aggregation.MAX,
  p50: Aggregation.P50,
  p90: Aggregation.P90,
  p95: Aggregation.P95,
  p99: Aggregation.P99,
}

export const aggregateNamed = (aggregation: Aggregation): Aggregate | undefined =>
  (Object.keys(aggregations) as Aggregate[]).find(name => aggregations[name] === aggregation)

const names = {
  [MetricKind.GAUGE as number]: 'gauge',
  [MetricKind.DISTRIBUTION as number]: 'distribution',
} as const

/** @returns the name of a kind; one that is not known is added up, as most are. */
export const kindName = (kind: MetricKind): 'counter' | 'gauge' | 'distribution' => names[kind] ?? 'counter'
