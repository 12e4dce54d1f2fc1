/** Events, one in a line. However many there are, only those in view are drawn. */
import type { WatchedEvent } from '@site11/proto/es/site11/console/v1/events_service_pb.ts'
import type { Event } from '@site11/proto/es/site11/types/v1/event_pb.ts'
import { Link } from '@tanstack/react-router'
import { useWindowVirtualizer } from '@tanstack/react-virtual'
import { memo, useLayoutEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { SubjectLink } from '../mesh/links.tsx'
import { dateOf } from '../mesh/state.ts'
import { subjectOf } from '../mesh/subject.ts'
import { useDensity } from '../ui/density.ts'
import records from '../ui/record-rows.module.css'
import { useRowFocus } from '../ui/row-keys.ts'
import { Ago } from '../ui/time.tsx'
import styles from './events.module.css'
import { typeName } from './figures.ts'

export function EventRows({ events }: { events: readonly WatchedEvent[] }) {
  const { t } = useTranslation()
  const [density] = useDensity()
  const list = useRef<HTMLDivElement>(null)
  useRowFocus(list)
  const [top, setTop] = useState(0)
  useLayoutEffect(() => {
    setTop(list.current ? list.current.getBoundingClientRect().top + window.scrollY : 0)
  }, [])
  const rows = useWindowVirtualizer({
    count: events.length,
    estimateSize: () => (density === 'dense' ? 48 : 56),
    overscan: 10,
    scrollMargin: top,
    getItemKey: index => events[index]?.event?.id ?? index,
  })
  return (
    <div ref={list} className={records.frame}>
      <ul aria-label={t('events.tabs.feed')} className={records.list} style={{ height: rows.getTotalSize() }}>
        {rows.getVirtualItems().map(({ index, key, start }) => {
          const each = events[index]
          return (
            each && (
              <li
                key={key}
                ref={rows.measureElement}
                data-index={index}
                aria-setsize={events.length}
                aria-posinset={index + 1}
                className={records.item}
                style={{ transform: `translateY(${start - top}px)` }}
              >
                <Row watched={each} />
              </li>
            )
          )
        })}
      </ul>
    </div>
  )
}

/** What an event is, leading to all that is known of it, and whom it is about. */
export function EventLinks({ event: { id, type, subject } }: { event: Pick<Event, 'id' | 'type' | 'subject'> }) {
  const { t } = useTranslation()
  return (
    <>
      <Link
        from="/events"
        to="/events"
        search={previous => ({ ...previous, event: id })}
        resetScroll={false}
        className={records.name}
        data-row
      >
        {typeName(type) || t('events.unreadable')}
      </Link>
      <SubjectLink subject={subject} className={records.subject}>
        <span title={subject}>{shortSubject(subject)}</span>
      </SubjectLink>
    </>
  )
}

const Row = memo(function Row({ watched: { stream, event, payload } }: { watched: WatchedEvent }) {
  const date = dateOf(event?.time)
  if (!event) return null
  return (
    <div className={records.row}>
      <div className={records.what}>
        <div className={records.sentence}>
          <EventLinks event={event} />
        </div>
        <div className={styles.gist}>{payload === '{}' ? '' : payload}</div>
      </div>
      <span className={records.when}>
        {date && <Ago date={date} />}
        <span>{stream}</span>
      </span>
    </div>
  )
})

/** `users/0192...` with the end of the id alone, by which people tell them apart. */
function shortSubject(subject: string): string {
  const { kind, name } = subjectOf(subject)
  return name.length > 12 ? `${kind}/…${name.slice(-8)}` : subject
}
