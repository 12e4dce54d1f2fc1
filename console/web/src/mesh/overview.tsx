/** The start page: is all well, and if not, what is not and why. */
import { Anchor, Group, Skeleton, Stack, Text, Title } from '@mantine/core'
import type {
  Proxy as EdgeProxy,
  Instance,
  ProxyResourceType,
} from '@site11/proto/es/site11/console/v1/registry_service_pb.ts'
import { useTranslation } from 'react-i18next'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Empty } from '../ui/empty.tsx'
import { Page } from '../ui/page.tsx'
import { ProblemInline } from '../ui/problem.tsx'
import { StateFacts, StateMark } from '../ui/state.tsx'
import { Ago } from '../ui/time.tsx'
import styles from './overview.module.css'
import { dateOf, healthOf, proxyState, registryOf, typeName } from './state.ts'
import { LastSeen, MeshSentence } from './summary.tsx'
import { useMesh } from './use-mesh.ts'

export function Overview() {
  const { t } = useTranslation()
  const { value: mesh, live, seen, error, retry } = useMesh()
  const stale = mesh !== undefined && !live
  if (error && !mesh) {
    return (
      <Page title={t('nav.overview')}>
        <ProblemInline error={error} onRetry={retry} />
      </Page>
    )
  }
  return (
    <Page title={t('nav.overview')} aside={live && <span className={styles.live}>{t('mesh.live')}</span>}>
      {stale && (
        <Group className={styles.banner} justify="space-between" role="alert">
          <Text>{seen && <LastSeen date={seen} />}</Text>
          <Anchor component="button" onClick={retry}>
            {t('common.retry')}
          </Anchor>
        </Group>
      )}
      <Stack gap="xl" className={stale ? styles.stale : ''}>
        {mesh ? <MeshSentence summary={mesh.summary} /> : <Skeleton height={24} maw={560} />}
        <Instances instances={mesh && [...mesh.instances.values()].flatMap(({ instance }) => instance ?? [])} />
        <Proxies proxies={mesh && [...mesh.proxies.values()]} />
      </Stack>
    </Page>
  )
}

function Instances({ instances }: { instances: readonly Instance[] | undefined }) {
  const { t } = useTranslation()
  const columns: Column<Instance>[] = [
    { key: 'instance', header: t('mesh.instance'), width: 180, cell: ({ instance }) => <b>{instance}</b> },
    { key: 'state', header: t('mesh.status'), cell: instance => <InstanceState instance={instance} /> },
    { key: 'service', header: t('mesh.service'), width: 110, cell: ({ service }) => service },
    { key: 'version', header: t('mesh.version'), width: 90, cell: ({ version }) => version },
    {
      key: 'address',
      header: t('mesh.address'),
      width: 160,
      cell: ({ address }) => <span className="mono">{address}</span>,
    },
    {
      key: 'dependencies',
      header: t('mesh.dependencies'),
      width: 200,
      cell: instance => <Dependencies instance={instance} />,
    },
  ]
  return (
    <section>
      <Title order={2} mb="xs">
        {t('mesh.instancesTitle')}
      </Title>
      <DataTable
        label={t('mesh.instancesTitle')}
        columns={columns}
        rows={instances}
        rowKey={({ instance }) => instance}
        empty={<Empty title={t('mesh.noInstances')} hint={t('mesh.noInstancesHint')} />}
      />
    </section>
  )
}

/** When registry and health check differ, both are shown, each by its name. */
function InstanceState({ instance }: { instance: Instance }) {
  const { t } = useTranslation()
  const registry = registryOf(instance)
  if (!registry) return <StateFacts state={healthOf(instance)} />
  return (
    <Stack gap={4}>
      <div>
        <Text size="xs">{t('mesh.registry')}</Text>
        <StateFacts state={registry} />
      </div>
      <div>
        <Text size="xs">{t('mesh.healthCheck')}</Text>
        <StateFacts state={healthOf(instance)} />
      </div>
    </Stack>
  )
}

function Dependencies({ instance: { dependencies } }: { instance: Instance }) {
  const { t } = useTranslation()
  if (dependencies.length === 0) return <Text c="dimmed">{t('mesh.noDependencies')}</Text>
  return dependencies.map(({ name, healthy, reason }) => (
    <div key={name}>
      <StateMark
        name={healthy ? 'healthy' : 'failing'}
        label={t(healthy ? 'mesh.answers' : 'mesh.answersNot', { name })}
      />
      {!healthy && (
        <Text c="dimmed" size="xs">
          {reason}
        </Text>
      )}
    </div>
  ))
}

function Proxies({ proxies }: { proxies: readonly EdgeProxy[] | undefined }) {
  const { t } = useTranslation()
  const columns: Column<EdgeProxy>[] = [
    { key: 'proxy', header: t('mesh.proxy'), width: 180, cell: ({ nodeId }) => <b>{nodeId}</b> },
    { key: 'state', header: t('mesh.status'), cell: proxy => <StateFacts state={proxyState(proxy)} /> },
    {
      key: 'configuration',
      header: t('mesh.configuration'),
      width: 420,
      cell: ({ types }) => (
        <div className={styles.types}>
          {types.map(type => (
            <ResourceType key={type.typeUrl} type={type} />
          ))}
        </div>
      ),
    },
    {
      key: 'connected',
      header: t('mesh.connected'),
      width: 130,
      cell: ({ connectTime }) => connectTime && <Ago date={dateOf(connectTime) ?? new Date(0)} />,
    },
  ]
  return (
    <section>
      <Title order={2} mb="xs">
        {t('mesh.proxiesTitle')}
      </Title>
      <DataTable
        label={t('mesh.proxiesTitle')}
        columns={columns}
        rows={proxies}
        rowKey={({ nodeId }) => nodeId}
        empty={<Empty title={t('mesh.noProxies')} hint={t('mesh.noProxiesHint')} />}
      />
    </section>
  )
}

/** Versions are hashes: their beginnings tell them apart. */
const short = (version: string) => version.slice(0, 8)

/** "Cluster 0030af26 accepted", or what was sent and what was refused. */
function ResourceType({ type: { typeUrl, sentVersion, ackedVersion, nackedVersion } }: { type: ProxyResourceType }) {
  const { t } = useTranslation()
  const current = sentVersion === ackedVersion
  return (
    <span>
      {typeName(typeUrl)}{' '}
      <span className="mono" title={ackedVersion}>
        {short(ackedVersion)}
      </span>{' '}
      <Text span c="dimmed" size="xs">
        {t('mesh.accepted')}
        {!current &&
          ` · ${nackedVersion ? t('mesh.refusedVersion', { version: short(nackedVersion) }) : t('mesh.sent', { version: short(sentVersion) })}`}
      </Text>
    </span>
  )
}
