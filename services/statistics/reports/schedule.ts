/** When reports are due, and of what span: by the calendar of a time zone. Pure. */
import { ReportFrequency } from '@site11/proto/grpc/site11/statistics/v1/reports_service.ts'
import { DateTime } from 'luxon'

export interface Rhythm {
  frequency: ReportFrequency
  /** `HH:MM`. */
  timeOfDay: string
  /** An IANA time zone. */
  timeZone: string
}

const units: Record<ReportFrequency, 'day' | 'week' | 'month'> = {
  [ReportFrequency.UNRECOGNIZED]: 'day',
  [ReportFrequency.REPORT_FREQUENCY_UNSPECIFIED]: 'day',
  [ReportFrequency.REPORT_FREQUENCY_DAILY]: 'day',
  [ReportFrequency.REPORT_FREQUENCY_WEEKLY]: 'week',
  [ReportFrequency.REPORT_FREQUENCY_MONTHLY]: 'month',
}

/** A time of day that a day does not have, as clocks are put forward, is the first after it. */
function at(day: DateTime, timeOfDay: string): DateTime {
  const [hour = 0, minute = 0] = timeOfDay.split(':').map(Number)
  return day.startOf('day').set({ hour, minute })
}

/** @returns the first time after `now` that a report is due. */
export function nextTime({ frequency, timeOfDay, timeZone }: Rhythm, now: Date): Date {
  const unit = units[frequency]
  const present = DateTime.fromJSDate(now, { zone: timeZone })
  for (let period = present.startOf(unit); ; period = period.plus({ [unit]: 1 })) {
    const due = at(period, timeOfDay)
    if (due > present) return due.toJSDate()
  }
}

/** @returns the last whole day, week or month before a time. */
export function spanBefore({ frequency, timeZone }: Rhythm, time: Date): { startTime: Date; endTime: Date } {
  const unit = units[frequency]
  const end = DateTime.fromJSDate(time, { zone: timeZone }).startOf(unit)
  return { startTime: end.minus({ [unit]: 1 }).toJSDate(), endTime: end.toJSDate() }
}

export function isTimeZone(name: string): boolean {
  return DateTime.utc().setZone(name).isValid
}
