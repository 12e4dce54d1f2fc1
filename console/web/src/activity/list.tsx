/** The changes, the newest first. However many there are, only those in view are drawn. */
import { Button, Group, Skeleton, Text } from '@mantine/core'
import type { Change } from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import { Link } from '@tanstack/react-router'
import { useWindowVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useLayoutEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { stateAfter } from '../mesh/change.ts'
import { SubjectLink } from '../mesh/links.tsx'
import { dateOf } from '../mesh/state.ts'
import { useDensity } from '../ui/density.ts'
import { ProblemInline } from '../ui/problem.tsx'
import records from '../ui/record-rows.module.css'
import { useRowFocus } from '../ui/row-keys.ts'
import { StateDot } from '../ui/state.tsx'
import { Ago } from '../ui/time.tsx'
import styles from './activity.module.css'
import { actionName, gist, nameOf } from './words.ts'

interface ChangeListProps {
  /** Undefined while loading. */
  changes: readonly Change[] | undefined
  /** Of actors. */
  names: ReadonlyMap<string, string>
  query: {
    hasNextPage: boolean
    isFetchingNextPage: boolean
    isFetchNextPageError: boolean
    error: unknown
    fetchNextPage: () => unknown
  }
}

/** How many rows before the end the next page is asked for. */
const ahead = 15

export function ChangeList({ changes, names, query }: ChangeListProps) {
  const { t } = useTranslation()
  const { hasNextPage, isFetchingNextPage, isFetchNextPageError, error, fetchNextPage } = query
  const [density] = useDensity()
  const dense = density === 'dense'
  const list = useRef<HTMLDivElement>(null)
  useRowFocus(list)
  const [top, setTop] = useState(0)
  useLayoutEffect(() => {
    setTop(list.current ? list.current.getBoundingClientRect().top + window.scrollY : 0)
  }, [])
  const rows = useWindowVirtualizer({
    count: changes?.length ?? 0,
    estimateSize: () => (dense ? 36 : 52),
    overscan: 10,
    scrollMargin: top,
    getItemKey: index => String(changes?.[index]?.id ?? index),
  })
  const items = rows.getVirtualItems()
  const last = items.at(-1)?.index ?? 0
  const near = changes !== undefined && last >= changes.length - ahead
  useEffect(() => {
    if (near && hasNextPage && !isFetchingNextPage && !isFetchNextPageError) void fetchNextPage()
  }, [near, hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage])

  if (!changes)
    return (
      <div className={records.frame} role="status" aria-label={t('common.loading')}>
        {['a', 'b', 'c', 'd', 'e', 'f'].map(key => (
          <div key={key} className={styles.skeleton}>
            <Skeleton height={12} width={12} circle />
            <Skeleton height={14} width="55%" />
            <Skeleton height={12} width={80} ml="auto" />
          </div>
        ))}
      </div>
    )
  return (
    <>
      <div ref={list} className={records.frame}>
        <ul aria-label={t('activity.title')} className={records.list} style={{ height: rows.getTotalSize() }}>
          {items.map(({ index, key, start }) => {
            const change = changes[index]
            return (
              change && (
                <li
                  key={key}
                  ref={rows.measureElement}
                  data-index={index}
                  aria-setsize={hasNextPage ? -1 : changes.length}
                  aria-posinset={index + 1}
                  className={records.item}
                  style={{ transform: `translateY(${start - top}px)` }}
                >
                  <ChangeRow change={change} name={names.get(change.actor)} />
                </li>
              )
            )
          })}
        </ul>
      </div>
      <Group justify="center" mih={36}>
        {isFetchNextPageError && <ProblemInline error={error} onRetry={fetchNextPage as () => void} />}
        {hasNextPage && !isFetchNextPageError && (
          <Button variant="subtle" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            {t('common.more')}
          </Button>
        )}
        {!hasNextPage && (
          <Text c="dimmed" size="sm">
            {t('activity.end')}
          </Text>
        )}
      </Group>
    </>
  )
}

function ChangeRow({ change, name }: { change: Change; name: string | undefined }) {
  const { t } = useTranslation()
  const { id, time, actor, action, subject, reason } = change
  const date = dateOf(time)
  const tone = stateAfter(change)
  const said = reason || gist(change)
  return (
    <div className={records.row}>
      <span className={styles.tone}>
        {tone ? <StateDot name={tone} label={t(`state.${tone}`)} /> : <span className={styles.plain} />}
      </span>
      <div className={records.what}>
        <div className={records.sentence}>
          <Link
            to="/activity"
            search={previous => ({ ...previous, change: Number(id) })}
            resetScroll={false}
            className={records.name}
            data-row
          >
            {actionName(action, t)}
          </Link>
          <SubjectLink subject={subject} className={`${records.subject} ${styles.subject}`}>
            {nameOf(subject)}
          </SubjectLink>
          <span className={styles.by}>{t('activity.by', { name: name ?? actorText(actor) })}</span>
        </div>
        {said && <div className={records.said}>{said}</div>}
      </div>
      <span className={`${records.when} ${styles.when}`}>
        {date && <Ago date={date} />}
        <span className="mono">#{String(id)}</span>
      </span>
    </div>
  )
}

/** `users/0192...` -> the end of the id; `services/users` -> `users`. */
export const actorText = (actor: string) => (actor.startsWith('users/') ? `…${actor.slice(-8)}` : nameOf(actor))
