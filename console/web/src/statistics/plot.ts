/** From the answers to queries to the lines of one chart: pure. Times in epoch ms. */
import {
  Aggregation,
  MetricKind,
  type MetricSeries,
  type QueryMetricResponse,
} from '@site11/proto/es/site11/statistics/v1/metrics_service_pb.ts'

export interface Line {
  /** Tells it from the others of the chart, and is the same when data comes anew. */
  key: string
  name: string
  labels: readonly string[]
  /** Which of the chart's colours; those of an earlier span have that of the line they are compared with. */
  color: number
  earlier: boolean
  values: (number | null)[]
  /** Over the whole span. */
  total: number
  unit: string
}

export interface Plot {
  /** When each step begins. */
  starts: number[]
  stepMs: number
  lines: Line[]
  /** That of the axis: the first line's. */
  unit: string
  /** How many values the server left out. */
  dropped: number
  /** All of it are counts: where there is nothing, nothing happened. */
  isCount: boolean
}

export interface Answered {
  label: string
  metric: string
  aggregation: Aggregation
  kind: MetricKind | undefined
  answer: QueryMetricResponse
}

/** Counts have no gaps: a step without a value is one in which nothing happened. */
const isCount = ({ kind, aggregation }: Pick<Answered, 'kind' | 'aggregation'>): boolean =>
  aggregation === Aggregation.SUM ||
  aggregation === Aggregation.RATE ||
  (aggregation === Aggregation.UNSPECIFIED && kind === MetricKind.COUNTER)

/**
 * @param end of what is shown.
 * @param words what the folded series, and what an earlier line, is called.
 * @returns the lines over the steps that all answers cover.
 */
export function plotOf(
  answers: readonly Answered[],
  end: number,
  words: { others: string; earlier: (name: string) => string },
): Plot {
  const begins = answers.map(({ answer }) => Number(answer.startTime?.seconds ?? 0n) * 1000)
  const stepMs = Math.max(1000, ...answers.map(({ answer }) => Number(answer.step?.seconds ?? 0n) * 1000))
  const begin = Math.min(...begins)
  const count = answers.length === 0 ? 0 : Math.max(0, Math.ceil((end - begin) / stepMs))
  const starts = Array.from({ length: count }, (_, step) => begin + step * stepMs)
  const lines: Line[] = []
  let color = 0
  for (const [place, each] of answers.entries()) {
    const shift = Math.round(((begins[place] ?? begin) - begin) / stepMs)
    const all = [...each.answer.series, ...each.answer.earlier]
    const first = Math.min(count, ...all.flatMap(({ points }) => points[0]?.step ?? []))
    const colors = new Map<string, number>()
    const line = (series: MetricSeries, earlier: boolean): Line => {
      const group = series.labels.join('\u0000')
      const own = nameOf(each, series, answers.length, words.others)
      const known = colors.get(group)
      if (known === undefined) colors.set(group, color++)
      return {
        key: `${place} ${group}${earlier ? ' earlier' : ''}`,
        name: earlier ? words.earlier(own) : own,
        labels: series.labels,
        color: colors.get(group) ?? 0,
        earlier,
        values: valuesOf(series, count, shift, isCount(each) ? first : undefined),
        total: series.total,
        unit: each.answer.unit,
      }
    }
    lines.push(...each.answer.series.map(series => line(series, false)))
    lines.push(...each.answer.earlier.map(series => line(series, true)))
  }
  return {
    starts,
    stepMs,
    lines,
    unit: answers[0]?.answer.unit ?? '',
    isCount: answers.length > 0 && answers.every(isCount),
    dropped: answers.reduce((sum, { answer }) => sum + Number(answer.dropped), 0),
  }
}

function nameOf({ label, metric }: Answered, { labels }: MetricSeries, queries: number, others: string): string {
  const own = label || metric
  const values = labels.map(value => value || '–').map(value => (value === 'other' ? others : value))
  const group = [...new Set(values)].join(' · ')
  if (!group) return own
  return label || queries > 1 ? `${own} · ${group}` : group
}

/** @param zeroFrom from which step on no value is 0; undefined where no value is none. */
function valuesOf({ points }: MetricSeries, count: number, shift: number, zeroFrom: number | undefined) {
  const values: (number | null)[] = Array.from({ length: count }, (_, step) =>
    zeroFrom !== undefined && step >= zeroFrom + shift ? 0 : null,
  )
  for (const { step, value } of points) if (step + shift >= 0 && step + shift < count) values[step + shift] = value
  return values
}

export interface Figures {
  least: number | null
  most: number | null
  last: number | null
}

export function figuresOf(values: readonly (number | null)[]): Figures {
  const known = values.filter(value => value !== null)
  return {
    least: known.length > 0 ? known.reduce((a, b) => Math.min(a, b)) : null,
    most: known.length > 0 ? known.reduce((a, b) => Math.max(a, b)) : null,
    last: known.at(-1) ?? null,
  }
}

/** @returns the values upon each other, those of the first line at the bottom. */
export function stackedOf(lines: readonly (readonly (number | null)[])[]): (number | null)[][] {
  const sums: number[] = []
  return lines.map(values =>
    values.map((value, step) => {
      sums[step] = (sums[step] ?? 0) + (value ?? 0)
      return value === null ? null : sums[step]
    }),
  )
}

/** @returns by how much it is more or less than before, as a share; undefined where nothing was before. */
export const changeOf = (now: number, before: number | undefined): number | undefined =>
  before === undefined || before === 0 ? undefined : (now - before) / before
