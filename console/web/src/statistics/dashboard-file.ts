/** Dashboards as files. */
import { callUnaryMethod } from '@connectrpc/connect-query'
import { type Dashboard, DashboardsService } from '@site11/proto/es/site11/statistics/v1/dashboards_service_pb.ts'
import { transport } from '../api/client.ts'
import { toastProblem } from '../ui/toasts.tsx'
import { saveFile } from './save-file.ts'

export async function exportDashboard({ id, title }: Pick<Dashboard, 'id' | 'title'>): Promise<void> {
  try {
    const { document } = await callUnaryMethod(transport, DashboardsService.method.exportDashboard, { id })
    const name = title.replace(/[^\p{L}\p{N} _-]/gu, '').trim() || 'dashboard'
    saveFile(`${name}.json`, JSON.stringify(document, undefined, 2), 'application/json')
  } catch (error) {
    await toastProblem(error)
  }
}
