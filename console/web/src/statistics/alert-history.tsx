/** How alerts went from state to state, and what was sent of it. */
import { skipToken, useInfiniteQuery, useQuery } from '@connectrpc/connect-query'
import { Button } from '@mantine/core'
import {
  type AlertChange,
  type AlertDelivery,
  AlertsService,
} from '@site11/proto/es/site11/statistics/v1/alerts_service_pb.ts'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { mayCall } from '../api/policy.ts'
import { useSession } from '../api/use-session.ts'
import { dateOf } from '../mesh/state.ts'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Empty } from '../ui/empty.tsx'
import { ProblemInline } from '../ui/problem.tsx'
import { StateMark } from '../ui/state.tsx'
import { Ago } from '../ui/time.tsx'
import { GroupOf } from './alert-group.tsx'
import { deliveryMark, markOf, wordOf } from './alert-state.ts'
import { ruleTitle } from './built-in.ts'
import styles from './statistics.module.css'

const { listAlertChanges, listAlertDeliveries, listAlertWebhooks } = AlertsService.method
const everyMs = 10_000

/** @param rule only of this one. */
export function AlertHistory({ rule }: { rule?: string }) {
  const { t } = useTranslation()
  const { data, error, refetch, fetchNextPage, hasNextPage } = useInfiniteQuery(
    listAlertChanges,
    { pageSize: 50, pageToken: '', filter: rule ? `rule = "${rule}"` : '' },
    {
      pageParamKey: 'pageToken',
      getNextPageParam: page => page.nextPageToken || undefined,
      refetchInterval: everyMs,
    },
  )
  if (error && !data) return <ProblemInline error={error} onRetry={refetch} />
  const columns: Column<AlertChange>[] = [
    {
      key: 'what',
      header: t('statistics.alert.happened'),
      cell: ({ title, summary, labels, rule: id }) => (
        <>
          {!rule && (
            <Link to="/statistics" search={{ tab: 'alerts', id }} data-row>
              {ruleTitle(id, title, t)}
            </Link>
          )}{' '}
          <GroupOf labels={labels} />
          <div className={rule ? '' : styles.hint} lang="en">
            {summary}
          </div>
        </>
      ),
    },
    {
      key: 'to',
      header: t('statistics.alert.state'),
      width: 170,
      cell: ({ from, to, severity, silence }) => (
        <>
          <StateMark name={markOf(to, severity)} label={t(`statistics.alert.states.${wordOf(to)}`)} />
          <div className={styles.hint}>
            {t('statistics.alert.was', { state: t(`statistics.alert.states.${wordOf(from)}`) })}
            {silence && ` · ${t('statistics.alert.silenced')}`}
          </div>
        </>
      ),
    },
    { key: 'time', header: t('statistics.alert.time'), width: 140, cell: ({ time }) => <When time={dateOf(time)} /> },
  ]
  return (
    <>
      <DataTable
        label={t('statistics.alert.parts.history')}
        columns={columns}
        rows={data?.pages.flatMap(({ alertChanges }) => alertChanges)}
        rowKey={({ id }) => id}
        empty={<Empty title={t('statistics.alert.noHistory')} hint={t('statistics.alert.noHistoryHint')} />}
      />
      {hasNextPage && (
        <Button variant="default" onClick={() => void fetchNextPage()}>
          {t('common.more')}
        </Button>
      )}
    </>
  )
}

const When = ({ time }: { time: Date | undefined }) => (time ? <Ago date={time} /> : '–')

export function Deliveries() {
  const { t } = useTranslation()
  const mayName = mayCall(useSession(), listAlertWebhooks)
  const webhooks = useQuery(listAlertWebhooks, mayName ? { pageSize: 200 } : skipToken, { staleTime: 60_000 })
  const { data, error, refetch } = useQuery(listAlertDeliveries, { pageSize: 100 }, { refetchInterval: everyMs })
  if (error && !data) return <ProblemInline error={error} onRetry={refetch} />
  const nameOf = (id: string) => webhooks.data?.alertWebhooks.find(each => each.id === id)?.title ?? id
  const columns: Column<AlertDelivery>[] = [
    {
      key: 'webhook',
      header: t('statistics.webhook.one'),
      cell: ({ webhook, type, error }) => (
        <>
          {nameOf(webhook)} <span className="mono">{type}</span>
          {error && <div className={styles.hint}>{error}</div>}
        </>
      ),
    },
    {
      key: 'state',
      header: t('statistics.alert.state'),
      width: 190,
      cell: ({ state, httpStatus, attempts, durationMs }) => {
        const { mark, word } = deliveryMark(state)
        return (
          <>
            <StateMark name={mark} label={t(`statistics.webhook.${word}`)} />
            <div className={styles.hint}>
              {[httpStatus > 0 && `HTTP ${httpStatus}`, attempts > 0 && `${durationMs} ms`].filter(Boolean).join(' · ')}
              {attempts > 1 && ` · ${t('statistics.webhook.attempts', { count: attempts })}`}
            </div>
          </>
        )
      },
    },
    {
      key: 'time',
      header: t('statistics.alert.time'),
      width: 150,
      cell: ({ createTime, nextTime }) => {
        const next = dateOf(nextTime)
        return (
          <>
            <When time={dateOf(createTime)} />
            {next && (
              <div className={styles.hint}>
                {t('statistics.webhook.again')} <Ago date={next} />
              </div>
            )}
          </>
        )
      },
    },
  ]
  return (
    <DataTable
      label={t('statistics.alert.parts.deliveries')}
      columns={columns}
      rows={data?.alertDeliveries}
      rowKey={({ id }) => id}
      empty={<Empty title={t('statistics.webhook.noDeliveries')} hint={t('statistics.webhook.noDeliveriesHint')} />}
    />
  )
}
