import { ReportFrequency } from '@site11/proto/grpc/site11/statistics/v1/reports_service.ts'
import { expect, test } from 'vitest'
import { nextTime, spanBefore } from './schedule.ts'

const daily = { frequency: ReportFrequency.REPORT_FREQUENCY_DAILY, timeOfDay: '06:00', timeZone: 'UTC' }
const weekly = { ...daily, frequency: ReportFrequency.REPORT_FREQUENCY_WEEKLY }
const monthly = { ...daily, frequency: ReportFrequency.REPORT_FREQUENCY_MONTHLY }
const seoul = { timeZone: 'Asia/Seoul' }
const berlin = { timeZone: 'Europe/Berlin' }

test.each([
  ['later this day', daily, '2026-11-23T05:59:59Z', '2026-11-23T06:00:00Z'],
  ['the next day, at the very time', daily, '2026-11-23T06:00:00Z', '2026-11-24T06:00:00Z'],
  ['by the clocks of Seoul', { ...daily, ...seoul }, '2026-11-23T00:00:00Z', '2026-11-23T21:00:00Z'],
  ['on Monday', weekly, '2026-11-24T00:00:00Z', '2026-11-30T06:00:00Z'],
  ['this Monday', weekly, '2026-11-23T00:00:00Z', '2026-11-23T06:00:00Z'],
  ['on the first', monthly, '2026-11-23T00:00:00Z', '2026-12-01T06:00:00Z'],
  ['on the first of the next year', monthly, '2026-12-01T06:00:00Z', '2027-01-01T06:00:00Z'],
  ['an hour earlier in summer', { ...daily, ...berlin }, '2026-03-29T00:00:00Z', '2026-03-29T04:00:00Z'],
  [
    'at the first time after one that is not',
    { ...daily, ...berlin, timeOfDay: '02:30' },
    '2026-03-28T12:00:00Z',
    '2026-03-29T01:30:00Z',
  ],
  [
    'once at one that is twice',
    { ...daily, ...berlin, timeOfDay: '02:30' },
    '2026-10-25T00:30:00Z',
    '2026-10-26T01:30:00Z',
  ],
])('a report is due %s', (_, rhythm, now, next) => {
  expect(nextTime(rhythm, new Date(now))).toEqual(new Date(next))
})

test.each([
  ['the day before', daily, '2026-11-23T06:00:00Z', '2026-11-22T00:00:00Z', '2026-11-23T00:00:00Z'],
  [
    'the day before in Seoul',
    { ...daily, ...seoul },
    '2026-11-22T21:00:00Z',
    '2026-11-21T15:00:00Z',
    '2026-11-22T15:00:00Z',
  ],
  [
    'a day of 23 hours',
    { ...daily, ...berlin },
    '2026-03-30T04:00:00Z',
    '2026-03-28T23:00:00Z',
    '2026-03-29T22:00:00Z',
  ],
  ['the week before', weekly, '2026-11-25T06:00:00Z', '2026-11-16T00:00:00Z', '2026-11-23T00:00:00Z'],
  ['the month before', monthly, '2026-03-01T06:00:00Z', '2026-02-01T00:00:00Z', '2026-03-01T00:00:00Z'],
])('it is of %s', (_, rhythm, time, startTime, endTime) => {
  expect(spanBefore(rhythm, new Date(time))).toEqual({ startTime: new Date(startTime), endTime: new Date(endTime) })
})
