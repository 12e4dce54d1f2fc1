/**
 * Makes reports that were asked for and those that are due, one after the other, in one instance of Statistics at a time. What a process was
 * at when it was killed is made anew by who takes over.
 */
import { createHash } from 'node:crypto'
import { ReportState } from '@site11/proto/grpc/site11/statistics/v1/reports_service.ts'
import { ServiceError } from '@site11/runtime/errors.ts'
import type { Log } from '@site11/runtime/log.ts'
import type { Query } from '../alerts/evaluate.ts'
import { chosen } from '../dashboards/dashboard.ts'
import { type DashboardStore, dashboardFor } from '../dashboards/store.ts'
import { durationOf } from '../resources.ts'
import { contentOf } from './content.ts'
import { render } from './render.ts'
import { kindOf, newReport, type ReportDocument, type ScheduleDocument } from './report.ts'
import { nextTime, spanBefore } from './schedule.ts'
import type { ReportStore } from './store.ts'

export interface RunnerDeps {
  store: ReportStore
  dashboards: DashboardStore
  query: Query
  /** Tells this process from all others, before and after it. */
  runner: string
  /** Aborted when this process ends. */
  signal: AbortSignal
  now(): Date
  log: Log
}

const { REPORT_STATE_QUEUED: queued, REPORT_STATE_RUNNING: running } = ReportState
const { REPORT_STATE_DONE: done, REPORT_STATE_FAILED: failed } = ReportState
/** A report that ends the process each time is given up. */
const maxAttempts = 3

/** Asks for the reports of schedules that are due. What was due while nothing ran is made up for once. @throws what the database says. */
export async function askForDue(deps: RunnerDeps): Promise<void> {
  const { store, now, log } = deps
  const { schedules } = store.collections
  for (const schedule of await schedules.find({ paused: false, nextTime: { $lte: now() } }).toArray()) {
    const at = now()
    const after = { nextTime: nextTime(schedule, at), failure: '', lastReport: schedule.lastReport }
    try {
      after.lastReport = await ask(deps, schedule, at)
    } catch (error) {
      if (!(error instanceof ServiceError) || error.details.reason === 'DEPENDENCY_UNAVAILABLE') throw error
      after.failure = error.message
      log.warn({ schedule: schedule._id, reason: error.message }, 'a schedule asked for no report')
    }
    await schedules.updateOne({ _id: schedule._id, nextTime: schedule.nextTime }, { $set: after })
  }
}

/** @returns the id of the report: made of the time that it was due at, so that it is asked for once, whoever is killed meanwhile. */
async function ask({ store, dashboards }: RunnerDeps, schedule: ScheduleDocument, at: Date): Promise<string> {
  const { _id, owner, language, timeZone, formats, keepMs } = schedule
  const dashboard = await dashboardFor(dashboards, schedule.dashboard, owner)
  const variables = chosen(dashboard.variables, Object.fromEntries(schedule.variables))
  const request = { ...spanBefore(schedule, at), formats, language, timeZone, variables, keep: durationOf(keepMs) }
  const id = uuidOf(`${_id}/${schedule.nextTime.toISOString()}`)
  const report = { ...newReport(request, dashboard, owner, id, at), schedule: _id }
  const { _id: _, ...fields } = report
  await store.collections.reports.updateOne({ _id: id }, { $setOnInsert: fields }, { upsert: true })
  return id
}

/** @returns a UUID (version 8) that is always the same for a text. */
function uuidOf(text: string): string {
  const bytes = createHash('sha256').update(text).digest().subarray(0, 16)
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

/** Makes all reports that wait. @throws what the database says. */
export async function makeWaiting(deps: RunnerDeps): Promise<void> {
  const { store, runner, signal, now } = deps
  while (!signal.aborted) {
    // One that runs elsewhere was left there: who has the lease runs them alone.
    const report = await store.collections.reports.findOneAndUpdate(
      { $or: [{ state: queued }, { state: running, runner: { $ne: runner } }] },
      { $set: { state: running, runner, updateTime: now() }, $inc: { attempts: 1 } },
      { sort: { createTime: 1 }, returnDocument: 'after' },
    )
    if (!report) return
    await make(deps, report)
  }
}

async function make(deps: RunnerDeps, report: ReportDocument): Promise<void> {
  const { store, query, runner, signal, now, log } = deps
  const { _id, dashboard, language, timeZone, formats, startTime, endTime, attempts } = report
  const end = (fields: Partial<ReportDocument>) =>
    store.collections.reports.updateOne({ _id, runner, state: running }, { $set: { ...fields, finishTime: now() } })
  if (attempts > maxAttempts) {
    const failure = `It was begun ${maxAttempts} times, and each time the process that made it ended.`
    await end({ state: failed, failureReason: 'INTERNAL', failure })
    return
  }
  try {
    const span = { startMs: startTime.getTime(), endMs: endTime.getTime() }
    const how = { language, timeZone, madeMs: now().getTime() }
    const variables = Object.fromEntries(report.variables)
    const content = await contentOf(query, dashboard, span, variables, how, signal)
    const files = await render(
      content,
      formats.map(format => kindOf[format]),
      signal,
    )
    await store.putFiles(_id, files, report.expireTime)
    const kept = files.map(({ kind, bytes }) => ({ kind, bytes: bytes.length }))
    const { matchedCount } = await end({ state: done, files: kept })
    if (matchedCount === 0) await store.removeFiles(_id)
    log.info({ report: _id, files: kept }, 'a report is made')
  } catch (error) {
    // It is made anew by who comes next.
    if (signal.aborted) return
    const known = error instanceof ServiceError
    if (known && error.details.reason === 'DEPENDENCY_UNAVAILABLE') {
      await store.collections.reports.updateOne({ _id, runner }, { $set: { state: queued }, $inc: { attempts: -1 } })
      throw error
    }
    log.warn({ report: _id, err: error }, 'a report could not be made')
    const failure = known ? error.message : 'Something went wrong here; the log of Statistics says what.'
    await end({ state: failed, failureReason: known ? error.details.reason : 'INTERNAL', failure })
  }
}
