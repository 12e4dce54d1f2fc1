/**
 * Dashboards in MongoDB, besides the built-in ones.
 *
 *   dashboards   { _id, title, description, panels, variables, visibility, range, owner, version, createTime, updateTime, request }
 */
import { type Dashboard, Visibility } from '@site11/proto/grpc/site11/statistics/v1/dashboards_service.ts'
import type { Log } from '@site11/runtime/log.ts'
import type { Store } from '@site11/runtime/store/connect.ts'
import type { PageTokens } from '@site11/runtime/store/page-token.ts'
import type { Filter } from 'mongodb'
import { createResources, type Resources } from '../resources.ts'
import { builtIn } from './builtin.ts'
import { type DashboardDocument, toDashboard } from './dashboard.ts'

const { VISIBILITY_PRIVATE, VISIBILITY_SHARED } = Visibility
export const visibilities = { PRIVATE: VISIBILITY_PRIVATE, SHARED: VISIBILITY_SHARED }

const fields = {
  title: { type: 'string', path: 'title' },
  owner: { type: 'string', path: 'owner' },
  visibility: { type: 'enum', path: 'visibility', values: visibilities },
  create_time: { type: 'timestamp', path: 'createTime' },
  update_time: { type: 'timestamp', path: 'updateTime' },
} as const
const orders = { title: 'title', create_time: 'createTime', update_time: 'updateTime' }

export const createDashboardStore = ({ db }: Store, tokens: PageTokens, log: Log): Promise<DashboardStore> =>
  createResources(db.collection<DashboardDocument>('dashboards'), {
    kind: 'dashboard',
    tokens,
    fields,
    orders,
    order: { path: 'updateTime', direction: -1 },
    indexes: [{ name: 'by-title', key: { title: 1, _id: 1 } }],
    most: 5000,
    log,
  })

export type DashboardStore = Resources<DashboardDocument>

/** What of documents with an owner a user may see. */
export const visibleTo = (user: string): Filter<{ visibility: Visibility; owner: string }> => ({
  $or: [{ visibility: VISIBILITY_SHARED }, { owner: user }],
})

/** @returns a dashboard that the user may see. @throws ServiceError NOT_FOUND. */
export async function dashboardFor(store: DashboardStore, id: string, user: string): Promise<Dashboard> {
  const known = builtIn.find(each => each.id === id)
  if (known) return known
  return toDashboard(await store.get(id, visibleTo(user) as Filter<DashboardDocument>))
}
