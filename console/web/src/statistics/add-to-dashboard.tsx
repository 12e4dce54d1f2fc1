/** What one looks at, put on a dashboard. */
import { callUnaryMethod, skipToken, useQuery } from '@connectrpc/connect-query'
import { Button, Menu } from '@mantine/core'
import {
  type Dashboard,
  DashboardsService,
  type Panel,
} from '@site11/proto/es/site11/statistics/v1/dashboards_service_pb.ts'
import { IconLayoutDashboard } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { transport } from '../api/client.ts'
import { toastProblem, toastUndo } from '../ui/toasts.tsx'
import { refreshDashboards } from './refresh.ts'
import { useSearch } from './use-search.ts'

const { listDashboards, createDashboard, updateDashboard } = DashboardsService.method

/** @param panelFor makes the panel, given those that are there. */
export function AddToDashboard({ panelFor }: { panelFor: (panels: readonly Panel[]) => Panel }) {
  const { t } = useTranslation()
  const client = useQueryClient()
  const { set } = useSearch()
  const [opened, setOpened] = useState(false)
  const { data } = useQuery(listDashboards, opened ? { pageSize: 200 } : skipToken)
  const save = async (dashboard: Dashboard, panels: Panel[]) => {
    const changed = { id: dashboard.id, panels }
    await callUnaryMethod(transport, updateDashboard, { dashboard: changed, updateMask: { paths: ['panels'] } })
    await refreshDashboards(client)
  }
  async function add(dashboard: Dashboard) {
    try {
      await save(dashboard, [...dashboard.panels, panelFor(dashboard.panels)])
      await toastUndo(t('statistics.addTo.added', { title: dashboard.title }), () => save(dashboard, dashboard.panels))
    } catch (error) {
      await toastProblem(error)
    }
  }
  async function begin() {
    try {
      const panel = panelFor([])
      const made = await callUnaryMethod(transport, createDashboard, {
        dashboard: { title: panel.title, panels: [panel] },
      })
      await refreshDashboards(client)
      set({ tab: 'dashboards', id: made.dashboard?.id, edit: true }, true)
    } catch (error) {
      await toastProblem(error)
    }
  }
  return (
    <Menu position="bottom-end" opened={opened} onChange={setOpened}>
      <Menu.Target>
        <Button size="compact-sm" variant="default" leftSection={<IconLayoutDashboard size={14} />}>
          {t('statistics.addTo.label')}
        </Button>
      </Menu.Target>
      <Menu.Dropdown mah={320} style={{ overflow: 'auto' }}>
        {data?.dashboards
          .filter(({ builtIn }) => !builtIn)
          .map(dashboard => (
            <Menu.Item key={dashboard.id} onClick={() => void add(dashboard)}>
              {dashboard.title}
            </Menu.Item>
          ))}
        <Menu.Item onClick={() => void begin()}>{t('statistics.addTo.new')}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
