/** Metrics, asked for again as their steps end. */
import type { MessageInitShape } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { callUnaryMethod, useQuery as useCall } from '@connectrpc/connect-query'
import {
  type Aggregation,
  type Metric,
  MetricsService,
  type QueryMetricRequestSchema,
} from '@site11/proto/es/site11/statistics/v1/metrics_service_pb.ts'
import { keepPreviousData, useQueries } from '@tanstack/react-query'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { transport } from '../api/client.ts'
import { type Plot, plotOf } from './plot.ts'
import { isFixed, type SpanChoice, sharedStep, spanOf, untilNextStep } from './range.ts'

const { listMetrics, queryMetric } = MetricsService.method

/** What is asked of a metric, without its span. */
export interface Asked {
  label: string
  metric: string
  groupBy: readonly string[]
  filter: string
  aggregation: Aggregation
  top: number
  /** 0 for no comparison. ms */
  compareMs: number
}

export const secondsOf = (ms: number) => ({ seconds: BigInt(Math.round(ms / 1000)), nanos: 0 })

/** @returns the request as it would be made now. */
export function requestOf(
  { label: _, compareMs, groupBy, ...asked }: Asked,
  choice: SpanChoice,
  stepS: number | undefined,
  now: number,
): MessageInitShape<typeof QueryMetricRequestSchema> {
  const { start, end } = spanOf(choice, now)
  return {
    ...asked,
    groupBy: [...groupBy],
    startTime: timestampFromMs(start),
    endTime: timestampFromMs(end),
    ...(stepS !== undefined && { step: { seconds: BigInt(stepS), nanos: 0 } }),
    ...(compareMs > 0 && { compare: secondsOf(compareMs) }),
  }
}

/** Every metric that there is; what an application declares appears within a minute. */
export const useMetricList = () => useCall(listMetrics, {}, { staleTime: 60_000 })

export interface Metrics {
  plot: Plot | undefined
  /** Of the first query that failed. */
  error: unknown
  /** What is shown is of an earlier question. */
  stale: boolean
  retry: () => void
}

export interface MetricsOptions {
  choice: SpanChoice
  stepS?: number | undefined
  /** Whether it goes on as steps end; a span that is fixed never does. */
  live: boolean
}

/** @returns the lines of all that is asked for, over one span. */
export function useMetrics(asked: readonly Asked[], { choice, stepS, live }: MetricsOptions): Metrics {
  const { t } = useTranslation()
  const metrics = useMetricList().data?.metrics
  const step = stepS ?? (asked.length > 1 ? sharedStep(choice) : undefined)
  const found = useQueries({
    queries: asked.map(({ label, ...each }) => ({
      queryKey: ['metric', each, choice, step],
      queryFn: async ({ signal }: { signal: AbortSignal }) => {
        const now = Date.now()
        const answer = await callUnaryMethod(transport, queryMetric, requestOf({ label, ...each }, choice, step, now), {
          signal,
        })
        return { answer, end: spanOf(choice, now).end }
      },
      placeholderData: keepPreviousData,
      staleTime: isFixed(choice) ? 60_000 : 4_000,
      refetchInterval: (query: { state: { data?: { answer: { step?: { seconds: bigint } } } | undefined } }) => {
        if (!live || isFixed(choice)) return false as const
        return untilNextStep(Number(query.state.data?.answer.step?.seconds ?? 10n) * 1000, Date.now())
      },
    })),
  })
  const version = found.map(({ dataUpdatedAt, isPlaceholderData }) => `${dataUpdatedAt} ${isPlaceholderData}`).join()
  const names = JSON.stringify(asked)
  // biome-ignore lint/correctness/useExhaustiveDependencies: the version stands for what was found, the names for what was asked
  const plot = useMemo(() => {
    const answered = found.flatMap(({ data }, place) => {
      const query = asked[place]
      return data && query ? [{ ...query, kind: kindOf(metrics, query.metric), answer: data.answer }] : []
    })
    const end = Math.max(0, ...found.map(({ data }) => data?.end ?? 0))
    if (answered.length === 0 || answered.length < asked.length) return undefined
    return plotOf(answered, end, {
      others: t('statistics.others'),
      earlier: name => t('statistics.earlierName', { name }),
    })
  }, [version, names, metrics, t])
  return {
    plot,
    error: found.find(({ error }) => error)?.error ?? undefined,
    stale: found.some(({ isPlaceholderData }) => isPlaceholderData),
    retry: () => {
      for (const { refetch } of found) void refetch()
    },
  }
}

const kindOf = (metrics: readonly Metric[] | undefined, name: string) => metrics?.find(each => each.name === name)?.kind
