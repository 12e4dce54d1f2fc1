/** One dashboard: to be looked at, and to be built. */
import { create } from '@bufbuild/protobuf'
import { skipToken, useQuery } from '@connectrpc/connect-query'
import { Button, Group, Menu, Skeleton, Text, Title } from '@mantine/core'
import {
  type Dashboard,
  DashboardSchema,
  DashboardsService,
  Visibility,
} from '@site11/proto/es/site11/statistics/v1/dashboards_service_pb.ts'
import { IconDots } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { mayCall } from '../api/policy.ts'
import { useSession } from '../api/use-session.ts'
import { ProblemInline } from '../ui/problem.tsx'
import { isAbsent, NotRunning } from './absent.tsx'
import { BoardBuilder } from './board-builder.tsx'
import { BoardPanels } from './board-panels.tsx'
import { dashboardInWords } from './built-in.ts'
import { exportDashboard } from './dashboard-file.ts'
import { SeenBy, useDashboardActions } from './dashboards.tsx'
import styles from './statistics.module.css'
import { useSearch } from './use-search.ts'

const { getDashboard, updateDashboard } = DashboardsService.method
const blank = create(DashboardSchema, { visibility: Visibility.PRIVATE })

export function Board({ id }: { id: string }) {
  const isNew = id === 'new'
  const { search } = useSearch()
  const { data, error, refetch } = useQuery(getDashboard, isNew ? skipToken : { id })
  const { t } = useTranslation()
  const dashboard = isNew ? blank : data?.dashboard
  if (!dashboard) {
    if (!error) return <Skeleton height={420} radius={8} role="status" aria-label={t('common.loading')} />
    return isAbsent(error) ? (
      <NotRunning onRetry={refetch} />
    ) : (
      <ProblemInline error={error} onRetry={refetch}>
        <Link to="/statistics" search={{ tab: 'dashboards' }}>
          {t('statistics.dashboard.all')}
        </Link>
      </ProblemInline>
    )
  }
  return (search.edit || isNew) && !dashboard.builtIn ? (
    <BoardBuilder dashboard={dashboard} onReload={async () => (await refetch()).data?.dashboard} />
  ) : (
    <Shown given={dashboard} />
  )
}

function Shown({ given }: { given: Dashboard }) {
  const { t } = useTranslation()
  const dashboard = useMemo(() => dashboardInWords(given, t), [given, t])
  const { set } = useSearch()
  const mayWrite = mayCall(useSession(), updateDashboard)
  const { copy, remove } = useDashboardActions()
  const edit = mayWrite && !dashboard.builtIn
  return (
    <div className={styles.page}>
      <Group justify="space-between" align="flex-start">
        <div>
          <Group gap="sm" align="baseline">
            <Link to="/statistics" search={{ tab: 'dashboards' }} className={styles.up}>
              {t('statistics.tabs.dashboards')}
            </Link>
            <Title order={2}>{dashboard.title}</Title>
            <SeenBy dashboard={dashboard} />
          </Group>
          {dashboard.description && (
            <Text size="sm" c="dimmed">
              {dashboard.description}
            </Text>
          )}
        </div>
        <Group gap="xs">
          {edit && (
            <Button variant="default" onClick={() => set({ edit: true }, true)}>
              {t('statistics.dashboard.edit')}
            </Button>
          )}
          {mayWrite && dashboard.builtIn && (
            <Button variant="default" onClick={() => void copy(dashboard)}>
              {t('statistics.dashboard.duplicate')}
            </Button>
          )}
          <Menu position="bottom-end">
            <Menu.Target>
              <Button variant="default" px={8} aria-label={t('common.actions')}>
                <IconDots size={16} />
              </Button>
            </Menu.Target>
            <Menu.Dropdown>
              {mayWrite && (
                <>
                  <Menu.Item onClick={() => set({ tab: 'reports', part: 'made', id: `new:${dashboard.id}` }, true)}>
                    {t('statistics.report.create')}
                  </Menu.Item>
                  <Menu.Item onClick={() => void copy(dashboard)}>{t('statistics.dashboard.duplicate')}</Menu.Item>
                </>
              )}
              <Menu.Item onClick={() => void exportDashboard(dashboard)}>{t('statistics.dashboard.export')}</Menu.Item>
              {edit && <Menu.Item onClick={() => void remove(dashboard)}>{t('statistics.dashboard.delete')}</Menu.Item>}
            </Menu.Dropdown>
          </Menu>
        </Group>
      </Group>
      <BoardPanels dashboard={dashboard} />
    </div>
  )
}
