/** Answers what was measured: the one way to it, for the API, alerts, dashboards and reports alike. */
import { status } from '@grpc/grpc-js'
import {
  Aggregation,
  type MetricSeries,
  QueryMetricRequest,
  type QueryMetricResponse,
} from '@site11/proto/grpc/site11/statistics/v1/metrics_service.ts'
import { ServiceError } from '@site11/runtime/errors.ts'
import type { Kind } from './block.ts'
import type { Catalogue, MetricInfo } from './catalogue.ts'
import type { History } from './history.ts'
import { labelFilter } from './label-filter.ts'
import { type Blocks, blocksIn, inMemory, readOnce } from './query-blocks.ts'
import { createGroups, type GroupsOptions, groupKey } from './query-groups.ts'
import { planSpan, type Span } from './query-plan.ts'
import type { Rollups } from './rollup-store.ts'
import type { Slots } from './slots.ts'

export interface QueryDeps {
  rollups: Rollups
  history: Pick<History, 'between'>
  catalogue: Catalogue
  /** So many are read at a time, as each takes memory. */
  slots: Slots
  /** Epoch ms. */
  now(): number
}

/** What is asked for; what is left out is as the contract says. */
export type MetricQuery = Partial<QueryMetricRequest> & { metric: string }

const mostSeries = 200
const mostGroups = 10_000
const mostPoints = 150_000
const defaultSpanS = 3600

const allowed: Record<Kind, readonly Aggregation[]> = {
  counter: [Aggregation.AGGREGATION_RATE, Aggregation.AGGREGATION_SUM],
  gauge: [Aggregation.AGGREGATION_AVERAGE, Aggregation.AGGREGATION_MIN, Aggregation.AGGREGATION_MAX],
  distribution: [
    Aggregation.AGGREGATION_P95,
    Aggregation.AGGREGATION_P50,
    Aggregation.AGGREGATION_P90,
    Aggregation.AGGREGATION_P99,
    Aggregation.AGGREGATION_AVERAGE,
    Aggregation.AGGREGATION_MIN,
    Aggregation.AGGREGATION_MAX,
    Aggregation.AGGREGATION_SUM,
    Aggregation.AGGREGATION_RATE,
  ],
}

/**
 * @param signal ends it early.
 * @returns the series of a metric over a span of time.
 * @throws ServiceError UNKNOWN_METRIC, UNKNOWN_LABEL, INVALID_FILTER, INVALID_FIELD, AGGREGATION_NOT_SUPPORTED, TOO_MANY_STEPS,
 * TOO_MANY_SERIES, DEPENDENCY_UNAVAILABLE.
 */
export async function queryMetric(
  deps: QueryDeps,
  query: MetricQuery,
  signal?: AbortSignal,
): Promise<QueryMetricResponse> {
  const request = QueryMetricRequest.fromPartial(query)
  const nowS = deps.now() / 1000
  const info = deps.catalogue.get(request.metric)
  const aggregation = aggregationOf(info, request.aggregation)
  for (const label of request.groupBy) requireLabel(info, label)
  const filter = labelFilter(request.filter, info.labels)
  const end = request.endTime ? Number(request.endTime) / 1000 : nowS
  const start = request.startTime ? Number(request.startTime) / 1000 : end - defaultSpanS
  const compareS = secondsIn(request.compare) ?? 0
  const isInMemory = inMemory(info)
  const span = planSpan({ start, end, stepS: secondsIn(request.step), compareS, isInMemory }, nowS)
  const { partOf } = info
  const shared = {
    aggregation,
    groupBy: request.groupBy,
    has: (labelOf: (label: string) => string, values: readonly string[]) =>
      (!partOf || partOf.has(values)) && filter(labelOf),
    maxPoints: mostPoints,
  }
  let kept: Pick<GroupsOptions, 'only' | 'maxGroups'> = { maxGroups: mostSeries }
  const found = await deps.slots.take(async () => {
    const blocks = blocksIn(deps, info, span, aggregation, signal)
    if (request.top === 0) return readGroups(deps, info, span, blocks, { ...shared, ...kept })
    const twice = readOnce(blocks)
    const totals = { ...shared, totalsOnly: true, maxGroups: mostGroups }
    const { series } = await readGroups(deps, info, span, twice, totals)
    const only = new Set(series.slice(0, request.top).map(({ labels }) => groupKey(labels)))
    // Besides the largest, that of the others.
    kept = { only, maxGroups: mostSeries + 1 }
    return readGroups(deps, info, span, twice, { ...shared, ...kept })
  }, signal)
  const shiftS = Math.round(compareS / span.stepS) * span.stepS
  const before = { ...span, start: span.start - shiftS, end: span.end - shiftS }
  const readBefore = () =>
    readGroups(deps, info, before, blocksIn(deps, info, before, aggregation, signal), { ...shared, ...kept })
  const earlier = compareS > 0 ? (await deps.slots.take(readBefore, signal)).series : []
  return {
    series: found.series,
    earlier,
    step: { seconds: span.stepS, nanos: 0 },
    startTime: new Date(span.start * 1000),
    unit: unitOf(info, aggregation),
    dropped: found.dropped,
  }
}

