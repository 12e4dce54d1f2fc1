/** What was found, in sentences. Pure. */
import type { AlertQuery } from '@site11/proto/grpc/site11/statistics/v1/alerts_service.ts'
import { Aggregation } from '@site11/proto/grpc/site11/statistics/v1/metrics_service.ts'

export const thresholdWords = (query: AlertQuery, value: number, above: boolean, limit: number): string =>
  `${nameOf(query)} is ${figure(value)}; ${above ? 'more' : 'less'} than ${figure(limit)} is too ${above ? 'much' : 'little'}.`

export const changeWords = (query: AlertQuery, percent: number, agoMs: number): string =>
  `${nameOf(query)} is ${figure(Math.abs(percent))} % ${percent < 0 ? 'less' : 'more'} than ${span(agoMs)} before.`

export const absenceWords = (query: AlertQuery, seconds: number): string =>
  `${nameOf(query)} had its last value ${span(seconds * 1000)} ago.`

export const burnWords = (query: AlertQuery, rate: number, objective: number, longMs: number): string =>
  `${nameOf(query)} uses up the budget of ${figure(objective * 100)} % ${figure(rate)} times as fast as it may, over ${span(longMs)}.`

function nameOf({ metric, aggregation, dividedBy }: AlertQuery): string {
  const [how = ''] = Object.entries(Aggregation).flatMap(([name, value]) =>
    value === aggregation && value > 0 ? [` (${name.replace('AGGREGATION_', '').toLowerCase()})`] : [],
  )
  return `${metric}${how}${dividedBy ? ` by ${dividedBy.metric}` : ''}`
}

/** Four digits that count. */
export const figure = (value: number): string => String(Number(value.toPrecision(4)))

const units: [name: string, ms: number][] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
]

/** @returns a length of time in its largest whole unit, such as `90 minutes`. */
function span(ms: number): string {
  const [name, size] = units.find(([, size]) => ms >= size * 2 || ms === size) ?? ['second', 1000]
  const count = Math.round(ms / size)
  return `${count} ${name}${count === 1 ? '' : 's'}`
}
