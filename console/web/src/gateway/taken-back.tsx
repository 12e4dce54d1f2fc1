/** Contracts that a proxy refused and the Console took back: what they came with, why, and what is in force instead. */
import { useQuery } from '@connectrpc/connect-query'
import { Text, Title } from '@mantine/core'
import { DiagnosticsService, type ServiceContract } from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { SubjectLink } from '../mesh/links.tsx'
import { dateOf } from '../mesh/state.ts'
import { useAsJournalGrows } from '../mesh/use-as-journal-grows.ts'
import { StateMark } from '../ui/state.tsx'
import { Ago } from '../ui/time.tsx'
import { EnvoySaid } from './envoy-said.tsx'
import styles from './gateway.module.css'

const { listChanges, listRoutes } = DiagnosticsService.method

export function TakenBack({ lastChange }: { lastChange: bigint | undefined }) {
  const { data, refetch } = useQuery(listRoutes, {}, { staleTime: 0, enabled: lastChange !== undefined })
  useAsJournalGrows(refetch, lastChange)
  const refused = data?.contracts.filter(
    ({ newestHash, refusedHash }) => refusedHash !== '' && refusedHash === newestHash,
  )
  return refused?.map(contract => <Contract key={contract.service} contract={contract} lastChange={lastChange} />)
}

function Contract({
  contract: { service, contractHash, refusedHash, refusedReason },
  lastChange,
}: {
  contract: ServiceContract
  lastChange: bigint | undefined
}) {
  const { t } = useTranslation()
  // The change that brought it, and the one that took it back.
  const filter = `subject = "services/${service}" AND action = "service.contract*"`
  const { data, refetch } = useQuery(listChanges, { filter, pageSize: 20 }, { staleTime: 0 })
  useAsJournalGrows(refetch, lastChange)
  const verdict = data?.changes.find(({ action }) => action === 'service.contract_refused')
  const cause = data?.changes.find(({ fields }) =>
    fields.some(({ field, after }) => field === 'contractHash' && after === refusedHash),
  )
  const time = dateOf(verdict?.time)
  return (
    <section className={styles.alert} role="alert" aria-label={t('gateway.takenBack', { service })}>
      <div className={styles.line}>
        <StateMark name="failing" label="NACK" />
        <Title order={2} size="h4">
          {t('gateway.takenBack', { service })}
        </Title>
        {time && (
          <Text size="sm" c="dimmed">
            <Ago date={time} />
          </Text>
        )}
      </div>
      <dl className={styles.facts}>
        <dt>{t('gateway.why')}</dt>
        <dd>
          <EnvoySaid text={refusedReason} />
        </dd>
        <dt>{t('gateway.cause')}</dt>
        <dd>
          {cause ? (
            <>
              <Link to="/activity" search={{ change: Number(cause.id) }}>
                #{String(cause.id)}
              </Link>{' '}
              {t('gateway.contractBy')} <SubjectLink subject={cause.actor}>{cause.actor}</SubjectLink>,{' '}
              <span className="mono" title={refusedHash}>
                {refusedHash.slice(0, 12)}
              </span>
            </>
          ) : (
            <span className="mono" title={refusedHash}>
              {refusedHash.slice(0, 12)}
            </span>
          )}
        </dd>
        <dt>{t('gateway.inForce')}</dt>
        <dd>
          {contractHash ? (
            <span className="mono" title={contractHash}>
              {contractHash.slice(0, 12)}
            </span>
          ) : (
            t('gateway.noneInForce')
          )}
        </dd>
        <dt>{t('gateway.todo')}</dt>
        <dd>{t('gateway.mendContract')}</dd>
      </dl>
    </section>
  )
}
