/** Each stream with its rate, and how far each of its groups is. */
import { Menu, Text } from '@mantine/core'
import {
  type EventGroup,
  type EventStream,
  EventsService,
} from '@site11/proto/es/site11/console/v1/events_service_pb.ts'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { mayCall } from '../api/policy.ts'
import { useSession } from '../api/use-session.ts'
import { dateOf } from '../mesh/state.ts'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Empty } from '../ui/empty.tsx'
import { duration } from '../ui/format.ts'
import { Panel } from '../ui/panel.tsx'
import records from '../ui/record-rows.module.css'
import { useRowFocus } from '../ui/row-keys.ts'
import { RowMenu } from '../ui/row-menu.tsx'
import { StateMark } from '../ui/state.tsx'
import { Ago } from '../ui/time.tsx'
import styles from './events.module.css'
import { ageMs, rateOf, waitingOf } from './figures.ts'
import type { Streams } from './use-streams.ts'

const route = getRouteApi('/app/events')

export function StreamList({ known: { streams, samples } }: { known: Streams }) {
  const { t } = useTranslation()
  const list = useRef<HTMLDivElement>(null)
  useRowFocus(list)
  if (!streams)
    return <DataTable label={t('events.groups')} columns={bones} rows={undefined} rowKey={String} empty="" />
  return (
    <div ref={list} className={styles.streams}>
      {streams.map(stream => (
        <OneStream key={stream.stream} stream={stream} rate={rateOf(samples, stream.stream)} />
      ))}
    </div>
  )
}

const bones = ['a', 'b', 'c', 'd', 'e'].map(key => ({ key, header: ' ', cell: () => null }))

function useNumber() {
  const { i18n } = useTranslation()
  const number = new Intl.NumberFormat(i18n.language, { maximumFractionDigits: 1 })
  return (value: number | bigint) => number.format(value)
}

function OneStream({ stream, rate }: { stream: EventStream; rate: number | undefined }) {
  const { t } = useTranslation()
  const number = useNumber()
  const { stream: name, length, lastTime, groups, capacity, nearlyFull } = stream
  const last = dateOf(lastTime)
  return (
    <Panel
      title={name}
      aside={
        <span className={styles.figures}>
          <span>{rate === undefined ? '–' : t('events.rate', { count: number(rate) })}</span>
          <span>{t('events.kept', { count: number(length) })}</span>
          {last && (
            <span>
              {t('events.last')} <Ago date={last} />
            </span>
          )}
        </span>
      }
      action={
        <Link to="/events" search={{ tab: 'feed', stream: name }}>
          {t('events.watch')}
        </Link>
      }
    >
      {nearlyFull && (
        <div className={styles.alarm} role="alert">
          <StateMark name="degraded" label={t('events.nearlyFull')} />
          <Text size="sm">{t('events.nearlyFullText', { count: number(length), most: number(capacity) })}</Text>
        </div>
      )}
      <Groups stream={name} groups={groups} />
    </Panel>
  )
}

function Groups({ stream, groups }: { stream: string; groups: EventGroup[] }) {
  const { t, i18n } = useTranslation()
  const number = useNumber()
  const session = useSession()
  const mayReplay = mayCall(session, EventsService.method.replayEvents)
  const quiet = (value: bigint) => (value === 0n ? <span className={styles.none}>0</span> : number(value))
  const columns: Column<EventGroup>[] = [
    {
      key: 'group',
      header: t('events.group'),
      cell: group => (
        <>
          <Link to="/events" search={{ tab: 'dead', stream, group: group.group }} className={records.name} data-row>
            {group.group}
          </Link>
          <GroupState group={group} />
        </>
      ),
    },
    { key: 'lag', header: t('events.unread'), width: 110, cell: ({ lag }) => quiet(lag) },
    { key: 'pending', header: t('events.delivering'), width: 130, cell: ({ pending }) => quiet(pending) },
    {
      key: 'oldest',
      header: t('events.oldest'),
      width: 150,
      cell: ({ oldestAge }) => {
        const age = ageMs(oldestAge)
        return age === undefined ? <span className={styles.none}>–</span> : duration(age, i18n.language)
      },
    },
    {
      key: 'dead',
      header: t('events.tabs.dead'),
      width: 120,
      cell: ({ group, deadLetters }) =>
        deadLetters === 0n ? (
          quiet(deadLetters)
        ) : (
          <Link to="/events" search={{ tab: 'dead', stream, group }} className={styles.dead}>
            {number(deadLetters)}
          </Link>
        ),
    },
  ]
  if (mayReplay)
    columns.push({
      key: 'actions',
      header: t('common.actions'),
      quiet: true,
      width: 60,
      cell: ({ group }) => <GroupMenu stream={stream} group={group} />,
    })
  return (
    <DataTable
      label={`${t('events.groups')}: ${stream}`}
      columns={columns}
      rows={groups}
      rowKey={({ group }) => group}
      empty={<Empty title={t('events.noGroups')} hint={t('events.noGroupsHint', { stream })} />}
    />
  )
}

/** Why it is not well, and what to do, stands below it. */
function GroupState({ group }: { group: EventGroup }) {
  const { t, i18n } = useTranslation()
  const number = useNumber()
  const { behind, deadLetters, oldestAge } = group
  const time = duration(ageMs(oldestAge) ?? 0, i18n.language)
  return (
    <div className={styles.state}>
      <StateMark
        name={behind || deadLetters > 0n ? 'degraded' : 'healthy'}
        label={t(behind ? 'events.behind' : deadLetters > 0n ? 'events.stuck' : 'events.keepsUp')}
      />
      {behind && (
        <Text size="xs" c="dimmed">
          {t('events.behindText', { count: number(waitingOf(group)), time, group: group.group })}
        </Text>
      )}
      {deadLetters > 0n && (
        <Text size="xs" c="dimmed">
          {t('events.stuckText')}
        </Text>
      )}
    </div>
  )
}

function GroupMenu({ stream, group }: { stream: string; group: string }) {
  const { t } = useTranslation()
  const navigate = route.useNavigate()
  const item = (ask: 'replay' | 'delete') => (
    <Menu.Item
      onClick={() => void navigate({ search: { stream, group, ask }, resetScroll: false })}
      {...(ask === 'delete' && { color: 'red' })}
    >
      {t(`events.${ask}.action`)}
    </Menu.Item>
  )
  return (
    <RowMenu name={group}>
      {item('replay')}
      {item('delete')}
    </RowMenu>
  )
}
