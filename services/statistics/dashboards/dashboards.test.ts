/** Dashboards on a real MongoDB. */
import {
  Dashboard,
  ListDashboardsRequest,
  Visibility,
} from '@site11/proto/grpc/site11/statistics/v1/dashboards_service.ts'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { callBy, startBoards, type TestBoards } from '../test-boards.ts'

let boards: TestBoards
beforeAll(async () => {
  boards = await startBoards()
})
beforeEach(() => boards.clear())
afterAll(() => boards.stop())

const [me, other] = [callBy('me'), callBy('other')]
const { VISIBILITY_PRIVATE, VISIBILITY_SHARED } = Visibility
const because = (reason: string) => ({ details: { reason } })

async function make(change: Partial<Dashboard> = {}, requestId = '') {
  const dashboard = Dashboard.fromPartial({ title: 'Mine', ...change } as never)
  return (await boards.dashboardMethods.createDashboard({ dashboard, requestId }, me)).dashboard ?? expect.fail()
}
const update = (dashboard: Partial<Dashboard>, updateMask: string[], call = me) =>
  boards.dashboardMethods.updateDashboard({ dashboard: Dashboard.fromPartial(dashboard as never), updateMask }, call)
const list = async (call = me, request: Partial<ListDashboardsRequest> = {}) =>
  boards.dashboardMethods.listDashboards(ListDashboardsRequest.fromPartial(request), call)

test('one that is private is there for its owner only, until it is shared', async () => {
  const { id } = await make()
  await expect(boards.dashboardMethods.getDashboard({ id }, other)).rejects.toMatchObject(because('NOT_FOUND'))
  await expect(update({ id, title: 'Taken' }, ['title'], other)).rejects.toMatchObject(because('NOT_FOUND'))
  await update({ id, visibility: VISIBILITY_SHARED }, ['visibility'])
  expect((await update({ id, title: 'Ours' }, ['title'], other)).dashboard?.title).toBe('Ours')
  const hide = update({ id, visibility: VISIBILITY_PRIVATE }, ['visibility'], other)
  await expect(hide).rejects.toMatchObject(because('CALLER_NOT_ALLOWED'))
})

test('one is changed and deleted only as it was seen', async () => {
  const { id, etag } = await make()
  await update({ id, etag, description: 'new' }, ['description'])
  await expect(update({ id, etag, title: 'late' }, ['title'])).rejects.toMatchObject(because('ETAG_MISMATCH'))
  await expect(boards.dashboardMethods.deleteDashboard({ id, etag }, me)).rejects.toMatchObject(
    because('ETAG_MISMATCH'),
  )
  await boards.dashboardMethods.deleteDashboard({ id, etag: '' }, me)
  await expect(boards.dashboardMethods.getDashboard({ id }, me)).rejects.toMatchObject(because('NOT_FOUND'))
})

test('one is made once by a request that is repeated', async () => {
  const requestId = crypto.randomUUID()
  expect((await make({}, requestId)).id).toBe((await make({}, requestId)).id)
  await expect(make({ title: 'Other' }, requestId)).rejects.toMatchObject(because('REQUEST_ID_REUSED'))
})

test('built-in ones come first, cannot be changed, and can be copied', async () => {
  await make()
  const { dashboards } = await list()
  expect(dashboards.map(({ builtIn }) => builtIn)).toEqual([true, true, true, false])
  await expect(update({ id: 'platform', title: 'Mine' }, ['title'])).rejects.toMatchObject(because('WRONG_STATE'))
  const { dashboard } = await boards.dashboardMethods.copyDashboard({ id: 'platform', title: 'Copy' }, me)
  expect(dashboard).toMatchObject({ title: 'Copy', owner: 'me', builtIn: false, visibility: VISIBILITY_PRIVATE })
  expect(dashboard?.panels).toEqual(dashboards[0]?.panels)
})

test('lists come in pages without gap or repeat, and by filter', async () => {
  for (const title of ['a', 'b', 'c', 'd', 'e']) await make({ title })
  const first = await list(me, { pageSize: 3, orderBy: 'title' })
  const second = await list(me, { pageSize: 3, orderBy: 'title', pageToken: first.nextPageToken })
  const titles = [...first.dashboards, ...second.dashboards].filter(({ builtIn }) => !builtIn).map(({ title }) => title)
  expect(titles).toEqual(['a', 'b', 'c', 'd', 'e'])
  expect((await list(me, { filter: 'title = "c"' })).dashboards.map(({ title }) => title)).toEqual(['c'])
  expect((await list(other, { filter: 'title = "c"' })).dashboards).toEqual([])
})

test('one that was exported is imported as a new one of the caller; or only looked at', async () => {
  const { document } = await boards.dashboardMethods.exportDashboard({ id: 'service' }, me)
  const looked = await boards.dashboardMethods.importDashboard({ document, validateOnly: true }, me)
  expect(looked.dashboard).toMatchObject({ id: '', title: 'Service' })
  expect((await list()).dashboards).toHaveLength(3)
  const { dashboard } = await boards.dashboardMethods.importDashboard({ document, validateOnly: false }, me)
  expect(dashboard).toMatchObject({ title: 'Service', owner: 'me' })
  expect((await list()).dashboards).toHaveLength(4)
})
