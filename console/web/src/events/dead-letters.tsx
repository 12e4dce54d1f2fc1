/** What a group could not handle, the oldest first, and what waits behind it. */
import { useInfiniteQuery } from '@connectrpc/connect-query'
import { Button, Group, Select, Skeleton, Text } from '@mantine/core'
import {
  type DeadLetter,
  type EventStream,
  EventsService,
} from '@site11/proto/es/site11/console/v1/events_service_pb.ts'
import { getRouteApi } from '@tanstack/react-router'
import { useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { dateOf } from '../mesh/state.ts'
import { CopyCallMenu } from '../ui/copy-call.tsx'
import { Empty } from '../ui/empty.tsx'
import { ProblemInline } from '../ui/problem.tsx'
import records from '../ui/record-rows.module.css'
import { useRowFocus } from '../ui/row-keys.ts'
import { StateMark } from '../ui/state.tsx'
import { Ago } from '../ui/time.tsx'
import { EventLinks } from './event-rows.tsx'
import { LetterDrawer } from './letter-drawer.tsx'

const route = getRouteApi('/app/events')
const { listDeadLetters } = EventsService.method
const pageSize = 100
/** ms. */
const askAgainMs = 3000

export interface GroupName {
  stream: string
  group: string
}

export function DeadLetters({ streams }: { streams: readonly EventStream[] | undefined }) {
  const { t } = useTranslation()
  const search = route.useSearch()
  const navigate = route.useNavigate()
  if (!streams) return <Skeleton height={240} radius={8} />
  const all = streams.flatMap(({ stream, groups }) =>
    groups.map(({ group, deadLetters }) => ({ stream, group, deadLetters })),
  )
  const wanted = all.find(({ stream, group }) => stream === search.stream && group === search.group)
  // Without one in the address: where there is something to do.
  const named = search.stream && search.group ? { stream: search.stream, group: search.group } : undefined
  const shown: GroupName | undefined = wanted ?? named ?? all.find(({ deadLetters }) => deadLetters > 0n) ?? all[0]
  if (!shown)
    return (
      <div className={records.frame}>
        <Empty title={t('events.noGroupsAtAll')} hint={t('events.noLettersHint')} />
      </div>
    )
  const { stream, group } = shown
  const key = (name: GroupName) => `${name.stream}/${name.group}`
  const options = all.map(each => ({
    value: key(each),
    label: `${each.stream} › ${each.group}${each.deadLetters > 0n ? ` (${each.deadLetters})` : ''}`,
  }))
  if (!wanted && named) options.push({ value: key(named), label: `${stream} › ${group}` })
  return (
    <>
      <Group gap="sm" mb="sm">
        <Select
          aria-label={t('events.group')}
          allowDeselect={false}
          searchable
          w={260}
          value={key(shown)}
          data={options}
          onChange={value => {
            const [stream = '', group = ''] = value?.split('/') ?? []
            void navigate({ search: { tab: 'dead', stream, group }, replace: true, resetScroll: false })
          }}
        />
        <CopyCallMenu method={listDeadLetters} request={{ stream, group, pageSize }} />
      </Group>
      <Letters key={key(shown)} of={{ stream, group }} />
    </>
  )
}

function Letters({ of }: { of: GroupName }) {
  const { t } = useTranslation()
  const { event: openId } = route.useSearch()
  const list = useRef<HTMLUListElement>(null)
  useRowFocus(list)
  const query = useInfiniteQuery(
    listDeadLetters,
    { ...of, pageSize, pageToken: '' },
    {
      pageParamKey: 'pageToken',
      getNextPageParam: ({ nextPageToken }) => nextPageToken || undefined,
      staleTime: 0,
      refetchInterval: askAgainMs,
    },
  )
  const letters = query.data?.pages.flatMap(({ deadLetters }) => deadLetters)
  if (query.error && !letters) return <ProblemInline error={query.error} onRetry={() => void query.refetch()} />
  if (!letters) return <Skeleton height={240} radius={8} />
  return (
    <>
      <div className={records.frame}>
        {letters.length === 0 ? (
          <Empty title={t('events.noLetters', { group: of.group })} hint={t('events.noLettersHint')} />
        ) : (
          <ul ref={list} className={records.list} aria-label={t('events.tabs.dead')}>
            {letters.map(letter => (
              <Row key={letter.event?.id} letter={letter} />
            ))}
          </ul>
        )}
      </div>
      {query.hasNextPage && (
        <Group justify="center" mt="sm">
          <Button variant="subtle" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
            {t('common.more')}
          </Button>
        </Group>
      )}
      {openId && <LetterDrawer id={openId} of={of} letters={letters} />}
    </>
  )
}

function Row({ letter: { event, reason, attempts, time } }: { letter: DeadLetter }) {
  const { t } = useTranslation()
  const date = dateOf(time)
  if (!event) return null
  return (
    <li className={records.row}>
      <div className={records.what}>
        <div className={records.sentence}>
          <EventLinks event={event} />
          <LetterState attempts={attempts} />
        </div>
        {attempts > 0 && <div className={records.said}>{reason}</div>}
      </div>
      <Text span className={records.when}>
        {date && <Ago date={date} />}
        <span>{t('events.sequenceOf', { count: Number(event.sequence) })}</span>
      </Text>
    </li>
  )
}

/** One that was tried has failed; one that was not waits for it. */
export function LetterState({ attempts }: { attempts: number }) {
  const { t } = useTranslation()
  return attempts > 0 ? (
    <StateMark name="failing" label={t('events.failed', { count: attempts })} />
  ) : (
    <StateMark name="starting" label={t('events.waits')} />
  )
}
