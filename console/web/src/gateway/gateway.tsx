/** The gateway: what the edge routes, what each proxy has taken, whom the mesh trusts, and which calls are held back. */

import { getRouteApi } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { LiveMark, LiveView } from '../mesh/live-view.tsx'
import { useMesh } from '../mesh/use-mesh.ts'
import { useCommands } from '../palette/commands.ts'
import { Boundary } from '../ui/boundary.tsx'
import { Page } from '../ui/page.tsx'
import { TabLinks } from '../ui/tab-links.tsx'
import { Calls } from './calls.tsx'
import styles from './gateway.module.css'
import { Proxies } from './proxies.tsx'
import { Routes } from './routes.tsx'
import { tabs } from './search.ts'
import { TakenBack } from './taken-back.tsx'
import { Trust } from './trust.tsx'

const route = getRouteApi('/app/gateway')

export function Gateway() {
  const { t } = useTranslation()
  const { live } = useMesh()
  const { tab = 'routes' } = route.useSearch()
  const navigate = route.useNavigate()
  useCommands(
    tabs.map(name => ({
      id: `gateway/${name}`,
      title: t('gateway.show', { what: t(`gateway.tabs.${name}`) }),
      run: () => navigate({ search: { tab: name } }),
    })),
  )
  return (
    <Page title={t('gateway.title')} aside={<LiveMark live={live} />}>
      <LiveView>
        {mesh => (
          <div className={styles.page}>
            <TakenBack lastChange={mesh?.lastChange} />
            <TabLinks
              label={t('gateway.title')}
              tabs={tabs.map(name => ({
                key: name,
                label: t(`gateway.tabs.${name}`),
                active: name === tab,
                link: { to: '/gateway', search: name === 'routes' ? {} : { tab: name } },
              }))}
            />
            <Boundary key={tab}>
              {tab === 'routes' && <Routes />}
              {tab === 'proxies' && <Proxies mesh={mesh} />}
              {tab === 'trust' && <Trust mesh={mesh} />}
              {tab === 'calls' && <Calls mesh={mesh} />}
            </Boundary>
          </div>
        )}
      </LiveView>
    </Page>
  )
}
