/** The start page: is all well, and if not, what is not, why and what to do; how services fare; what they contribute; what changed lately. */
import { useQuery } from '@connectrpc/connect-query'
import { Skeleton, Title } from '@mantine/core'
import { DiagnosticsService } from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import { Link } from '@tanstack/react-router'
import { lazy, Suspense, useEffect, useMemo, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { useSession } from '../api/use-session.ts'
import { withWords } from '../i18n/index.ts'
import { Dots } from '../mesh/dots.tsx'
import { LiveMark, LiveView } from '../mesh/live-view.tsx'
import { type ServiceView, servicesOf } from '../mesh/services.ts'
import type { StateName } from '../mesh/state.ts'
import { type Mesh, useMesh } from '../mesh/use-mesh.ts'
import { Errors, NoFigures, P95, Rate, Sparkline } from '../signals/figures.tsx'
import { figuresOf, type Signals } from '../signals/signals.ts'
import { useSignals } from '../signals/use-signals.ts'
import { Boundary } from '../ui/boundary.tsx'
import { Empty } from '../ui/empty.tsx'
import { Panel } from '../ui/panel.tsx'
import { StateDot, StateMark } from '../ui/state.tsx'
import { Since, useNow } from '../ui/time.tsx'
import { useWhy } from '../ui/use-why.ts'
import { detailText, isOwnWork, properName } from '../ui/why.ts'
import { Changes } from './changes.tsx'
import { Findings } from './findings.tsx'
import { FirstSteps } from './first-steps.tsx'
import styles from './overview.module.css'
import { statementOf } from './sentence.ts'
import widgetStyles from './widgets.module.css'
import type { WidgetsProps } from './widgets.tsx'

const Widgets = lazy(async () => ({ default: (await withWords(import('./widgets.tsx'), 'widgets')).Widgets }))

export function Overview() {
  const { t } = useTranslation()
  return (
    <div className={styles.page}>
      <title>{`${t('nav.overview')} · site11`}</title>
      <LiveView>{mesh => <Parts mesh={mesh} />}</LiveView>
    </div>
  )
}

function Parts({ mesh }: { mesh: Mesh | undefined }) {
  const services = useMemo(() => mesh && servicesOf(mesh.instances.values(), mesh.health), [mesh])
  const { isKnown, widgets, refetch } = useWidgets()
  return (
    <div className={styles.parts}>
      <Sentence mesh={mesh} services={services} />
      <Findings mesh={mesh} />
      <Services services={services} />
      {/* Nothing is drawn below what will grow: it would be pushed away from under the eye. */}
      {mesh && (
        <>
          <Dependencies mesh={mesh} />
          {isKnown && (
            <>
              {widgets && widgets.length > 0 && <Contributed widgets={widgets} refetch={refetch} />}
              <div className={styles.columns}>
                <Changes />
                <FirstSteps services={services?.length} />
              </div>
            </>
          )}
        </>
      )}
    </div>
  )
}

/** What widgets there are is known with the mesh; what they show comes later, into places that are there then. */
function useWidgets() {
  // What Statistics answers is not for everybody. Its contract comes with the widgets.
  const enabled = useSession()?.scopes.includes('statistics:read') === true
  const { data, failureCount, refetch } = useQuery(
    DiagnosticsService.method.listWidgets,
    {},
    { enabled, staleTime: 30_000 },
  )
  return { isKnown: !enabled || data !== undefined || failureCount > 0, widgets: data?.widgets, refetch }
}

function Contributed(props: WidgetsProps) {
  const { t } = useTranslation()
  const places = (
    <Panel title={t('overview.widgets')}>
      <ul className={widgetStyles.widgets} aria-hidden="true" aria-busy="true">
        {props.widgets.map(({ service, widget }) => (
          <li key={`${service} ${widget?.title}`} data-grouped={widget?.groupBy !== ''}>
            <Skeleton height="1lh" width="60%" />
          </li>
        ))}
      </ul>
    </Panel>
  )
  return (
    <Boundary>
      <Suspense fallback={places}>
        <Widgets {...props} />
      </Suspense>
    </Boundary>
  )
}

function Sentence({ mesh, services }: { mesh: Mesh | undefined; services: ServiceView[] | undefined }) {
  const { t, i18n } = useTranslation()
  const { live } = useMesh()
  const now = useNow(new Date(0))
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    if (document.activeElement !== document.body) heading.current?.focus({ preventScroll: true })
  }, [])
  const statement =
    mesh && services && statementOf(services, [...mesh.proxies.values()], { t, language: i18n.language, now })
  return (
    <div className={styles.sentence}>
      <Title order={1} ref={heading} tabIndex={-1} className={styles.statement}>
        {statement ? (
          <span className={styles.said}>
            <StateDot name={statement.name} label={t(`state.${statement.name}`)} />
            {statement.text}
          </span>
        ) : (
          <>
            <span className={styles.unseen}>{t('nav.overview')}</span>
            <Skeleton height="1.3em" width="min(320px, 100%)" />
          </>
        )}
      </Title>
      <p className={styles.counts}>
        {mesh && (
          <>
            <LiveMark live={live} />
            <span>
              {t('overview.counts', {
                instances: t('mesh.instances', { count: mesh.summary.instances }),
                proxies: t('mesh.proxies', { count: mesh.summary.proxies }),
              })}
            </span>
          </>
        )}
      </p>
    </div>
  )
}

