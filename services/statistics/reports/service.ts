/** The methods of ReportsService. */
import {
  ReportSchedule,
  ReportState,
  type ReportsServiceService,
} from '@site11/proto/grpc/site11/statistics/v1/reports_service.ts'
import { type Handlers, userOf } from '@site11/runtime/call.ts'
import { failedPrecondition, notFound } from '@site11/runtime/errors.ts'
import { requestMark } from '@site11/runtime/store/idempotency.ts'
import type { Filter } from 'mongodb'
import { type DashboardStore, dashboardFor, visibleTo } from '../dashboards/store.ts'
import type { Kind } from './render.ts'
import {
  contentTypes,
  fileName,
  newReport,
  newSchedule,
  type ReportDocument,
  requireVariables,
  scheduleUpdate,
  toReport,
  toSchedule,
} from './report.ts'
import type { ReportStore } from './store.ts'

export interface ReportDeps {
  store: ReportStore
  dashboards: DashboardStore
  /** Keys the hashes of requests that are safe to repeat. */
  secret: string
  /** Is told that there is something to make. */
  changed(): void
  now(): Date
  /** A new UUID. */
  newId(): string
}

export function reportsService(deps: ReportDeps): Handlers<typeof ReportsServiceService> {
  const { store, dashboards, secret, changed, now, newId } = deps
  const { reports, schedules } = store
  const visible = (user: string) => visibleTo(user) as Filter<ReportDocument>

  async function requireDashboard({ dashboard, variables }: ReportSchedule, user: string): Promise<void> {
    const found = await dashboardFor(dashboards, dashboard, user)
    requireVariables('report_schedule.variables', variables, found)
  }

  return {
    async createReport(request, call) {
      const owner = userOf(call)
      const at = now()
      const { requestId } = request
      const dashboard = await dashboardFor(dashboards, request.dashboard, owner)
      const mark = requestMark({ subject: owner, method: 'CreateReport', requestId, request }, secret, at)
      const made = await reports.insert(newReport(request, dashboard, owner, newId(), at), mark)
      changed()
      return { report: toReport(made) }
    },

    getReport: async ({ id }, call) => ({ report: toReport(await reports.get(id, visible(userOf(call)))) }),

    async listReports(request, call) {
      const { items, nextPageToken } = await reports.list({ ...request, visible: visible(userOf(call)) })
      return { reports: items.map(toReport), nextPageToken }
    },

    async deleteReport({ id }, call) {
      await reports.remove(id, '', undefined, visible(userOf(call)))
      await store.removeFiles(id)
      return {}
    },

    async downloadReport({ id, file }, call) {
      const report = await reports.get(id, visible(userOf(call)))
      if (report.state !== ReportState.REPORT_STATE_DONE)
        throw failedPrecondition('WRONG_STATE', `The report ${id} is not made yet, or could not be: look at its state.`)
      const kind = file.replace('report.', '') as Kind
      const data = await store.file(id, kind)
      if (!data) throw notFound('file', file)
      const name = fileName(report, kind)
      // RFC 6266: what is not ASCII only in the second form.
      call.setHeader('content-disposition', `attachment; filename="${file}"; filename*=UTF-8''${encoded(name)}`)
      return { body: { contentType: contentTypes[kind], data, extensions: [] }, name }
    },

    getReportSchedule: async ({ id }) => ({ reportSchedule: toSchedule(await schedules.get(id)) }),

    async listReportSchedules(request) {
      const { items, nextPageToken } = await schedules.list({ ...request, filter: '' })
      return { reportSchedules: items.map(toSchedule), nextPageToken }
    },

    async createReportSchedule(request, call) {
      const owner = userOf(call)
      const at = now()
      const { requestId } = request
      const schedule = newSchedule(ReportSchedule.fromPartial(request.reportSchedule ?? {}), owner, newId(), at)
      await requireDashboard(toSchedule(schedule), owner)
      const mark = requestMark({ subject: owner, method: 'CreateReportSchedule', requestId, request }, secret, at)
      return { reportSchedule: toSchedule(await schedules.insert(schedule, mark)) }
    },

    async updateReportSchedule({ reportSchedule, updateMask }, call) {
      if (!reportSchedule) throw new Error('The contract requires the schedule.')
      const { id, etag } = reportSchedule
      const before = await schedules.get(id)
      const at = now()
      await requireDashboard(
        toSchedule({ ...before, ...scheduleUpdate(before, reportSchedule, updateMask, at) }),
        userOf(call),
      )
      const rule = (document: typeof before) => scheduleUpdate(document, reportSchedule, updateMask, at)
      return { reportSchedule: toSchedule(await schedules.change(id, etag, at, rule)) }
    },

    async deleteReportSchedule({ id, etag }) {
      await schedules.remove(id, etag)
      return {}
    },
  }
}

const encoded = (name: string) =>
  encodeURIComponent(name).replaceAll(/['()*]/g, each => `%${each.charCodeAt(0).toString(16)}`)
