/** Events as they happen: filtered by the server, held back while one reads. */
import { Button, Group, Select, Skeleton, TextInput } from '@mantine/core'
import { useDebouncedCallback } from '@mantine/hooks'
import { type EventStream, EventsService } from '@site11/proto/es/site11/console/v1/events_service_pb.ts'
import { IconPlayerPause, IconPlayerPlay, IconSearch } from '@tabler/icons-react'
import { getRouteApi, Link } from '@tanstack/react-router'
import { type ReactNode, type RefObject, useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useLive } from '../api/use-live.ts'
import { LiveMark } from '../mesh/live-view.tsx'
import { StaleView } from '../mesh/stale-view.tsx'
import { useCommands } from '../palette/commands.ts'
import { useSlash } from '../palette/use-keys.ts'
import { CopyCallMenu } from '../ui/copy-call.tsx'
import { Empty } from '../ui/empty.tsx'
import { ProblemInline } from '../ui/problem.tsx'
import records from '../ui/record-rows.module.css'
import { EventDrawer } from './event-drawer.tsx'
import { EventRows } from './event-rows.tsx'
import styles from './events.module.css'
import { type Feed, feed, watchOf } from './feed.ts'
import type { EventsSearch } from './search.ts'

const route = getRouteApi('/app/events')

export function EventFeed({ streams }: { streams: readonly EventStream[] | undefined }) {
  const { t } = useTranslation()
  const search = route.useSearch()
  const { stream, type, subject, event: openId } = search
  const watch = watchOf(search)
  const { value, live, seen, error, retry } = useLive(feed, watch)
  const [paused, setPaused] = useState(false)
  const shown = useHeld(value, paused, JSON.stringify(watch))
  const waiting = countNew(value, shown)
  const PauseIcon = paused ? IconPlayerPlay : IconPlayerPause
  const pauseWords = t(paused ? 'activity.resume' : 'activity.pause')
  useCommands([{ id: 'events/pause', title: pauseWords, run: () => setPaused(now => !now) }])
  const isFiltered = Boolean(stream || type || subject)
  return (
    <>
      <Filter streams={streams}>
        <Button
          variant="default"
          leftSection={<PauseIcon size={16} />}
          aria-pressed={paused}
          onClick={() => setPaused(!paused)}
        >
          {pauseWords}
        </Button>
        <CopyCallMenu method={EventsService.method.watchEvents} request={watch} />
        <span className={styles.live}>
          <LiveMark live={live && !paused} />
        </span>
      </Filter>
      {error !== undefined && !value ? (
        <ProblemInline error={error} onRetry={retry} />
      ) : (
        <StaleView stale={value !== undefined && !live} seen={seen} onRetry={retry}>
          {waiting > 0 && (
            <Button variant="light" size="compact-sm" className={styles.waiting} onClick={() => setPaused(false)}>
              {t('events.waiting', { count: waiting })}
            </Button>
          )}
          {!shown && <Skeleton height={320} radius={8} />}
          {shown?.length === 0 && (
            <div className={records.frame}>
              <Empty
                title={t(isFiltered ? 'events.noneMatch' : 'events.quiet')}
                hint={t(isFiltered ? 'events.noneMatchHint' : 'events.quietHint')}
              >
                {isFiltered && (
                  <Link to="/events" search={{ tab: 'feed' }}>
                    {t('activity.clear')}
                  </Link>
                )}
              </Empty>
            </div>
          )}
          {shown && shown.length > 0 && <EventRows events={shown} />}
        </StaleView>
      )}
      {openId && value && <EventDrawer id={openId} events={[...value, ...(shown ?? [])]} />}
    </>
  )
}

/** What is new is held back while the list is paused. */
function useHeld(value: Feed | undefined, paused: boolean, key: string): Feed | undefined {
  const [shown, setShown] = useState({ key, value })
  useEffect(() => {
    setShown(before => (paused && before.key === key && before.value ? before : { key, value }))
  }, [value, paused, key])
  return shown.key === key ? shown.value : undefined
}

function countNew(value: Feed | undefined, shown: Feed | undefined): number {
  const newest = shown?.[0]?.event?.id
  if (!value || !shown) return 0
  const at = value.findIndex(({ event }) => event?.id === newest)
  return at < 0 ? value.length : at
}

function Filter({ streams, children }: { streams: readonly EventStream[] | undefined; children: ReactNode }) {
  const { t } = useTranslation()
  const { stream, type, subject } = route.useSearch()
  const navigate = route.useNavigate()
  const set = (change: { [K in keyof EventsSearch]: EventsSearch[K] | undefined }) =>
    navigate({ search: previous => ({ ...previous, ...change }) as EventsSearch, replace: true, resetScroll: false })
  const names = [...new Set([...(streams ?? []).map(({ stream }) => stream), ...(stream ? [stream] : [])])]
  const typeInput = useRef<HTMLInputElement>(null)
  const subjectInput = useRef<HTMLInputElement>(null)
  useSlash(typeInput)
  const typeBy = useDebouncedCallback((text: string) => set({ type: text.trim() || undefined }), 250)
  const subjectBy = useDebouncedCallback((text: string) => set({ subject: text.trim() || undefined }), 250)
  useAsAddress(typeInput, type)
  useAsAddress(subjectInput, subject)
  return (
    <Group gap="sm">
      <TextInput
        ref={typeInput}
        defaultValue={type ?? ''}
        onChange={event => typeBy(event.currentTarget.value)}
        aria-label={t('events.type')}
        placeholder={t('events.type')}
        leftSection={<IconSearch size={16} />}
        maxLength={200}
        className={styles.field ?? ''}
      />
      <TextInput
        ref={subjectInput}
        defaultValue={subject ?? ''}
        onChange={event => subjectBy(event.currentTarget.value)}
        aria-label={t('events.subject')}
        placeholder={t('events.subject')}
        maxLength={200}
        className={styles.field ?? ''}
      />
      <Select
        aria-label={t('events.stream')}
        placeholder={t('events.anyStream')}
        clearable
        className={styles.field ?? ''}
        value={stream ?? null}
        onChange={value => set({ stream: value ?? undefined })}
        data={names}
      />
      {children}
    </Group>
  )
}

/** The address may change under a field that nobody writes into. */
function useAsAddress(input: RefObject<HTMLInputElement | null>, text = '') {
  useEffect(() => {
    if (input.current && document.activeElement !== input.current) input.current.value = text
  }, [input, text])
}
