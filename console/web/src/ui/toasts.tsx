/** Toasts: for what the eye does not see already, and for taking back. */
import { Button, Group, Text } from '@mantine/core'
import i18next from 'i18next'
import { lazy, Suspense, useSyncExternalStore } from 'react'
import { problemFrom } from '../api/problem.ts'
import { wordsFor } from './problem.tsx'

const load = () => import('@mantine/notifications')
const Notifications = lazy(async () => ({ default: (await load()).Notifications }))

let wanted = false
const watchers = new Set<() => void>()

function watch(watcher: () => void) {
  watchers.add(watcher)
  return () => watchers.delete(watcher)
}

/** Where toasts appear; nothing is loaded before the first one. */
export function Toasts() {
  const show = useSyncExternalStore(watch, () => wanted)
  return <Suspense>{show && <Notifications position="bottom-right" />}</Suspense>
}

async function toasts() {
  wanted = true
  for (const watcher of watchers) watcher()
  return (await load()).notifications
}

/** Says that something was done which shows nowhere. */
export async function toastDone(message: string): Promise<void> {
  const notifications = await toasts()
  notifications.show({ message })
}

/** Says that a call failed which no form or page shows. */
export async function toastProblem(error: unknown): Promise<void> {
  const { what, todo } = wordsFor(problemFrom(error), i18next)
  const notifications = await toasts()
  notifications.show({ color: 'red', title: what, message: todo, autoClose: 10_000 })
}

/** Says what was done, and offers to take it back for a while. */
export async function toastUndo(done: string, undo: () => Promise<void>): Promise<void> {
  const notifications = await toasts()
  const onClick = () => {
    notifications.hide(id)
    undo().catch(toastProblem)
  }
  const id = notifications.show({
    autoClose: 10_000,
    message: (
      <Group justify="space-between" wrap="nowrap">
        <Text size="md">{done}</Text>
        <Button size="compact-sm" variant="default" onClick={onClick}>
          {i18next.t('common.undo')}
        </Button>
      </Group>
    ),
  })
}
