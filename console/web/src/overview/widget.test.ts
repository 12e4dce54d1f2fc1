import { create } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { Aggregation, QueryMetricResponseSchema } from '@site11/proto/es/site11/statistics/v1/metrics_service_pb.ts'
import { WidgetSchema } from '@site11/proto/es/site11/types/v1/widget_pb.ts'
import { expect, test } from 'vitest'
import { statisticsSearch } from '../statistics/search.ts'
import { readingOf, requestOf, searchOf, titleIn } from './widget.ts'

const hour = 3_600_000
const start = Date.UTC(2026, 0, 5, 9)
/** Half an hour into the 25th step. */
const now = start + 24.5 * hour

const counted = create(WidgetSchema, {
  title: 'New users',
  titles: { ko: '새 사용자' },
  metric: 'events',
  aggregation: Aggregation.SUM,
  filter: 'type = "a"',
})

const answer = (series: Record<number, number>[], earlier: Record<number, number>[] = [], unit = '{event}') =>
  create(QueryMetricResponseSchema, {
    unit,
    startTime: timestampFromMs(start),
    step: { seconds: 3600n },
    series: series.map(seriesOf),
    earlier: earlier.map(seriesOf),
  })
const seriesOf = (values: Record<number, number>) => ({
  total: Object.values(values).reduce((sum, value) => sum + value, 0),
  points: Object.entries(values).map(([step, value]) => ({ step: Number(step), value })),
})

test('it is asked what happened in a day, and in the day before', () => {
  expect(requestOf(counted, now)).toMatchObject({
    metric: 'events',
    filter: 'type = "a"',
    aggregation: Aggregation.SUM,
    startTime: { seconds: BigInt((now - 24 * hour) / 1000) },
    compare: { seconds: 86_400n },
  })
  expect(requestOf({ ...counted, groupBy: 'type' }, now)).toMatchObject({ groupBy: ['type'], top: 4 })
})

test('it leads to the same question in the explorer, whose address keeps all of it', () => {
  const search = searchOf({ ...counted, groupBy: 'type' })
  expect(search).toEqual({ metric: 'events', by: ['type'], filter: 'type = "a"', agg: 'sum', span: '24h', step: 3600 })
  expect(statisticsSearch({ ...search })).toEqual(search)
  expect(searchOf({ ...counted, aggregation: Aggregation.UNSPECIFIED, filter: '' })).toEqual({
    metric: 'events',
    span: '24h',
    step: 3600,
  })
})

test('the running hour counts, and has a place in the line', () => {
  const { total, values } = readingOf(counted, answer([{ 2: 3, 24: 1 }]), now)
  expect(total).toBe(4)
  expect(values).toHaveLength(25)
  expect([values[0], values[2], values[24]]).toEqual([0, 3, 1])
})

test('a sum is compared by the hours that are over, so that it does not seem to fall as an hour begins', () => {
  const steady = Object.fromEntries(Array.from({ length: 25 }, (_, step) => [step, 10]))
  expect(readingOf(counted, answer([{ ...steady, 24: 0 }], [steady]), now).change).toBe(0)
  expect(readingOf(counted, answer([{ 0: 3 }], [{ 0: 2 }]), now).change).toBe(0.5)
})

test('where nothing was before, there is nothing to compare with', () => {
  expect(readingOf(counted, answer([{ 0: 3 }], []), now).change).toBeUndefined()
})

test('nothing counted is 0, nothing measured is no value', () => {
  expect(readingOf(counted, answer([]), now)).toMatchObject({ total: 0, change: undefined })
  const usual = { ...counted, aggregation: Aggregation.UNSPECIFIED }
  expect(readingOf(usual, answer([], [], '{event}/s'), now).total).toBe(0)
  const measured = readingOf({ ...counted, aggregation: Aggregation.P95 }, answer([], [], 'ms'), now)
  expect(measured.total).toBeUndefined()
  expect(new Set(measured.values)).toEqual(new Set([null]))
})

test('groups have rows, and what is not among the largest has one together', () => {
  const grouped = create(QueryMetricResponseSchema, {
    unit: '{request}',
    series: [
      { labels: ['edge'], total: 12 },
      { labels: ['console'], total: 3 },
      { labels: ['other'], total: 1 },
    ],
  })
  expect(readingOf({ ...counted, groupBy: 'caller' }, grouped, now).rows).toEqual([
    { name: 'edge', total: 12 },
    { name: 'console', total: 3 },
    { name: undefined, total: 1 },
  ])
  expect(readingOf({ ...counted, groupBy: 'caller' }, answer([]), now)).toMatchObject({ rows: [], total: 0 })
})

test('a title is in the language of the page, or says that it is English', () => {
  expect(titleIn(counted, 'ko')).toEqual({ text: '새 사용자', language: 'ko' })
  expect(titleIn(counted, 'en')).toEqual({ text: 'New users', language: 'en' })
  expect(titleIn({ title: 'Orders', titles: {} }, 'ko')).toEqual({ text: 'Orders', language: 'en' })
})
