/** What happened to one thing, as the journal has it: the newest first, live at its top. */
import { useInfiniteQuery } from '@connectrpc/connect-query'
import { Button, Skeleton } from '@mantine/core'
import type { Change } from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import { DiagnosticsService } from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import { useTranslation } from 'react-i18next'
import { actionText, stateAfter } from '../mesh/change.ts'
import { Actor, ReasonText } from '../mesh/change-words.tsx'
import { useRecentChanges } from '../mesh/changes.ts'
import { dateOf } from '../mesh/state.ts'
import { Empty } from '../ui/empty.tsx'
import { duration } from '../ui/format.ts'
import { ProblemInline } from '../ui/problem.tsx'
import { StateDot } from '../ui/state.tsx'
import { Ago } from '../ui/time.tsx'
import styles from './timeline.module.css'

/** @param subject such as `instances/users-1`. */
export function Timeline({ subject }: { subject: string }) {
  const { t } = useTranslation()
  const request = { filter: `subject = "${subject}"`, pageSize: 30, pageToken: '' }
  const list = useInfiniteQuery(DiagnosticsService.method.listChanges, request, {
    pageParamKey: 'pageToken',
    getNextPageParam: ({ nextPageToken }) => nextPageToken || undefined,
  })
  const recent = useRecentChanges()
  const listed = list.data?.pages.flatMap(page => page.changes)
  if (!listed) {
    return list.error ? <ProblemInline error={list.error} onRetry={list.refetch} /> : <Bones />
  }
  const known = new Set(listed.map(({ id }) => id))
  const news = recent?.filter(change => change.subject === subject && !known.has(change.id)) ?? []
  const changes = [...news, ...listed].sort((a, b) => Number(b.id - a.id))
  if (changes.length === 0) return <Empty title={t('services.noChanges')} hint={t('services.noChangesHint')} />
  return (
    <>
      <ol className={styles.timeline}>
        {changes.map(change => (
          <Entry key={String(change.id)} change={change} />
        ))}
      </ol>
      {list.hasNextPage && (
        <Button variant="subtle" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
          {t('common.more')}
        </Button>
      )}
    </>
  )
}

/** Times of a value are told by the change itself, hashes by nobody. */
const quiet = new Set([
  'health',
  'healthSince',
  'healthReason',
  'drainTime',
  'drainedTime',
  'registerTime',
  'contractTime',
])

function Entry({ change }: { change: Change }) {
  const { t, i18n } = useTranslation()
  const { time, actor, fields, reason, duration: before } = change
  const date = dateOf(time)
  const state = stateAfter(change)
  const lasted = before ? Number(before.seconds) * 1000 + before.nanos / 1e6 : 0
  const told = fields.filter(({ field, before, after }) => !quiet.has(field) && (before ?? '') !== (after ?? ''))
  return (
    <li>
      <span className={styles.mark}>
        {state ? <StateDot name={state} label={t(`state.${state}`)} /> : <span className={styles.dot} />}
      </span>
      <div className={styles.what}>
        <span>{actionText(change, i18n)}</span> <Actor actor={actor} />
      </div>
      <div className={styles.when}>{date && <Ago date={date} />}</div>
      <div className={styles.more}>
        {reason && (
          <div>
            <ReasonText reason={reason} />
          </div>
        )}
        {lasted >= 1000 && <div>{t('services.lasted', { time: duration(lasted, i18n.language) })}</div>}
        {told.length > 0 && (
          <details>
            <summary>{t('services.fields', { count: told.length })}</summary>
            <dl>
              {told.map(({ field, before, after }) => (
                <div key={field}>
                  <dt className="mono">{field}</dt>
                  <dd>
                    {before !== undefined && <del className="mono">{before || '""'}</del>}{' '}
                    {after !== undefined && <ins className="mono">{after || '""'}</ins>}
                  </dd>
                </div>
              ))}
            </dl>
          </details>
        )}
      </div>
    </li>
  )
}

function Bones() {
  const { t } = useTranslation()
  return (
    <div role="status" aria-busy="true" aria-label={t('common.loading')}>
      {[220, 180, 240, 200].map(width => (
        <Skeleton key={width} height={14} my={16} ml={28} width={width} />
      ))}
    </div>
  )
}
