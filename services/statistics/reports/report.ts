/** Reports and schedules: what they must be, and how they change. Pure. */
import type { Dashboard, Visibility } from '@site11/proto/grpc/site11/statistics/v1/dashboards_service.ts'
import {
  type CreateReportRequest,
  type Report,
  ReportFormat,
  type ReportSchedule,
  ReportState,
} from '@site11/proto/grpc/site11/statistics/v1/reports_service.ts'
import { etagOf } from '@site11/runtime/store/etag.ts'
import { badField, durationOf, maskedFields, msOf, type Resource } from '../resources.ts'
import type { Kind } from './render.ts'
import { isTimeZone, nextTime } from './schedule.ts'

export type Language = 'en' | 'ko'

/** As it is kept; its files apart. */
export interface ReportDocument extends Resource {
  title: string
  /** The dashboard as it was. */
  dashboard: Dashboard
  schedule: string
  startTime: Date
  endTime: Date
  language: Language
  timeZone: string
  variables: [name: string, value: string][]
  formats: ReportFormat[]
  state: ReportState
  /** Which process makes it; empty when none does. */
  runner: string
  attempts: number
  failureReason: string
  failure: string
  files: { kind: Kind; bytes: number }[]
  visibility: Visibility
  owner: string
  finishTime: Date | null
  expireTime: Date
}

export interface ScheduleDocument extends Resource {
  dashboard: string
  frequency: ReportSchedule['frequency']
  timeOfDay: string
  timeZone: string
  language: Language
  formats: ReportFormat[]
  variables: [name: string, value: string][]
  keepMs: number
  paused: boolean
  owner: string
  nextTime: Date
  lastReport: string
  failure: string
}

const day = 86_400_000
const longestMs = 400 * day
const all = [ReportFormat.REPORT_FORMAT_CSV, ReportFormat.REPORT_FORMAT_HTML, ReportFormat.REPORT_FORMAT_PDF]

export const kindOf: Record<ReportFormat, Kind> = {
  [ReportFormat.UNRECOGNIZED]: 'pdf',
  [ReportFormat.REPORT_FORMAT_UNSPECIFIED]: 'pdf',
  [ReportFormat.REPORT_FORMAT_CSV]: 'csv',
  [ReportFormat.REPORT_FORMAT_HTML]: 'html',
  [ReportFormat.REPORT_FORMAT_PDF]: 'pdf',
}
const formatOf = { csv: all[0], html: all[1], pdf: all[2] } as Record<Kind, ReportFormat>
export const contentTypes: Record<Kind, string> = {
  csv: 'text/csv; charset=utf-8',
  html: 'text/html; charset=utf-8',
  pdf: 'application/pdf',
}

/** @throws ServiceError INVALID_FIELD. */
export function newReport(
  request: Omit<CreateReportRequest, 'requestId' | 'dashboard'>,
  dashboard: Dashboard,
  owner: string,
  id: string,
  now: Date,
): ReportDocument {
  const endTime = request.endTime ?? now
  const startTime = request.startTime ?? new Date(endTime.getTime() - msOf(dashboard.range, 3_600_000))
  const lengthMs = endTime.getTime() - startTime.getTime()
  if (lengthMs <= 0) throw badField('end_time', 'It must be after start_time.')
  if (lengthMs > longestMs) throw badField('start_time', 'A report is of 400 days at the most.')
  const timeZone = request.timeZone || 'UTC'
  requireTimeZone('time_zone', timeZone)
  requireVariables('variables', request.variables, dashboard)
  return {
    _id: id,
    title: dashboard.title,
    dashboard,
    schedule: '',
    ...{ startTime, endTime, timeZone },
    language: languageOf(request.language),
    variables: Object.entries(request.variables),
    formats: request.formats.length > 0 ? request.formats : all,
    state: ReportState.REPORT_STATE_QUEUED,
    ...{ runner: '', attempts: 0, failureReason: '', failure: '', files: [] },
    visibility: dashboard.visibility,
    owner,
    finishTime: null,
    expireTime: new Date(now.getTime() + msOf(request.keep, 30 * day)),
    ...{ version: 1, createTime: now, updateTime: now },
  }
}

const languageOf = (language: string): Language => (language === 'ko' ? 'ko' : 'en')

function requireTimeZone(field: string, name: string): void {
  if (!isTimeZone(name)) throw badField(field, `There is no time zone ${name}. Names are like Asia/Seoul.`)
}

