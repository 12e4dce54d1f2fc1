/** What a widget asks of Statistics, where it leads, and what the answer says: pure. */
import type { MessageInitShape } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import {
  Aggregation,
  type QueryMetricRequestSchema,
  type QueryMetricResponse,
} from '@site11/proto/es/site11/statistics/v1/metrics_service_pb.ts'
import type { Widget } from '@site11/proto/es/site11/types/v1/widget_pb.ts'
import { aggregateNamed } from '../statistics/kinds.ts'
import { changeOf } from '../statistics/plot.ts'
import type { StatisticsSearch } from '../statistics/search.ts'

const daySeconds = 86_400
/** Hours are kept as such, and fine enough for so small a line. */
const stepSeconds = 3600
/** So many groups have a row of their own, the others one together. */
const most = 4

type Shown = Pick<Widget, 'metric' | 'aggregation' | 'filter' | 'groupBy'>

/** @param now epoch ms. */
export const requestOf = (
  { metric, aggregation, filter, groupBy }: Shown,
  now: number,
): MessageInitShape<typeof QueryMetricRequestSchema> => ({
  metric,
  filter,
  // The contract of widgets has the numbers of Statistics.
  aggregation,
  startTime: timestampFromMs(now - daySeconds * 1000),
  endTime: timestampFromMs(now),
  step: { seconds: BigInt(stepSeconds), nanos: 0 },
  ...(groupBy ? { groupBy: [groupBy], top: most } : { compare: { seconds: BigInt(daySeconds), nanos: 0 } }),
})

/** @returns the address of the same question in the explorer of metrics, which answers it with the same number. */
export function searchOf({ metric, aggregation, filter, groupBy }: Shown): StatisticsSearch {
  const agg = aggregateNamed(aggregation)
  return {
    metric,
    ...(groupBy && { by: [groupBy] }),
    ...(filter && { filter }),
    ...(agg && { agg }),
    span: '24h',
    step: stepSeconds,
  }
}

export interface Reading {
  unit: string
  /** Over the whole day; undefined where there was nothing to take it of. */
  total: number | undefined
  /** By how much it is other than the day before, as a share; undefined where nothing was before. */
  change: number | undefined
  /** By hour, the running one last; null where there is no value. */
  values: (number | null)[]
  /** Of each group, the largest first; a name that is undefined is of all others. */
  rows: { name: string | undefined; total: number }[]
}

/** @param now epoch ms, when it was asked. */
export function readingOf({ groupBy, aggregation }: Shown, answer: QueryMetricResponse, now: number): Reading {
  const { unit, series, earlier } = answer
  const kind = aggregation as Aggregation
  // Where nothing is counted, nothing happened. Only what is counted has a rate by itself.
  const isCount = kind === Aggregation.SUM || kind === Aggregation.RATE || unit.endsWith('/s')
  const nothing = isCount ? 0 : undefined
  if (groupBy) {
    const rows = series.map(({ labels: [name = ''], total }) => ({ name: name === 'other' ? undefined : name, total }))
    return { unit, total: nothing, change: undefined, values: [], rows }
  }
  const start = Number(answer.startTime?.seconds ?? 0n)
  const step = Number(answer.step?.seconds ?? stepSeconds) || stepSeconds
  const count = Math.max(0, Math.ceil((now / 1000 - start) / step))
  const values = Array.from({ length: count }, (): number | null => (isCount ? 0 : null))
  for (const point of series[0]?.points ?? []) if (point.step < count) values[point.step] = point.value
  const total = series[0]?.total ?? nothing
  return { unit, total, change: changeSince(), values, rows: [] }

  /** A sum that still grows is compared by the hours that are over. */
  function changeSince(): number | undefined {
    if (total === undefined) return undefined
    if (kind !== Aggregation.SUM) return changeOf(total, earlier[0]?.total)
    const over = (points: readonly { step: number; value: number }[] = []) =>
      points.reduce((sum, { step, value }) => (step < count - 1 ? sum + value : sum), 0)
    return changeOf(over(series[0]?.points), over(earlier[0]?.points))
  }
}

/** @returns what it is called in a language, and the language that this is in. */
export function titleIn({ title, titles }: Pick<Widget, 'title' | 'titles'>, language: string) {
  const text = titles[language]
  return text ? { text, language } : { text: title, language: 'en' }
}
