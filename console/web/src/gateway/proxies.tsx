/** What each proxy was sent, has accepted and has refused, by resource type; and the refusals of late. */
import { useQuery } from '@connectrpc/connect-query'
import { Skeleton, Text, Title } from '@mantine/core'
import { DiagnosticsService } from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import {
  DiscoveryVariant,
  type Proxy as EdgeProxy,
  type ProxyResourceType,
} from '@site11/proto/es/site11/console/v1/registry_service_pb.ts'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { dateOf, proxyState, typeName } from '../mesh/state.ts'
import { useAsJournalGrows } from '../mesh/use-as-journal-grows.ts'
import type { Mesh } from '../mesh/use-mesh.ts'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Empty } from '../ui/empty.tsx'
import { StateFacts, StateMark } from '../ui/state.tsx'
import { Ago } from '../ui/time.tsx'
import { EnvoySaid } from './envoy-said.tsx'
import styles from './gateway.module.css'

export function Proxies({ mesh }: { mesh: Mesh | undefined }) {
  const { t } = useTranslation()
  if (!mesh) return <Skeleton height={240} radius={8} />
  const proxies = [...mesh.proxies.values()]
  return (
    <div className={styles.page}>
      {proxies.length === 0 && <Empty title={t('gateway.noProxies')} hint={t('gateway.noProxiesHint')} />}
      {proxies.map(proxy => (
        <ProxyPanel key={proxy.nodeId} proxy={proxy} lastChange={mesh.lastChange} />
      ))}
      <Refusals lastChange={mesh.lastChange} />
    </div>
  )
}

function ProxyPanel({ proxy, lastChange }: { proxy: EdgeProxy; lastChange: bigint }) {
  const { t } = useTranslation()
  const { nodeId, client, variant, connectTime, takenChange, types } = proxy
  const connected = dateOf(connectTime)
  return (
    <section aria-label={nodeId}>
      <div className={styles.head}>
        <Title order={2}>{nodeId}</Title>
        <StateFacts state={proxyState(proxy)} />
        <Text size="sm" c="dimmed" className={styles.meta}>
          {client} · {t(variant === DiscoveryVariant.DELTA ? 'gateway.delta' : 'gateway.sotw')}
          {connected && (
            <>
              {' · '}
              {t('gateway.connected')} <Ago date={connected} />
            </>
          )}
          {' · '}
          {t('gateway.taken', { taken: String(takenChange), last: String(lastChange) })}
        </Text>
      </div>
      <DataTable
        label={t('gateway.versionsOf', { name: nodeId })}
        columns={useTypeColumns()}
        rows={types}
        rowKey={({ typeUrl }) => typeUrl}
        empty={<Empty title={t('gateway.nothingSent')} />}
      />
    </section>
  )
}

/** Versions are hashes: their beginnings tell them apart. */
const Version = ({ value }: { value: string }) => (
  <span className="mono" title={value}>
    {value.slice(0, 12) || '–'}
  </span>
)

function useTypeColumns(): Column<ProxyResourceType>[] {
  const { t } = useTranslation()
  return [
    {
      key: 'type',
      header: t('gateway.resources'),
      width: 200,
      cell: ({ typeUrl }) => <b title={typeUrl}>{typeName(typeUrl)}</b>,
    },
    {
      key: 'answer',
      header: t('gateway.answer'),
      cell: type => <Answer type={type} />,
    },
    {
      key: 'sent',
      header: t('gateway.sentVersion'),
      width: 140,
      cell: ({ sentVersion }) => <Version value={sentVersion} />,
    },
    {
      key: 'acked',
      header: t('gateway.ackedVersion'),
      width: 140,
      cell: ({ ackedVersion }) => <Version value={ackedVersion} />,
    },
    {
      key: 'time',
      header: t('gateway.ackedTime'),
      width: 130,
      cell: ({ ackedTime }) => {
        const date = dateOf(ackedTime)
        return date && <Ago date={date} />
      },
    },
  ]
}

/** ACK, or NACK with what was refused, why, and the changes it came from, or that an answer is awaited. */
function Answer({ type }: { type: ProxyResourceType }) {
  const { t } = useTranslation()
  const { sentVersion, ackedVersion, nackedVersion, nackReason, nackedResources, nackChanges, nackedTime } = type
  const refused = dateOf(nackedTime)
  if (nackedVersion !== '')
    return (
      <div>
        <StateMark name="failing" label="NACK" /> {refused && <Ago date={refused} />} <Version value={nackedVersion} />
        <EnvoySaid text={nackReason} />
        <div className={styles.file}>
          {t('gateway.resources')} {nackedResources.join(', ')}
        </div>
        {nackChanges.length > 0 && (
          <div className={styles.file}>
            {t('gateway.cause')} <Changes ids={nackChanges} />
          </div>
        )}
      </div>
    )
  if (sentVersion !== ackedVersion) return <StateMark name="starting" label={t('gateway.awaited')} />
  return <StateMark name="healthy" label="ACK" />
}

const mostIds = 5

/** Links to changes of the journal. */
function Changes({ ids }: { ids: readonly bigint[] }) {
  const shown = ids.slice(-mostIds)
  return (
    <>
      {shown.length < ids.length && '… '}
      {shown.map((id, place) => (
        <span key={String(id)}>
          {place > 0 && ', '}
          <Link to="/activity" search={{ change: Number(id) }}>
            #{String(id)}
          </Link>
        </span>
      ))}
    </>
  )
}

/** A refusal that was mended stands nowhere but in the journal. */
function Refusals({ lastChange }: { lastChange: bigint }) {
  const { t } = useTranslation()
  const { data, refetch } = useQuery(
    DiagnosticsService.method.listChanges,
    { filter: 'action = "proxy.refused"', pageSize: 5 },
    { staleTime: 0 },
  )
  useAsJournalGrows(refetch, lastChange)
  if (!data || data.changes.length === 0) return null
  return (
    <section>
      <Title order={2} mb="xs">
        {t('gateway.refusals')}
      </Title>
      <ul className={styles.refusals}>
        {data.changes.map(({ id, time, subject, reason }) => {
          const date = dateOf(time)
          return (
            <li key={String(id)}>
              <div className={styles.line}>
                <StateMark name="failing" label="NACK" />
                <b>{subject.slice(subject.indexOf('/') + 1)}</b>
                {date && <Ago date={date} />}
                <Link to="/activity" search={{ change: Number(id) }}>
                  #{String(id)}
                </Link>
              </div>
              <EnvoySaid text={reason} />
            </li>
          )
        })}
      </ul>
    </section>
  )
}
