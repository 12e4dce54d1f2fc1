/** Calls between services: which circuit breakers are open now, and who is passed over. */
import { Text } from '@mantine/core'
import { type CallHealth, CallState } from '@site11/proto/es/site11/console/v1/registry_service_pb.ts'
import { useTranslation } from 'react-i18next'
import { SubjectLink } from '../mesh/links.tsx'
import { dateOf } from '../mesh/state.ts'
import type { Mesh } from '../mesh/use-mesh.ts'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Empty } from '../ui/empty.tsx'
import { StateMark } from '../ui/state.tsx'
import { Since } from '../ui/time.tsx'
import { callsOf } from './breakers.ts'
import { methodName } from './facts.ts'
import styles from './gateway.module.css'

interface Row {
  caller: string
  call: CallHealth
}

function toneOf(state: CallState) {
  if (state === CallState.OPEN) return { name: 'failing', word: 'open' } as const
  if (state === CallState.HALF_OPEN) return { name: 'degraded', word: 'halfOpen' } as const
  return state === CallState.CLOSED
    ? ({ name: 'healthy', word: 'closed' } as const)
    : ({ name: 'unknown', word: 'unknown' } as const)
}

export function Calls({ mesh }: { mesh: Mesh | undefined }) {
  const { t } = useTranslation()
  const rows = mesh && callsOf(mesh)
  const open = rows?.filter(({ call }) => call.state === CallState.OPEN).length
  const columns: Column<Row>[] = [
    {
      key: 'caller',
      header: t('gateway.caller'),
      width: 160,
      cell: ({ caller }) => (
        <SubjectLink subject={`instances/${caller}`} mesh={mesh}>
          {caller}
        </SubjectLink>
      ),
    },
    {
      key: 'callee',
      header: t('gateway.callee'),
      width: 220,
      cell: ({ call: { service, method } }) => (
        <>
          <SubjectLink subject={`services/${service}`}>{service}</SubjectLink>
          {method && <div className="mono">{methodName(method)}</div>}
        </>
      ),
    },
    {
      key: 'state',
      header: t('gateway.breaker'),
      cell: ({ call: { state, since, reason } }) => {
        const date = dateOf(since)
        const { name, word } = toneOf(state)
        return (
          <div>
            <StateMark name={name} label={t(`gateway.breakers.${word}`)} />{' '}
            {date && (
              <Text span size="xs" c="dimmed">
                <Since date={date} />
              </Text>
            )}
            {reason && <div className={styles.reason}>{reason}</div>}
          </div>
        )
      },
    },
    {
      key: 'failed',
      header: t('gateway.failed'),
      width: 150,
      cell: ({ call: { calls, failures } }) => `${failures} / ${calls}`,
    },
    {
      key: 'ejected',
      header: t('gateway.ejected'),
      width: 180,
      cell: ({ call: { ejected } }) =>
        ejected.length > 0 ? (
          <span className="mono">{ejected.join(', ')}</span>
        ) : (
          <Text size="sm" c="dimmed">
            {t('gateway.nobody')}
          </Text>
        ),
    },
  ]
  return (
    <div className={styles.page}>
      {open !== undefined && (
        <Text role="status">{open === 0 ? t('gateway.openNone') : t('gateway.openNow', { count: open })}</Text>
      )}
      <DataTable
        label={t('gateway.tabs.calls')}
        columns={columns}
        rows={rows}
        rowKey={({ caller, call }) => `${caller} ${call.service} ${call.method}`}
        empty={<Empty title={t('gateway.noCalls')} hint={t('gateway.noCallsHint')} />}
      />
    </div>
  )
}
