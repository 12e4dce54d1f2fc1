/** Dashboards: the list, and the one that is open. */
import { callUnaryMethod, useInfiniteQuery } from '@connectrpc/connect-query'
import { Button, Group, Menu, Text } from '@mantine/core'
import {
  type Dashboard,
  DashboardsService,
  Visibility,
} from '@site11/proto/es/site11/statistics/v1/dashboards_service_pb.ts'
import { IconPlus, IconUpload } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { transport } from '../api/client.ts'
import { mayCall } from '../api/policy.ts'
import { useSession } from '../api/use-session.ts'
import { dateOf } from '../mesh/state.ts'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Empty } from '../ui/empty.tsx'
import { ProblemInline } from '../ui/problem.tsx'
import { RowMenu } from '../ui/row-menu.tsx'
import { Ago } from '../ui/time.tsx'
import { isAbsent, NotRunning } from './absent.tsx'
import { Board } from './board.tsx'
import { dashboardInWords } from './built-in.ts'
import { exportDashboard } from './dashboard-file.ts'
import { ImportDashboard } from './import-dashboard.tsx'
import { refreshDashboards } from './refresh.ts'
import styles from './statistics.module.css'
import { useAct } from './use-act.ts'
import { useSearch } from './use-search.ts'

const { listDashboards, copyDashboard, createDashboard, deleteDashboard } = DashboardsService.method

export function Dashboards() {
  const { search } = useSearch()
  return search.id ? <Board key={search.id} id={search.id} /> : <List />
}

function List() {
  const { t } = useTranslation()
  const { set } = useSearch()
  const session = useSession()
  const mayWrite = mayCall(session, createDashboard)
  const [importing, setImporting] = useState(false)
  const { data, error, refetch, fetchNextPage, hasNextPage } = useInfiniteQuery(
    listDashboards,
    { pageSize: 50, pageToken: '' },
    { pageParamKey: 'pageToken', getNextPageParam: page => page.nextPageToken || undefined },
  )
  if (error && !data) {
    return isAbsent(error) ? <NotRunning onRetry={refetch} /> : <ProblemInline error={error} onRetry={refetch} />
  }
  const rows = data?.pages.flatMap(({ dashboards }) => dashboards.map(each => dashboardInWords(each, t)))
  const columns: Column<Dashboard>[] = [
    {
      key: 'title',
      header: t('statistics.dashboard.title'),
      cell: ({ id, title, description }) => (
        <>
          <Link to="/statistics" search={{ tab: 'dashboards', id }} data-row>
            {title}
          </Link>
          {description && <div className={styles.hint}>{description}</div>}
        </>
      ),
    },
    { key: 'panels', header: t('statistics.dashboard.panels'), width: 90, cell: ({ panels }) => panels.length },
    {
      key: 'seen',
      header: t('statistics.dashboard.seenBy'),
      width: 170,
      cell: dashboard => <SeenBy dashboard={dashboard} />,
    },
    {
      key: 'changed',
      header: t('statistics.dashboard.changed'),
      width: 150,
      cell: ({ updateTime }) => {
        const date = dateOf(updateTime)
        return date ? <Ago date={date} /> : '–'
      },
    },
    ...(mayWrite
      ? [
          {
            key: 'menu',
            header: t('common.actions'),
            quiet: true,
            width: 50,
            cell: (dashboard: Dashboard) => <DashboardMenu dashboard={dashboard} />,
          },
        ]
      : []),
  ]
  return (
    <div className={styles.page}>
      <Group justify="space-between">
        <Text size="sm" c="dimmed">
          {t('statistics.dashboard.hint')}
        </Text>
        {mayWrite && (
          <Group gap="xs">
            <Button variant="default" leftSection={<IconUpload size={16} />} onClick={() => setImporting(true)}>
              {t('statistics.dashboard.import')}
            </Button>
            <Button leftSection={<IconPlus size={16} />} onClick={() => set({ id: 'new', edit: true }, true)}>
              {t('statistics.dashboard.create')}
            </Button>
          </Group>
        )}
      </Group>
      <DataTable
        label={t('statistics.tabs.dashboards')}
        columns={columns}
        rows={rows}
        rowKey={({ id }) => id}
        empty={<Empty title={t('statistics.dashboard.none')} hint={t('statistics.dashboard.noneHint')} />}
      />
      {hasNextPage && (
        <Button variant="default" onClick={() => void fetchNextPage()}>
          {t('common.more')}
        </Button>
      )}
      {importing && <ImportDashboard onClose={() => setImporting(false)} />}
    </div>
  )
}

export function SeenBy({ dashboard: { builtIn, visibility } }: { dashboard: Dashboard }) {
  const { t } = useTranslation()
  const name = builtIn ? 'builtIn' : visibility === Visibility.SHARED ? 'shared' : 'private'
  return <span className={styles.seenBy}>{t(`statistics.dashboard.${name}`)}</span>
}

/** What can be done with a dashboard wherever it is shown. */
export function useDashboardActions() {
  const { t } = useTranslation()
  const { set } = useSearch()
  const act = useAct(refreshDashboards)
  return {
    copy: ({ id, title }: Dashboard) =>
      act(async () => {
        const named = { id, title: t('statistics.dashboard.copyOf', { title }) }
        const { dashboard } = await callUnaryMethod(transport, copyDashboard, named)
        if (dashboard) set({ id: dashboard.id, edit: undefined }, true)
      }),
    /** Taking it back makes one like it, under another id. */
    remove({ id, etag, title, description, panels, variables, visibility, range }: Dashboard) {
      const dashboard = { title, description, panels, variables, visibility, ...(range && { range }) }
      return act(
        async () => {
          await callUnaryMethod(transport, deleteDashboard, { id, etag })
          set({ id: undefined, edit: undefined })
        },
        {
          said: t('statistics.dashboard.deleted', { title }),
          back: () => callUnaryMethod(transport, createDashboard, { dashboard }),
        },
      )
    },
  }
}

function DashboardMenu({ dashboard }: { dashboard: Dashboard }) {
  const { t } = useTranslation()
  const { set } = useSearch()
  const { copy, remove } = useDashboardActions()
  return (
    <RowMenu name={dashboard.title}>
      {!dashboard.builtIn && (
        <Menu.Item onClick={() => set({ id: dashboard.id, edit: true }, true)}>
          {t('statistics.dashboard.edit')}
        </Menu.Item>
      )}
      <Menu.Item onClick={() => void copy(dashboard)}>{t('statistics.dashboard.duplicate')}</Menu.Item>
      <Menu.Item onClick={() => void exportDashboard(dashboard)}>{t('statistics.dashboard.export')}</Menu.Item>
      {!dashboard.builtIn && (
        <Menu.Item onClick={() => void remove(dashboard)}>{t('statistics.dashboard.delete')}</Menu.Item>
      )}
    </RowMenu>
  )
}
