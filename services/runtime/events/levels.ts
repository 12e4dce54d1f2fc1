/** How far events have come, as those know who are at work: the relay of a stream, and whoever reads for a group. */
import { level } from '../telemetry/metrics.ts'
import { msOf } from './redis.ts'
import type { StreamState } from './stream.ts'

export interface Relayed {
  /** Undefined until Redis was asked. */
  state: StreamState | undefined
  /** Events that are known to be in the outboxes: not in the stream yet, or not acknowledged by all groups. */
  waiting: number
}

/** @param look undefined while another instance relays: one tells for all. @returns functions that end it. */
export function relayLevels(stream: string, look: () => Relayed | undefined): (() => void)[] {
  const groups = (levelOf: (group: StreamState['groups'][number]) => number) => () =>
    look()?.state?.groups.map(group => [levelOf(group), stream, group.group] as const)
  return [
    level(
      {
        name: 'site11.events.outbox.size',
        description: 'Events that wait in outboxes until all groups have acknowledged them',
        unit: '{event}',
        labels: ['stream'],
      },
      () => {
        const relayed = look()
        return relayed && [[relayed.waiting, stream]]
      },
    ),
    level(
      {
        name: 'site11.events.stream.size',
        description: 'Events that the stream in Redis holds',
        unit: '{event}',
        labels: ['stream'],
      },
      () => {
        const state = look()?.state
        return state && [[state.length, stream]]
      },
    ),
    level(
      {
        name: 'site11.events.group.lag',
        description: 'Events of the stream that a consumer group has not acknowledged',
        unit: '{event}',
        labels: ['stream', 'group'],
      },
      groups(({ lag, pending }) => lag + pending),
    ),
    level(
      {
        name: 'site11.events.group.oldest',
        description: 'How old the oldest event is that a consumer group has not acknowledged',
        unit: 's',
        labels: ['stream', 'group'],
      },
      groups(({ oldestId }) => (oldestId ? Math.max(0, Date.now() - msOf(oldestId)) / 1000 : 0)),
    ),
  ]
}

/** @param count undefined while another instance reads for the group. @returns a function that ends it. */
export const deadLetterLevel = (stream: string, group: string, count: () => number | undefined): (() => void) =>
  level(
    {
      name: 'site11.events.group.dead_letters',
      description: 'Events that a consumer group could not handle, and those of their subjects that wait for them',
      unit: '{event}',
      labels: ['stream', 'group'],
    },
    () => {
      const known = count()
      return known === undefined ? undefined : [[known, stream, group]]
    },
  )
