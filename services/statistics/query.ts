/** Answers what was measured: the one way to it, for the API, alerts, dashboards and reports alike. */
import { status } from '@grpc/grpc-js'
import {
  Aggregation,
  type MetricSeries,
  QueryMetricRequest,
  type QueryMetricResponse,
} from '@site11/proto/grpc/site11/statistics/v1/metrics_service.ts'
import { ServiceError } from '@site11/runtime/errors.ts'
import { storeError } from '@site11/runtime/store/store-error.ts'
import { type Block, type BucketSink, type Kind, keysIn, visitBlock } from './block.ts'
import type { Catalogue, MetricInfo } from './catalogue.ts'
import type { History } from './history.ts'
import { labelFilter } from './label-filter.ts'
import { createGroups, type Groups, type GroupsOptions, groupKey, needsBuckets, type Readable } from './query-groups.ts'
import { partsOf, planSpan, type Span } from './query-plan.ts'
import { requestBlocks } from './request-blocks.ts'
import { packedOf, type RollupDocument, type Rollups } from './rollup-store.ts'
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
  const isInMemory = inMemory.has(metricIn(info))
  const span = planSpan({ start, end, stepS: secondsIn(request.step), compareS, isInMemory }, nowS)
  const { partOf } = info
  const shared = {
    aggregation,
    groupBy: request.groupBy,
    has: (labelOf: (label: string) => string, values: readonly string[]) =>
      (!partOf || partOf.has(values)) && filter(labelOf),
    maxPoints: mostPoints,
  }
  const read = (asked: Span, options: Pick<GroupsOptions, 'only' | 'totalsOnly' | 'maxGroups'>) =>
    deps.slots.take(() => readGroups(deps, info, asked, { ...shared, ...options }, signal), signal)

  let only: Set<string> | undefined
  if (request.top > 0) {
    const { series } = await read(span, { totalsOnly: true, maxGroups: mostGroups })
    only = new Set(series.slice(0, request.top).map(({ labels }) => groupKey(labels)))
  }
  // Besides the largest, that of the others.
  const kept = only ? { only, maxGroups: mostSeries + 1 } : { maxGroups: mostSeries }
  const found = await read(span, kept)
  const shiftS = Math.round(compareS / span.stepS) * span.stepS
  const before = { ...span, start: span.start - shiftS, end: span.end - shiftS }
  const earlier = compareS > 0 ? (await read(before, kept)).series : []
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
  const { series } = await deps.slots.take(() => readGroups(deps, info, span, options, signal), signal)
  return series.flatMap(({ labels: [value = ''] }) => (value === '' ? [] : [value])).slice(0, 1000)
}

/** What the last hour in memory has, of single seconds. */
const inMemory = new Set(['requests', 'request.duration'])
const metricIn = (info: MetricInfo) => info.partOf?.metric ?? info.name

async function readGroups(
  deps: QueryDeps,
  info: MetricInfo,
  span: Span,
  options: Omit<GroupsOptions, 'secondsOf'>,
  signal: AbortSignal | undefined,
): Promise<{ series: MetricSeries[]; dropped: number }> {
  const nowS = deps.now() / 1000
  const { start, end, stepS } = span
  const secondsOf = (step: number) => Math.min(stepS, nowS - start - step * stepS)
  const groups = createGroups({ ...options, secondsOf })
  if (stepS % 60 === 0) await readStored(deps, info, span, options.aggregation, groups, signal)
  else readMemory(deps, info, span, groups)
  return { series: groups.series(info.kind, Math.min(end, nowS) - start), dropped: groups.dropped() }
}

async function readStored(
  { rollups, now }: QueryDeps,
  info: MetricInfo,
  span: Span,
  aggregation: Aggregation,
  groups: Groups,
  signal: AbortSignal | undefined,
): Promise<void> {
  const metric = metricIn(info)
  const projection = needsBuckets(aggregation) ? {} : { buckets: 0 as const }
  // What rollup-store.ts has written is UTF-8: to look for what is not takes longer than all else.
  const options = { projection, batchSize: 200, enableUtf8Validation: false, ...(signal && { signal }) }
  const keysOf = sharedKeys()
  try {
    for (const { level, from, to } of partsOf(span, now() / 1000)) {
      const at = { $gte: new Date(from * 1000), $lt: new Date(to * 1000) }
      const cursor = rollups[level].find({ metric, at }, options)
      for await (const document of cursor.sort({ at: 1 })) {
        const step = Math.floor((Number(document.at) / 1000 - span.start) / span.stepS)
        if (document.kind === info.kind) groups.add(step, readableOf(document, keysOf))
      }
    }
  } catch (error) {
    if (signal?.aborted) throw ended()
    throw storeError(error)
  }
}

/** @returns a function that gives blocks with the same series the same array of keys, as most that follow each other have. */
function sharedKeys(): (keys: string) => readonly string[] {
  let last = ''
  let split = keysIn(last)
  return keys => {
    if (keys !== last) split = keysIn(keys)
    last = keys
    return split
  }
}

function readableOf(document: RollupDocument, keysOf: (keys: string) => readonly string[]): Readable {
  const packed = packedOf(document)
  return { ...packed, keys: keysOf(packed.keys), visit: series => visitBlock(packed, series) }
}

function readMemory({ history }: QueryDeps, info: MetricInfo, { start, end, stepS }: Span, groups: Groups): void {
  for (let from = start, step = 0; from < end; from += stepS, step++) {
    const made = requestBlocks(from)
    for (const slice of history.between(from, from + stepS)) made.add(slice)
    const block = made.blocks().find(({ metric }) => metric === metricIn(info))
    if (block) groups.add(step, { ...block, keys: [...block.series.keys()], visit: visitUnpacked(block) })
  }
}

const visitUnpacked =
  ({ series }: Block): Readable['visit'] =>
  take => {
    let index = 0
    for (const stat of series.values()) {
      const sink: BucketSink | undefined = take(index++, stat)
      if (sink) for (const [bucket, count] of stat.buckets) sink.add(bucket, count)
    }
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

const ended = () =>
  new ServiceError(status.DEADLINE_EXCEEDED, 'The time was over before all of it was read. Ask for a shorter span.', {
    reason: 'OVERLOADED',
  })
