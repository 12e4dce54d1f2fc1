/** Statistics: what is measured in the mesh, now and over months, as one wants to see it. */
import { Code, ConnectError } from '@connectrpc/connect'
import { Skeleton } from '@mantine/core'
import { MetricsService } from '@site11/proto/es/site11/statistics/v1/metrics_service_pb.ts'
import { lazy, Suspense, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { mayCall } from '../api/policy.ts'
import { useSession } from '../api/use-session.ts'
import { useCommands } from '../palette/commands.ts'
import { Boundary } from '../ui/boundary.tsx'
import { Page } from '../ui/page.tsx'
import { ProblemInline } from '../ui/problem.tsx'
import { useRowFocus } from '../ui/row-keys.ts'
import { TabLinks } from '../ui/tab-links.tsx'
import { tabs } from './search.ts'
import styles from './statistics.module.css'
import { useSearch } from './use-search.ts'

const rooms = {
  alerts: lazy(async () => ({ default: (await import('./alerts.tsx')).Alerts })),
  reports: lazy(async () => ({ default: (await import('./reports.tsx')).Reports })),
  product: lazy(async () => ({ default: (await import('./product.tsx')).Product })),
  dashboards: lazy(async () => ({ default: (await import('./dashboards.tsx')).Dashboards })),
  metrics: lazy(async () => ({ default: (await import('./metrics.tsx')).Metrics })),
}

export function Statistics() {
  const { t } = useTranslation()
  const may = mayCall(useSession(), MetricsService.method.queryMetric)
  const { search, set } = useSearch()
  const { tab = 'metrics', span, from, to, live } = search
  useCommands(
    tabs.map(name => ({
      id: `statistics/${name}`,
      title: t('statistics.show', { what: t(`statistics.tabs.${name}`) }),
      run: () => set({ tab: name, id: undefined, edit: undefined, part: undefined }, true),
    })),
  )
  // Whatever list is shown: of rules, dashboards, reports.
  const list = useRef<HTMLDivElement>(null)
  useRowFocus(list)
  const Room = rooms[tab]
  return (
    <Page title={t('statistics.title')}>
      {may ? (
        <div ref={list} className={styles.page}>
          <TabLinks
            label={t('statistics.title')}
            tabs={tabs.map(name => ({
              key: name,
              label: t(`statistics.tabs.${name}`),
              active: name === tab,
              // The span stays, whatever one looks at.
              link: { to: '/statistics', search: { ...(name !== 'metrics' && { tab: name }), span, from, to, live } },
            }))}
          />
          <Boundary key={tab}>
            <Suspense fallback={<Skeleton height={420} radius={8} role="status" aria-label={t('common.loading')} />}>
              <Room />
            </Suspense>
          </Boundary>
        </div>
      ) : (
        <ProblemInline error={new ConnectError('The scope statistics:read is missing.', Code.PermissionDenied)} />
      )}
    </Page>
  )
}
