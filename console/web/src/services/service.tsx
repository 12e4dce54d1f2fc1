/** One service: how it fares, who serves it, how requests are spread, what is deployed, what it can be asked. */
import { SegmentedControl, Skeleton } from '@mantine/core'
import { Dimension } from '@site11/proto/es/site11/statistics/v1/statistics_service_pb.ts'
import { getRouteApi, Link } from '@tanstack/react-router'
import { lazy, Suspense, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { withWords } from '../i18n/index.ts'
import { LiveMark, LiveView } from '../mesh/live-view.tsx'
import { consoleService, type ServiceView, servicesOf } from '../mesh/services.ts'
import { type Mesh, useMesh } from '../mesh/use-mesh.ts'
import { NoFigures } from '../signals/figures.tsx'
import { usePartSignals, useSignals } from '../signals/use-signals.ts'
import { Empty } from '../ui/empty.tsx'
import { Page } from '../ui/page.tsx'
import { Panel } from '../ui/panel.tsx'
import { StateFacts, StateMark } from '../ui/state.tsx'
import { detailText, isOwnWork, properName } from '../ui/why.ts'
import { ActionProgress } from './action-progress.tsx'
import { Deployments } from './deployments.tsx'
import { InstanceDrawer } from './instance-drawer.tsx'
import { MeshTable, TableSkeleton } from './mesh-table.tsx'
import { Methods } from './methods.tsx'
import { rowsOf } from './rows.ts'
import { Scale } from './scale.tsx'
import { longRanges, type Order, serviceSearch } from './search.ts'
import styles from './service.module.css'
import { Timeline } from './timeline.tsx'
import { Traffic } from './traffic.tsx'

const GoldenSignals = lazy(async () => ({ default: (await import('../signals/golden-signals.tsx')).GoldenSignals }))
const LongSignals = lazy(async () => {
  const { LongSignals } = await withWords(import('../statistics/long-signals.tsx'), 'statistics')
  return { default: LongSignals }
})
const route = getRouteApi('/app/services/$service/')
const byInstance = [Dimension.SERVICE, Dimension.INSTANCE]

export function Service() {
  const navigate = route.useNavigate()
  const { service } = route.useParams()
  const { instance, tab } = route.useSearch()
  const { live } = useMesh()
  return (
    <Page title={service} aside={<LiveMark live={live} />}>
      <LiveView>{mesh => (mesh ? <Parts key={service} name={service} mesh={mesh} /> : <TableSkeleton />)}</LiveView>
      <InstanceDrawer
        name={instance}
        tab={tab ?? 'state'}
        onTab={tab => void navigate({ search: previous => ({ ...previous, tab }), replace: true, resetScroll: false })}
        onClose={() => void navigate({ search: ({ instance, tab, ...rest }) => rest, resetScroll: false })}
      />
    </Page>
  )
}

function Parts({ name, mesh }: { name: string; mesh: Mesh }) {
  const { t } = useTranslation()
  const service = useMemo(
    () => servicesOf(mesh.instances.values(), mesh.health).find(each => each.name === name),
    [mesh, name],
  )
  if (!service) {
    return (
      <Empty title={t('services.noService', { name })} hint={t('services.noServiceHint')}>
        <Link to="/services">{t('services.all')}</Link>
      </Empty>
    )
  }
  const own = name === consoleService
  return (
    <div className={styles.parts}>
      <div className={styles.head}>
        <StateFacts state={service.state} />
        <Dependencies service={service} />
      </div>
      <ActionProgress subject={`services/${name}`} name={name} />
      <Charts service={name} />
      <Instances service={service} />
      {!own && <Traffic service={service} />}
      <Deployments service={name} versions={service.versions} />
      <Methods service={name} />
      <Panel title={t('services.tab.journal')}>
        <Timeline subject={`services/${name}`} />
      </Panel>
    </div>
  )
}

function Charts({ service }: { service: string }) {
  const { t } = useTranslation()
  const navigate = route.useNavigate()
  const { range = '15m' } = route.useSearch()
  const long = longRanges.find(name => name === range)
  return (
    <Panel
      title={t('services.signals')}
      aside={
        <Link to="/statistics" search={{ metric: 'requests', by: ['method'], filter: `service = "${service}"` }}>
          {t('signals.open')}
        </Link>
      }
      action={
        <SegmentedControl
          size="xs"
          aria-label={t('signals.range')}
          value={range}
          onChange={value =>
            void navigate({
              search: previous => serviceSearch({ ...previous, range: value }),
              replace: true,
              resetScroll: false,
            })
          }
          data={['15m', '1h', ...longRanges]}
        />
      }
    >
      <Suspense fallback={<Skeleton height={190} />}>
        {long ? (
          <LongSignals service={service} range={long} />
        ) : (
          <GoldenSignals service={service} range={range === '1h' ? '1h' : '15m'} />
        )}
      </Suspense>
    </Panel>
  )
}

function Instances({ service }: { service: ServiceView }) {
  const { t } = useTranslation()
  const { instance } = route.useSearch()
  const [{ order, desc }, setOrder] = useState<{ order: Order; desc: boolean }>({ order: 'name', desc: false })
  const signals = useSignals({ service: service.name })
  const instanceSignals = usePartSignals({ by: byInstance, service: service.name })
  const all = rowsOf({
    services: [service],
    signals: undefined,
    instanceSignals,
    search: { order, open: [service.name], ...(desc && { desc: true }) },
  })
  return (
    <Panel
      title={t('mesh.instancesTitle')}
      aside={
        <>
          {t('services.serving', { count: service.instances.length, serving: service.serving })}
          {signals.error !== undefined && (
            <>
              {' · '}
              <NoFigures />
            </>
          )}
        </>
      }
      action={<Scale service={service} />}
    >
      {service.instances.length > 0 ? (
        <MeshTable
          label={t('mesh.instancesTitle')}
          rows={all.filter(({ kind }) => kind === 'instance')}
          signals={undefined}
          opened={instance}
          order={order}
          desc={desc}
          onOrder={(order, desc) => setOrder({ order, desc })}
          onToggle={() => undefined}
        />
      ) : (
        <div className={styles.frame}>
          <Empty title={t('mesh.noInstances')} hint={t('mesh.noInstancesHint')} />
        </div>
      )}
    </Panel>
  )
}

/** What it stands on, as the worst of its instances sees it. */
function Dependencies({ service }: { service: ServiceView }) {
  const { t } = useTranslation()
  const names = [...new Set(service.instances.flatMap(({ instance }) => instance.dependencies.map(({ name }) => name)))]
  if (names.length === 0) return null
  return (
    <dl className={styles.dependencies} aria-label={t('services.dependencies')}>
      {names.sort().map(name => {
        const using = service.instances.flatMap(({ instance }) =>
          instance.dependencies.filter(each => each.name === name),
        )
        const bad = using.filter(({ healthy }) => !healthy)
        return (
          <div key={name}>
            <dt>{properName(name, t)}</dt>
            <dd>
              <StateMark
                name={bad.length === 0 ? 'healthy' : bad.length === using.length ? 'failing' : 'degraded'}
                label={
                  isOwnWork(name)
                    ? t(bad.length === 0 ? 'mesh.inTime' : 'mesh.late')
                    : bad.length === 0
                      ? t('services.answers')
                      : t('services.answersFew', { count: bad.length, total: using.length })
                }
              />
              {bad[0]?.reason && <div className={styles.reason}>{detailText(bad[0].reason, t)}</div>}
            </dd>
          </div>
        )
      })}
    </dl>
  )
}
