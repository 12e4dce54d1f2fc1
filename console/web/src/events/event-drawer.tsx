/** An event of the feed. */
import { Group, Stack } from '@mantine/core'
import { EventsService, type WatchedEvent } from '@site11/proto/es/site11/console/v1/events_service_pb.ts'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { CopyCallMenu } from '../ui/copy-call.tsx'
import { Empty } from '../ui/empty.tsx'
import { SideDrawer } from '../ui/side-drawer.tsx'
import { EventFacts } from './event-facts.tsx'
import { typeName } from './figures.ts'
import { useFocusBack } from './use-focus-back.ts'

const route = getRouteApi('/app/events')

export function EventDrawer({ id, events }: { id: string; events: readonly WatchedEvent[] }) {
  const { t } = useTranslation()
  const navigate = route.useNavigate()
  const there = events.find(({ event }) => event?.id === id)
  // It stays open when so many have come that it is not among the last ones any more.
  const [held, setHeld] = useState(there)
  if (there && there !== held) setHeld(there)
  const found = there ?? (held?.event?.id === id ? held : undefined)
  useFocusBack()
  const close = () => void navigate({ search: ({ event: _, ...rest }) => rest, resetScroll: false })
  const { event } = found ?? {}
  return (
    <SideDrawer
      opened
      onClose={close}
      title={event ? typeName(event.type) || t('events.unreadable') : t('events.event')}
    >
      {found && event ? (
        <Stack gap="md">
          <EventFacts stream={found.stream} event={event} payload={found.payload} />
          <Group gap="sm">
            <Link to="/events" search={{ tab: 'feed', subject: event.subject }}>
              {t('events.sameSubject')}
            </Link>
            <CopyCallMenu
              method={EventsService.method.watchEvents}
              request={{ streams: [found.stream], subject: event.subject, last: 1000 }}
            />
          </Group>
        </Stack>
      ) : (
        <Empty title={t('events.noEvent')} hint={t('events.noEventHint')} />
      )}
    </SideDrawer>
  )
}