function Services({ services }: { services: readonly ServiceView[] | undefined }) {
  const { t } = useTranslation()
  const { value: signals, error } = useSignals()
  return (
    <Panel
      title={t('services.title')}
      aside={error !== undefined && <NoFigures />}
      action={<Link to="/services">{t('overview.allServices')}</Link>}
    >
      {services ? (
        services.length > 0 ? (
          <ul className={styles.services}>
            {services.map(service => (
              <Row key={service.name} service={service} signals={signals} />
            ))}
          </ul>
        ) : (
          <div className={styles.frame}>
            <Empty title={t('mesh.noInstances')} hint={t('mesh.noInstancesHint')} />
          </div>
        )
      ) : (
        <Skeleton height={132} />
      )}
    </Panel>
  )
}

function Row({ service, signals }: { service: ServiceView; signals: Signals | undefined }) {
  const { t } = useTranslation()
  const { name, state, versions, instances } = service
  const why = useWhy(state.why)
  const figures = signals && figuresOf(signals, name)
  const points = signals?.series.get(name)
  return (
    <li>
      <div className={styles.who}>
        <Link to="/services/$service" params={{ service: name }} className={styles.name}>
          {name}
        </Link>
        <span className={`mono ${styles.version}`}>{versions.join(', ')}</span>
      </div>
      <div className={styles.state}>
        <StateMark name={state.name} />
        <Dots instances={instances} />
        {state.since && (
          <span className={styles.dim}>
            <Since date={state.since} />
          </span>
        )}
        {why && <span className={styles.why}>{why}</span>}
      </div>
      <dl className={styles.figures}>
        <div>
          <dt>{t('services.column.rate')}</dt>
          <dd>
            <Rate figures={figures} />
          </dd>
        </div>
        <div>
          <dt>{t('services.column.errors')}</dt>
          <dd>
            <Errors figures={figures} />
          </dd>
        </div>
        <div>
          <dt>{t('services.column.p95')}</dt>
          <dd>
            <P95 figures={figures} />
          </dd>
        </div>
      </dl>
      <div className={styles.spark}>{signals && <Sparkline points={points ?? []} signals={signals} />}</div>
    </li>
  )
}

const statuses: Record<number, StateName> = { 1: 'healthy', 2: 'degraded', 3: 'failing' }

function Dependencies({ mesh: { health } }: { mesh: Mesh }) {
  const { t } = useTranslation()
  if (!health || health.dependencies.length === 0) return null
  return (
    <Panel title={t('overview.standsOn')}>
      <ul className={styles.dependencies}>
        {health.dependencies.map(({ name, status, reason, neededBy }) => (
          <li key={name}>
            <b>{properName(name, t)}</b>
            <StateMark name={statuses[status] ?? 'unknown'} />
            <span className={styles.dim}>
              {detailText(reason, t) ||
                t(isOwnWork(name) ? 'mesh.workOf' : 'overview.usedBy', { names: neededBy.join(', ') })}
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  )
}
