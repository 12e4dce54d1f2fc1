/** What the journal has of a user: what was done to it, and what it did. */
import { timestampDate } from '@bufbuild/protobuf/wkt'
import { useInfiniteQuery } from '@connectrpc/connect-query'
import { Button, Skeleton, Stack, Text, Title } from '@mantine/core'
import { type Change, DiagnosticsService } from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import { useTranslation } from 'react-i18next'
import { Empty } from '../ui/empty.tsx'
import { ProblemInline } from '../ui/problem.tsx'
import { Ago } from '../ui/time.tsx'
import styles from './user-detail.module.css'

export function UserActivity({ userId }: { userId: string }) {
  const { t } = useTranslation()
  const name = `users/${userId}`
  const filter = `subject = "${name}" OR actor = "${name}"`
  const list = useInfiniteQuery(
    DiagnosticsService.method.listChanges,
    { filter, pageSize: 30, pageToken: '' },
    { pageParamKey: 'pageToken', getNextPageParam: ({ nextPageToken }) => nextPageToken || undefined },
  )
  const changes = list.data?.pages.flatMap(page => page.changes)
  if (list.error && !changes) return <ProblemInline error={list.error} onRetry={list.refetch} />
  if (!changes) return <Skeleton height={120} role="status" aria-label={t('common.loading')} />
  if (changes.length === 0) return <Empty title={t('users.noActivity')} hint={t('users.noActivityHint')} />
  return (
    <Stack gap="sm">
      <Title order={3} size="h5">
        {t('security.mesh')}
      </Title>
      <ul className={styles.items} aria-label={t('users.activity')}>
        {changes.map(change => (
          <li key={String(change.id)}>
            <Entry change={change} own={name} />
            <Text size="xs" c="dimmed" component="div">
              {change.time && <Ago date={timestampDate(change.time)} />}
            </Text>
          </li>
        ))}
      </ul>
      {list.hasNextPage && (
        <Button variant="subtle" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
          {t('common.more')}
        </Button>
      )}
    </Stack>
  )
}

function Entry({ change: { actor, action, subject, reason, fields }, own }: { change: Change; own: string }) {
  const { t } = useTranslation()
  return (
    <div>
      <span className="mono">{action}</span> {subject !== own && <span className="mono">{subject}</span>}
      <Text size="xs" c="dimmed" component="div">
        {actor === own ? t('users.byThisUser') : t('security.by', { name: actor })}
        {reason && ` · ${reason}`}
      </Text>
      {fields.map(({ field, before, after }) => (
        <Text size="xs" key={field} component="div">
          {field}: {before ?? t('users.notSet')} → {after ?? t('users.notSet')}
        </Text>
      ))}
    </div>
  )
}
