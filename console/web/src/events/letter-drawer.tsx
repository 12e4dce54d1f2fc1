/** A dead letter: why, what it says, and what can be done with it. */
import { Button, Group, Stack, Text } from '@mantine/core'
import { type DeadLetter, EventsService } from '@site11/proto/es/site11/console/v1/events_service_pb.ts'
import { useMutation } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { mayCall } from '../api/policy.ts'
import { useSession } from '../api/use-session.ts'
import { dateOf } from '../mesh/state.ts'
import { CopyCallMenu } from '../ui/copy-call.tsx'
import { Empty } from '../ui/empty.tsx'
import { ProblemInline } from '../ui/problem.tsx'
import { NamedQuestion } from '../ui/question.tsx'
import { SideDrawer } from '../ui/side-drawer.tsx'
import { Ago } from '../ui/time.tsx'
import { toastDone } from '../ui/toasts.tsx'
import { act } from './calls.ts'
import { type GroupName, LetterState } from './dead-letters.tsx'
import { EventFacts } from './event-facts.tsx'
import styles from './events.module.css'
import { typeName } from './figures.ts'
import { useFocusBack } from './use-focus-back.ts'

const route = getRouteApi('/app/events')
const { retryDeadLetter, skipDeadLetter } = EventsService.method

interface LetterDrawerProps {
  id: string
  of: GroupName
  letters: readonly DeadLetter[]
}

export function LetterDrawer({ id, of, letters }: LetterDrawerProps) {
  const { t } = useTranslation()
  const navigate = route.useNavigate()
  const letter = letters.find(({ event }) => event?.id === id)
  useFocusBack()
  const close = () => void navigate({ search: ({ event: _, ...rest }) => rest, resetScroll: false })
  const title = letter?.event ? typeName(letter.event.type) || t('events.unreadable') : t('events.event')
  return (
    <SideDrawer opened onClose={close} title={title}>
      {letter ? (
        <Details letter={letter} of={of} behind={behindIt(letter, letters)} onDone={close} />
      ) : (
        <Empty title={t('events.noLetter')} hint={t('events.noLetterHint')} />
      )}
    </SideDrawer>
  )
}

/** How many wait for it. */
const behindIt = (letter: DeadLetter, letters: readonly DeadLetter[]) =>
  letters.filter(
    ({ event }) => event && event.subject === letter.event?.subject && event.sequence > letter.event.sequence,
  ).length

interface DetailsProps {
  letter: DeadLetter
  of: GroupName
  behind: number
  onDone: () => void
}

function Details({ letter, of, behind, onDone }: DetailsProps) {
  const { t } = useTranslation()
  const session = useSession()
  const [isSkipping, setSkipping] = useState(false)
  const { event, payload, reason, attempts, time } = letter
  const date = dateOf(time)
  const eventId = event?.id ?? ''
  const name = typeName(event?.type ?? '') || eventId
  const retry = useMutation({
    mutationFn: () => act(retryDeadLetter, { ...of, eventId }),
    onSuccess: ({ handled }) => {
      if (!handled) return
      onDone()
      void toastDone(t('events.handled', { name, group: of.group }))
    },
  })
  const skip = async () => {
    await act(skipDeadLetter, { ...of, eventId })
    setSkipping(false)
    onDone()
    void toastDone(t('events.skip.done', { name, group: of.group }))
  }
  if (!event) return null
  return (
    <Stack gap="md">
      <div>
        <Group gap="xs">
          <LetterState attempts={attempts} />
          {date && (
            <Text span size="sm" c="dimmed">
              <Ago date={date} />
            </Text>
          )}
        </Group>
        <Text className={styles.reason}>{attempts > 0 ? reason : t('events.waitsText')}</Text>
      </div>
      {mayCall(session, retryDeadLetter) && !isSkipping && (
        <Group gap="xs">
          <Button data-autofocus aria-disabled={retry.isPending} onClick={() => retry.isPending || retry.mutate()}>
            {t('events.retry')}
          </Button>
          <Button variant="default" disabled={retry.isPending} onClick={() => setSkipping(true)}>
            {t('events.skip.action')}
          </Button>
          <CopyCallMenu method={retryDeadLetter} request={{ ...of, eventId }} />
        </Group>
      )}
      {isSkipping && (
        <div className={styles.question}>
          <NamedQuestion
            title={t('events.skip.title', { name })}
            name={name}
            action={t('events.skip.action')}
            onSure={skip}
            onClose={() => setSkipping(false)}
          >
            <Text>{t('events.skip.text', { group: of.group })}</Text>
            <Text c="dimmed" size="sm">
              {t('events.skip.behind', { count: behind })}
            </Text>
          </NamedQuestion>
        </div>
      )}
      <div role="status">
        {retry.isPending && <Text c="dimmed">{t('events.retrying')}</Text>}
        {retry.data && !retry.data.handled && (
          <Text c="dimmed">{t('events.failedAgain', { reason: retry.data.reason })}</Text>
        )}
      </div>
      {retry.error && <ProblemInline error={retry.error} onRetry={() => retry.mutate()} />}
      <EventFacts stream={of.stream} event={event} payload={payload} />
    </Stack>
  )
}
