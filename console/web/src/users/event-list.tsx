/** Events in lines, the newest first. */
import { type Timestamp, timestampDate } from '@bufbuild/protobuf/wkt'
import { Button, Skeleton, Stack, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { useActorNames } from '../ui/actor.ts'
import { ProblemInline } from '../ui/problem.tsx'
import { Ago } from '../ui/time.tsx'
import styles from './user-detail.module.css'

interface ListedEvent {
  version: bigint
  actor: string
  time?: Timestamp | undefined
}

interface EventListProps<E> {
  title: string
  /** By whom most of it is done, such as `users/<id>`. */
  own: string
  /** An infinite query, with the events of all its pages. */
  list: {
    error: unknown
    hasNextPage: boolean
    isFetchingNextPage: boolean
    refetch(): unknown
    fetchNextPage(): unknown
  }
  events: E[] | undefined
  textOf(event: E): string
  detailOf(event: E): ReactNode
}

export function EventList<E extends ListedEvent>(props: EventListProps<E>) {
  const { title, own, list, events, textOf, detailOf } = props
  const { t } = useTranslation()
  const names = useActorNames(events?.map(({ actor }) => actor).filter(actor => actor !== own) ?? [])
  const byWhom = (actor: string) =>
    actor === '' || actor === own ? undefined : t('security.by', { name: names.get(actor) ?? actor })
  return (
    <Stack component="section" gap="xs" mb="lg">
      <Title order={3} size="h5">
        {title}
      </Title>
      {list.error && !events ? <ProblemInline error={list.error} onRetry={list.refetch} /> : null}
      {!events && !list.error && <Skeleton height={90} role="status" aria-label={t('common.loading')} />}
      {events?.length === 0 && (
        <Text size="sm" c="dimmed">
          {t('security.nothing')}
        </Text>
      )}
      <ul className={styles.items} aria-label={title}>
        {events?.map(event => (
          <li key={String(event.version)}>
            <div>
              {textOf(event)}
              <Text size="xs" c="dimmed" component="div">
                {byWhom(event.actor)} {detailOf(event)}
              </Text>
            </div>
            <Text size="xs" c="dimmed" component="div">
              {event.time && <Ago date={timestampDate(event.time)} />}
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
