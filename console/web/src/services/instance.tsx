/** Everything about one instance: what is believed of it, how it fares, what it says, and what can be done with it. */
import { useQuery } from '@connectrpc/connect-query'
import { Button, Skeleton, Tabs, Title } from '@mantine/core'
import { DiagnosticsService } from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import { OperationsService } from '@site11/proto/es/site11/console/v1/operations_service_pb.ts'
import { type Instance, RegistryService } from '@site11/proto/es/site11/console/v1/registry_service_pb.ts'
import { Dimension } from '@site11/proto/es/site11/statistics/v1/statistics_service_pb.ts'
import { Link } from '@tanstack/react-router'
import { lazy, type ReactNode, Suspense, useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { mayCall } from '../api/policy.ts'
import { useSession } from '../api/use-session.ts'
import { consoleService, type InstanceView as View, viewOf } from '../mesh/services.ts'
import { dateOf } from '../mesh/state.ts'
import { useMesh } from '../mesh/use-mesh.ts'
import { Errors, NoFigures, P95, Rate } from '../signals/figures.tsx'
import { figuresOf } from '../signals/signals.ts'
import { usePartSignals, useSignals } from '../signals/use-signals.ts'
import { Id } from '../ui/copy.tsx'
import { Empty } from '../ui/empty.tsx'
import { moment } from '../ui/format.ts'
import { StateFacts } from '../ui/state.tsx'
import { Ago, Moment } from '../ui/time.tsx'
import { ActionProgress } from './action-progress.tsx'
import { drain, foreseen, remove, restart, resume, useProgress } from './actions.ts'
import { Beliefs } from './beliefs-view.tsx'
import { Calls, Dependencies } from './calls.tsx'
import styles from './instance.module.css'
import { RemoveInstance } from './remove-instance.tsx'
import { type InstanceTab, instanceTabs } from './search.ts'
import { Timeline } from './timeline.tsx'

const Logs = lazy(async () => ({ default: (await import('./logs.tsx')).Logs }))
const Settings = lazy(async () => ({ default: (await import('./settings.tsx')).Settings }))
const byInstance = [Dimension.SERVICE, Dimension.INSTANCE]

interface InstanceViewProps {
  name: string
  tab: InstanceTab
  onTab: (tab: InstanceTab) => void
  /** It was removed, or never was. */
  onGone: () => void
  heading: 1 | 2
}

export function InstanceView({ name, tab, onTab, onGone, heading }: InstanceViewProps) {
  const { t } = useTranslation()
  const { value: mesh } = useMesh()
  const beliefs = mesh?.instances.get(name)
  // An instance that has gone is shown as it was last, and says so.
  const [last, setLast] = useState(beliefs)
  useEffect(() => {
    if (beliefs) setLast(beliefs)
  }, [beliefs])
  const [view] = beliefs ? viewOf(beliefs) : last ? viewOf(last) : []
  if (!mesh) return <Skeleton height={280} />
  const gone = beliefs === undefined
  return (
    <div className={styles.instance}>
      <Head name={name} view={view} gone={gone} heading={heading} onGone={onGone} />
      <Tabs
        value={tab}
        onChange={value => onTab(instanceTabs.find(each => each === value) ?? 'state')}
        keepMounted={false}
      >
        <Tabs.List>
          {instanceTabs.map(each => (
            <Tabs.Tab key={each} value={each}>
              {t(`services.tab.${each}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="state" pt="md">
          {view ? (
            <State view={view} heading={heading} />
          ) : (
            <Empty title={t('services.noInstance', { name })} hint={t('services.noInstanceHint')} />
          )}
        </Tabs.Panel>
        <Tabs.Panel value="journal" pt="md">
          <Timeline subject={`instances/${name}`} />
        </Tabs.Panel>
        <Tabs.Panel value="logs" pt="md">
          <Suspense fallback={<Skeleton height={320} />}>
            <Logs process={name} />
          </Suspense>
        </Tabs.Panel>
        <Tabs.Panel value="settings" pt="md">
          <Suspense fallback={<Skeleton height={320} />}>
            <Settings process={name} />
          </Suspense>
        </Tabs.Panel>
      </Tabs>
    </div>
  )
}

interface HeadProps {
  name: string
  view: View | undefined
  gone: boolean
  heading: 1 | 2
  onGone: () => void
}

function Head({ name, view, gone, heading, onGone }: HeadProps) {
  const { t } = useTranslation()
  const title = useRef<HTMLHeadingElement>(null)
  const doing = useProgress(`instances/${name}`)
  const [removing, setRemoving] = useState(false)
  const session = useSession()
  useEffect(() => {
    if (heading === 1 && document.activeElement !== document.body) title.current?.focus({ preventScroll: true })
  }, [heading])
  const busy = doing?.phase === 'sending'
  const drained = view?.instance.drainedBy !== '' && view !== undefined
  const own = view?.instance.service === consoleService
  const may = mayCall(session, RegistryService.method.drainInstance)
  return (
    <div className={styles.head}>
      <div>
        <Title order={heading} ref={title} tabIndex={-1} className={styles.title}>
          {name}
        </Title>
        {view && (
          <div className={styles.below}>
            <Link to="/services/$service" params={{ service: view.instance.service }}>
              {view.instance.service}
            </Link>
            <span className="mono">{view.instance.version}</span>
          </div>
        )}
      </div>
      {view && (
        <StateFacts
          state={
            gone ? { name: 'unknown', since: undefined, why: { key: 'notRegistered' } } : foreseen(view, doing).state
          }
        />
      )}
      {may && view && !gone && (
        <div className={styles.actions}>
          {!own &&
            (drained ? (
              <Button
                variant="default"
                loading={busy && doing.verb === 'resume'}
                disabled={busy}
                onClick={() => void resume(name)}
              >
                {t('services.action.resume', { name })}
              </Button>
            ) : (
              <Button
                variant="default"
                loading={busy && doing.verb === 'drain'}
                disabled={busy}
                onClick={() => void drain(name)}
              >
                {t('services.action.drain', { name })}
              </Button>
            ))}
          {mayCall(session, OperationsService.method.restartInstance) && (
            <Button
              variant="default"
              loading={busy && doing.verb === 'restart'}
              disabled={busy}
              onClick={() => void restart(name)}
            >
              {t('services.action.restart', { name })}
            </Button>
          )}
          {!own && (
            <Button variant="default" disabled={busy} onClick={() => setRemoving(true)} className={styles.grave}>
              {t('services.action.remove', { name })}
            </Button>
          )}
        </div>
      )}
      <ActionProgress subject={`instances/${name}`} name={name} />
      {view && (
        <RemoveInstance
          view={view}
          opened={removing}
          onClose={() => setRemoving(false)}
          onRemove={async () => {
            setRemoving(false)
            if (await remove(name)) onGone()
          }}
        />
      )}
    </div>
  )
}

function State({ view, heading }: { view: View; heading: 1 | 2 }) {
  const { t } = useTranslation()
  const Part = heading === 1 ? PagePart : DrawerPart
  return (
    <div className={styles.parts}>
      <Beliefs view={view} heading={heading} />
      <Part title={t('services.signals')}>
        <Signals view={view} />
      </Part>
      <Part title={t('services.dependencies')}>
        <Dependencies dependencies={view.instance.dependencies} />
      </Part>
      <Part title={t('services.calls')}>
        <Calls calls={view.instance.calls} />
      </Part>
      <Part title={t('services.facts')}>
        <Facts instance={view.instance} />
      </Part>
    </div>
  )
}

interface PartProps {
  title: string
  children: ReactNode
}

const PagePart = ({ title, children }: PartProps) => (
  <section className={styles.part}>
    <h2>{title}</h2>
    {children}
  </section>
)

const DrawerPart = ({ title, children }: PartProps) => (
  <section className={styles.part}>
    <h3>{title}</h3>
    {children}
  </section>
)

function Signals({ view: { instance, name } }: { view: View }) {
  const { t } = useTranslation()
  const { error } = useSignals()
  const value = usePartSignals({ by: byInstance, service: instance.service })
  if (!value) return error ? <NoFigures /> : <Skeleton height={20} width={240} />
  const figures = figuresOf(value, `${instance.service} ${name}`)
  return (
    <dl className={styles.figures}>
      <dt>{t('services.column.rate')}</dt>
      <dd>
        <Rate figures={figures} />
      </dd>
      <dt>{t('services.column.errors')}</dt>
      <dd>
        <Errors figures={figures} />
      </dd>
      <dt>{t('services.column.p95')}</dt>
      <dd>
        <P95 figures={figures} />
      </dd>
    </dl>
  )
}

/** @returns until when the certificate is valid that the Console has issued last to an instance. */
function useCertificate({ service, instance }: Instance): Date | undefined {
  const { data } = useQuery(DiagnosticsService.method.listSecrets, {}, { staleTime: 60_000 })
  const holder = `spiffe://site11/service/${service}/${instance}`
  return dateOf(data?.certificates.find(each => each.holder === holder)?.expireTime)
}

function Facts({ instance }: { instance: Instance }) {
  const { t, i18n } = useTranslation()
  const certificate = useCertificate(instance)
  const offset = instance.clockOffset
  const offsetMs = offset ? Number(offset.seconds) * 1000 + offset.nanos / 1e6 : 0
  const start = dateOf(instance.startTime)
  const registered = dateOf(instance.registerTime)
  const seconds = new Intl.NumberFormat(i18n.language, { maximumFractionDigits: 1 }).format(Math.abs(offsetMs) / 1000)
  const clock =
    Math.abs(offsetMs) < 1000
      ? t('services.fact.clockRight')
      : t(offsetMs > 0 ? 'services.fact.clockAhead' : 'services.fact.clockBehind', { seconds })
  return (
    <dl className={styles.facts}>
      <Fact name={t('services.fact.address')}>
        <span className="mono">{instance.address}</span>
      </Fact>
      <Fact name={t('services.fact.zone')}>{instance.zone || t('services.fact.noZone')}</Fact>
      <Fact name={t('services.fact.apiVersion')}>
        <span className="mono">{instance.apiVersion}</span>
      </Fact>
      <Fact name={t('services.fact.started')}>{start && <Moment date={start} />}</Fact>
      <Fact name={t('services.fact.registered')}>{registered && <Ago date={registered} />}</Fact>
      <Fact name={t('services.fact.healthChanges')}>
        {new Intl.NumberFormat(i18n.language).format(instance.healthChanges)}
      </Fact>
      <Fact name={t('services.fact.clock')}>{clock}</Fact>
      {certificate && (
        <Fact name={t('services.fact.certificate')}>
          {t('services.fact.certificateUntil', { time: moment(certificate, i18n.language) })}
        </Fact>
      )}
      <Fact name={t('services.fact.contract')}>
        <Id value={instance.contractHash} />
      </Fact>
    </dl>
  )
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}