/** @returns the values of a label in a span of time, the most frequent first. @throws as queryMetric. */
export async function labelValues(
  deps: QueryDeps,
  { metric, label, startTime, endTime }: { metric: string; label: string; startTime?: Date; endTime?: Date },
  signal?: AbortSignal,
): Promise<string[]> {
  const nowS = deps.now() / 1000
  const info = deps.catalogue.get(metric)
  requireLabel(info, label)
  const end = endTime ? Number(endTime) / 1000 : nowS
  const start = startTime ? Number(startTime) / 1000 : end - 86_400
  const span = planSpan({ start, end, stepS: undefined, compareS: 0, isInMemory: false }, nowS)
  const { partOf } = info
  const aggregation = Aggregation.AGGREGATION_SUM
  const has: GroupsOptions['has'] = (_, values) => !partOf || partOf.has(values)
  const options = { aggregation, groupBy: [label], has, totalsOnly: true, maxGroups: mostGroups, maxPoints: 0 }
  const read = () => readGroups(deps, info, span, blocksIn(deps, info, span, aggregation, signal), options)
  const { series } = await deps.slots.take(read, signal)
  return series.flatMap(({ labels: [value = ''] }) => (value === '' ? [] : [value])).slice(0, 1000)
}

async function readGroups(
  deps: QueryDeps,
  info: MetricInfo,
  span: Span,
  blocks: Blocks,
  options: Omit<GroupsOptions, 'secondsOf'>,
): Promise<{ series: MetricSeries[]; dropped: number }> {
  const nowS = deps.now() / 1000
  const { start, end, stepS } = span
  const secondsOf = (step: number) => Math.min(stepS, nowS - start - step * stepS)
  const groups = createGroups({ ...options, secondsOf })
  for await (const { step, block } of blocks()) groups.add(step, block)
  return { series: groups.series(info.kind, Math.min(end, nowS) - start), dropped: groups.dropped() }
}

function aggregationOf({ name, kind }: MetricInfo, asked: Aggregation): Aggregation {
  const [usual = asked] = allowed[kind]
  if (asked === Aggregation.AGGREGATION_UNSPECIFIED) return usual
  if (allowed[kind].includes(asked)) return asked
  const names = allowed[kind].map(nameOf).join(', ')
  const message = `${name} is a ${kind}, which has no ${nameOf(asked)}. It has ${names}.`
  throw new ServiceError(status.INVALID_ARGUMENT, message, {
    reason: 'AGGREGATION_NOT_SUPPORTED',
    violations: [{ field: 'aggregation', description: message }],
  })
}

const nameOf = (asked: Aggregation) => Object.entries(Aggregation).find(([, value]) => value === asked)?.[0] ?? ''

function requireLabel({ name, labels }: MetricInfo, label: string): void {
  if (labels.includes(label)) return
  const message = `${name} has no label ${label}. It has ${labels.join(', ') || 'none'}.`
  throw new ServiceError(status.INVALID_ARGUMENT, message, {
    reason: 'UNKNOWN_LABEL',
    metadata: { metric: name, label, labels: labels.join(',') },
    violations: [{ field: 'group_by', description: message }],
  })
}

function unitOf({ kind, unit }: MetricInfo, aggregation: Aggregation): string {
  const counted = kind === 'counter' ? unit : '1'
  if (aggregation === Aggregation.AGGREGATION_RATE) return `${counted}/s`
  return aggregation === Aggregation.AGGREGATION_SUM ? counted : unit
}

const secondsIn = (duration: { seconds: number; nanos: number } | undefined) =>
  duration && duration.seconds + duration.nanos / 1e9
