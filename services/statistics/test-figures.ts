/** Answers queries from values that a test says, in place of what was measured. */
import { type MetricSeries, QueryMetricResponse } from '@site11/proto/grpc/site11/statistics/v1/metrics_service.ts'
import { notFound } from '@site11/runtime/errors.ts'
import type { Query } from './alerts/evaluate.ts'

/** The value of a metric in a group, from a second before now until another one. */
export interface Figure {
  metric: string
  labels?: string[]
  fromS: number
  untilS: number
  /** How much in each second. */
  value: number
}

const stepS = 10

/** @param figures as of now. @returns what adds up all that lies in a span, as a counter's sum. */
export const queryOf =
  (figures: () => Figure[], now: () => Date): Query =>
  async ({ metric, startTime, endTime, groupBy = [] }) => {
    const known = figures().filter(each => each.metric === metric)
    if (known.length === 0) throw notFound('metric', metric)
    const ago = (time: Date | undefined, otherwise: number) =>
      time ? (Number(now()) - Number(time)) / 1000 : otherwise
    const [start, end] = [ago(startTime, 3600), ago(endTime, 0)]
    const groups = Map.groupBy(known, ({ labels = [] }) => JSON.stringify(labels.slice(0, groupBy.length)))
    const series = [...groups].flatMap(([labels, of]): MetricSeries[] => {
      const points = Array.from({ length: Math.ceil((start - end) / stepS) }, (_, step) => {
        const [from, until] = [start - step * stepS, start - (step + 1) * stepS]
        const values = of.map(
          each => Math.max(0, Math.min(from, each.fromS) - Math.max(until, each.untilS)) * each.value,
        )
        const measured = of.some(each => Math.min(from, each.fromS) > Math.max(until, each.untilS))
        return measured ? [{ step, value: values.reduce((sum, value) => sum + value, 0) }] : []
      }).flat()
      const total = points.reduce((sum, { value }) => sum + value, 0)
      return points.length > 0 ? [{ labels: JSON.parse(labels), points, total }] : []
    })
    return QueryMetricResponse.fromPartial({
      series,
      step: { seconds: stepS, nanos: 0 },
      startTime: startTime ?? now(),
      unit: '{request}',
    })
  }
