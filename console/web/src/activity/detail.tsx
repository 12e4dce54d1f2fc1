/** One change, whole: before and after, why, for how long it had been otherwise, and its place in the chain. */
import { useQuery } from '@connectrpc/connect-query'
import { Skeleton, Stack, Text } from '@mantine/core'
import {
  type Change,
  DiagnosticsService,
  type FieldChange,
} from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import { getRouteApi } from '@tanstack/react-router'
import { useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import { SubjectLink } from '../mesh/links.tsx'
import { dateOf } from '../mesh/state.ts'
import { useActorNames } from '../ui/actor.ts'
import { Id } from '../ui/copy.tsx'
import { Empty } from '../ui/empty.tsx'
import { absolute, duration } from '../ui/format.ts'
import { ProblemInline } from '../ui/problem.tsx'
import records from '../ui/record-rows.module.css'
import { SideDrawer } from '../ui/side-drawer.tsx'
import styles from './activity.module.css'
import { actorText } from './list.tsx'
import { actionName } from './words.ts'

const route = getRouteApi('/app/activity')

export function ChangeDrawer({ id }: { id: number }) {
  const { t } = useTranslation()
  const navigate = route.useNavigate()
  const request = { filter: `id = ${id}`, pageSize: 1 }
  const { data, error, refetch } = useQuery(DiagnosticsService.method.listChanges, request, {
    staleTime: Number.POSITIVE_INFINITY,
  })
  const close = () => void navigate({ search: ({ change: _, ...rest }) => rest, resetScroll: false })
  useEffect(() => {
    const row = document.activeElement
    // Its address is one of the list's own: the focus returns to the row when it closes.
    return () => void setTimeout(() => row instanceof HTMLElement && row.isConnected && row.focus(), 0)
  }, [])
  const [change] = data?.changes ?? []
  return (
    <SideDrawer opened onClose={close} title={t('activity.change', { id: String(id) })}>
      {error && !data && <ProblemInline error={error} onRetry={refetch} />}
      {!data && !error && <Skeleton height={160} />}
      {data && !change && <Empty title={t('activity.noChange')} hint={t('activity.noChangeHint')} />}
      {change && <Details change={change} />}
    </SideDrawer>
  )
}

function Details({ change }: { change: Change }) {
  const { t, i18n } = useTranslation()
  const { time, actor, action, subject, fields, reason, duration: lasted, hash } = change
  const names = useActorNames([actor])
  const date = dateOf(time)
  const lastedMs = lasted && Number(lasted.seconds) * 1000 + lasted.nanos / 1e6
  return (
    <Stack gap="md">
      <dl className={records.facts}>
        <dt>{t('activity.what')}</dt>
        <dd>
          {actionName(action, t)} <span className="mono">{action}</span>
        </dd>
        <dt>{t('activity.subject')}</dt>
        <dd>
          <SubjectLink subject={subject}>{subject}</SubjectLink>
        </dd>
        <dt>{t('activity.who')}</dt>
        <dd>
          <SubjectLink subject={actor}>{names.get(actor) ?? actorText(actor)}</SubjectLink>
          {actor.startsWith('users/') && (
            <>
              {' '}
              <Id value={actor.slice('users/'.length)} />
            </>
          )}
        </dd>
        <dt>{t('activity.when')}</dt>
        <dd>{date && absolute(date, i18n.language)}</dd>
        {reason && (
          <>
            <dt>{t('activity.why')}</dt>
            <dd>{reason}</dd>
          </>
        )}
        {lastedMs !== undefined && (
          <>
            <dt>{t('activity.lasted')}</dt>
            <dd>{duration(lastedMs, i18n.language)}</dd>
          </>
        )}
        <dt>{t('activity.hash')}</dt>
        <dd>
          <Id value={hash} />
        </dd>
      </dl>
      {fields.length > 0 ? <BeforeAfter fields={fields} /> : <Text c="dimmed">{t('activity.noFields')}</Text>}
    </Stack>
  )
}

function BeforeAfter({ fields }: { fields: readonly FieldChange[] }) {
  const { t } = useTranslation()
  return (
    <table className={styles.fields}>
      <thead>
        <tr>
          <th scope="col">{t('activity.field')}</th>
          <th scope="col">{t('activity.before')}</th>
          <th scope="col">{t('activity.after')}</th>
        </tr>
      </thead>
      <tbody>
        {fields.map(({ field, before, after }) => (
          <tr key={field}>
            <th scope="row">{field}</th>
            <td>
              {before === undefined ? (
                <span className={styles.absent}>{t('activity.absent')}</span>
              ) : (
                <del>{before}</del>
              )}
            </td>
            <td>
              {after === undefined ? <span className={styles.absent}>{t('activity.absent')}</span> : <ins>{after}</ins>}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
