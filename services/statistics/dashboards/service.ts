/** The methods of DashboardsService. */
import { Dashboard, type DashboardsServiceService } from '@site11/proto/grpc/site11/statistics/v1/dashboards_service.ts'
import { type Handlers, userOf } from '@site11/runtime/call.ts'
import { failedPrecondition } from '@site11/runtime/errors.ts'
import { requestMark } from '@site11/runtime/store/idempotency.ts'
import type { Filter } from 'mongodb'
import { builtIn } from './builtin.ts'
import { type DashboardDocument, newDashboard, toDashboard, updateOf } from './dashboard.ts'
import { exported, imported } from './document.ts'
import { type DashboardStore, dashboardFor, visibleTo } from './store.ts'

export interface DashboardDeps {
  dashboards: DashboardStore
  /** Keys the hashes of requests that are safe to repeat. */
  secret: string
  now(): Date
  /** A new UUID. */
  newId(): string
}

export function dashboardsService({
  dashboards,
  secret,
  now,
  newId,
}: DashboardDeps): Handlers<typeof DashboardsServiceService> {
  const visible = (user: string) => visibleTo(user) as Filter<DashboardDocument>

  return {
    getDashboard: async ({ id }, call) => ({ dashboard: await dashboardFor(dashboards, id, userOf(call)) }),

    async listDashboards(request, call) {
      const { items, nextPageToken } = await dashboards.list({ ...request, visible: visible(userOf(call)) })
      const first = request.pageToken === '' && request.filter === '' ? builtIn : []
      return { dashboards: [...first, ...items.map(toDashboard)], nextPageToken }
    },

    async createDashboard(request, call) {
      const owner = userOf(call)
      const at = now()
      const { requestId } = request
      const mark = requestMark({ subject: owner, method: 'CreateDashboard', requestId, request }, secret, at)
      const document = newDashboard(Dashboard.fromPartial(request.dashboard ?? {}), owner, newId(), at)
      return { dashboard: toDashboard(await dashboards.insert(document, mark)) }
    },

    async updateDashboard({ dashboard, updateMask }, call) {
      if (!dashboard) throw new Error('The contract requires the dashboard.')
      requireOwn(dashboard.id)
      const user = userOf(call)
      const { id, etag } = dashboard
      const rule = (before: DashboardDocument) => updateOf(before, dashboard, updateMask, user)
      return { dashboard: toDashboard(await dashboards.change(id, etag, now(), rule, visible(user))) }
    },

    async deleteDashboard({ id, etag }, call) {
      requireOwn(id)
      await dashboards.remove(id, etag, undefined, visible(userOf(call)))
      return {}
    },

    async copyDashboard({ id, title }, call) {
      const owner = userOf(call)
      const from = await dashboardFor(dashboards, id, owner)
      const content = { ...from, title: title || from.title, visibility: 0 } as const
      return { dashboard: toDashboard(await dashboards.insert(newDashboard(content, owner, newId(), now()))) }
    },

    async exportDashboard({ id }, call) {
      return { document: exported(await dashboardFor(dashboards, id, userOf(call))) }
    },

    async importDashboard({ document = {}, validateOnly }, call) {
      const made = newDashboard(imported(document), userOf(call), newId(), now())
      if (validateOnly) return { dashboard: { ...toDashboard(made), id: '', etag: '' } }
      return { dashboard: toDashboard(await dashboards.insert(made)) }
    },
  }
}

function requireOwn(id: string): void {
  if (builtIn.some(each => each.id === id))
    throw failedPrecondition(
      'WRONG_STATE',
      `The dashboard ${id} comes with the platform. Copy it, and change the copy.`,
    )
}