export function requireVariables(field: string, values: Record<string, string>, { variables }: Dashboard): void {
  const unknown = Object.keys(values).find(name => !variables.some(each => each.name === name))
  if (unknown) throw badField(field, `The dashboard has no variable ${unknown}.`)
}

export const toReport = (document: ReportDocument): Report => {
  const { _id: id, title, schedule, startTime, endTime, language, timeZone, formats, state, ...rest } = document
  return {
    ...{ id, title, schedule, startTime, endTime, language, timeZone, formats, state },
    dashboard: document.dashboard.id,
    variables: Object.fromEntries(rest.variables),
    failureReason: rest.failureReason,
    failure: rest.failure,
    files: rest.files.map(({ kind, bytes }) => ({ file: `report.${kind}`, format: formatOf[kind], bytes })),
    visibility: rest.visibility,
    owner: rest.owner,
    createTime: rest.createTime,
    finishTime: rest.finishTime ?? undefined,
    expireTime: rest.expireTime,
  }
}

/** @returns a name to save a file under. */
export function fileName({ title, startTime, timeZone }: ReportDocument, kind: Kind): string {
  const date = startTime.toLocaleDateString('sv-SE', { timeZone })
  return `${title.replaceAll(/[\\/:*?"<>|\p{Cc}]/gu, ' ').trim()} ${date}.${kind}`
}

/** @throws ServiceError INVALID_FIELD. */
export function newSchedule(message: ReportSchedule, owner: string, id: string, now: Date): ScheduleDocument {
  const { dashboard, frequency, paused, formats } = message
  const timeOfDay = message.timeOfDay || '06:00'
  const timeZone = message.timeZone || 'UTC'
  if (dashboard === '') throw badField('report_schedule.dashboard', 'A schedule needs a dashboard.')
  if (frequency <= 0) throw badField('report_schedule.frequency', 'A schedule needs a frequency.')
  requireTimeZone('report_schedule.time_zone', timeZone)
  return {
    _id: id,
    ...{ dashboard, frequency, timeOfDay, timeZone, paused, owner },
    language: languageOf(message.language),
    formats: formats.length > 0 ? formats : [ReportFormat.REPORT_FORMAT_PDF],
    variables: Object.entries(message.variables),
    keepMs: msOf(message.keep, 90 * day),
    nextTime: nextTime({ frequency, timeOfDay, timeZone }, now),
    ...{ lastReport: '', failure: '' },
    ...{ version: 1, createTime: now, updateTime: now },
  }
}

/** @returns what changes. @throws ServiceError INVALID_FIELD. */
export function scheduleUpdate(
  before: ScheduleDocument,
  message: ReportSchedule,
  mask: string[] | undefined,
  now: Date,
): Partial<ScheduleDocument> {
  const fields = maskedFields(mask, {
    dashboard: message.dashboard !== '',
    frequency: message.frequency > 0,
    time_of_day: message.timeOfDay !== '',
    time_zone: message.timeZone !== '',
    language: message.language !== '',
    formats: message.formats.length > 0,
    variables: Object.keys(message.variables).length > 0,
    keep: message.keep !== undefined,
    paused: message.paused,
  })
  const names = { time_of_day: 'timeOfDay', time_zone: 'timeZone' } as const
  const merged = toSchedule(before)
  for (const field of fields) {
    const name = field === 'time_of_day' || field === 'time_zone' ? names[field] : field
    Object.assign(merged, { [name]: message[name] })
  }
  const { _id, owner, lastReport, failure, version, createTime, updateTime, ...change } = newSchedule(
    merged,
    before.owner,
    before._id,
    now,
  )
  return change
}

export const toSchedule = (document: ScheduleDocument): ReportSchedule => {
  const { _id: id, variables, keepMs, version, updateTime, createTime, ...rest } = document
  const { dashboard, frequency, timeOfDay, timeZone, language, formats, paused, owner } = rest
  return {
    ...{ id, dashboard, frequency, timeOfDay, timeZone, language, formats, paused, owner, createTime, updateTime },
    variables: Object.fromEntries(variables),
    keep: durationOf(keepMs),
    nextTime: paused ? undefined : rest.nextTime,
    lastReport: rest.lastReport,
    failure: rest.failure,
    etag: etagOf(version),
  }
}
