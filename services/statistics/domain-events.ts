/**
 * What happens in the other services, as a metric: `events`, by service and type. Each event counts once.
 *
 *   event_counts   { _id, minute, counts: [{ service, type, count }], pending }   one for what was handled together, for two days
 */
import { randomUUID } from 'node:crypto'
import { basename } from 'node:path'
import type { DescMessage } from '@bufbuild/protobuf'
import { registry } from '@site11/runtime/contract.ts'
import type { Event } from '@site11/runtime/events/event.ts'
import { type Consumer, subscribe } from '@site11/runtime/events/subscribe.ts'
import type { Log } from '@site11/runtime/log.ts'
import type { Store } from '@site11/runtime/store/connect.ts'
import { ensureIndexes } from '@site11/runtime/store/indexes.ts'
import type { ClientSession, Collection } from 'mongodb'
import { cleanLabel, closeMinute, emptyBlock, seriesKey, statIn } from './block.ts'
import type { Raw, RawSource } from './rollup.ts'
import { pendingIndex } from './rollup-store.ts'

interface CountDocument extends Raw {
  counts: { service: string; type: string; count: number }[]
}

/** As late as an event may come to be counted. What is older is from before Statistics was there. */
const keptS = 48 * 3600
const latestMs = (keptS - 2 * 3600) * 1000

export const eventsMetric = {
  name: 'events',
  description: 'What happened in the services, as they told the others.',
  kind: 'counter',
  unit: '{event}',
  labels: ['service', 'type'],
} as const

/** @returns the types of events by the service that publishes them: the messages in the events.proto of its contract. */
export function eventTypes(): Map<string, string[]> {
  const found = new Map<string, string[]>()
  const messages = [...registry].filter((each): each is DescMessage => each.kind === 'message' && !each.parent)
  for (const { typeName, file } of messages) {
    const [, service = ''] = typeName.split('.')
    if (basename(file.name) === 'events' && typeName.startsWith('site11.'))
      found.set(service, [...(found.get(service) ?? []), typeName])
  }
  return found
}

export interface DomainEvents {
  source: RawSource
  /** Counts events in the transaction that marks them as handled. */
  count(service: string, events: readonly Event[], session: ClientSession): Promise<void>
}

export async function openDomainEvents(store: Store, now: () => number, log: Log): Promise<DomainEvents> {
  const collection = store.db.collection<CountDocument>('event_counts')
  const age = { name: 'age', key: { minute: 1 } as const, expireAfterSeconds: keptS }
  await ensureIndexes(collection, [age, pendingIndex('minute')], log)
  return {
    source: {
      collection: collection as unknown as Collection<Raw>,
      keptS,
      async blocksOf(minute) {
        const block = emptyBlock({ ...eventsMetric, metric: eventsMetric.name }, Number(minute) / 1000)
        for await (const { counts } of collection.find({ minute }).sort({ _id: 1 }))
          for (const { service, type, count } of counts) {
            const stat = statIn(block, seriesKey([service, type].map(cleanLabel)), count)
            if (stat) stat.count += count
          }
        return [closeMinute(block)]
      },
    },
    async count(service, events, session) {
      const present = now()
      const minutes = new Map<number, Map<string, number>>()
      for (const { time, type } of events) {
        const at = Math.min(present, Number(time ?? present))
        if (at < present - latestMs) continue
        const minute = Math.floor(at / 60_000) * 60_000
        const counts = minutes.get(minute) ?? new Map<string, number>()
        minutes.set(minute, counts.set(type, (counts.get(type) ?? 0) + 1))
      }
      const documents = [...minutes].map(([minute, counts]) => ({
        _id: randomUUID(),
        minute: new Date(minute),
        counts: [...counts].map(([type, count]) => ({ service, type, count })),
        pending: '',
      }))
      if (documents.length > 0) await collection.insertMany(documents, { session })
    },
  }
}

/** Follows the streams of all services that publish events. */
export async function followEvents(
  events: DomainEvents,
  rest: { store: Store; redisUrl: string; instance: string; log: Log },
): Promise<Consumer[]> {
  const streams = [...eventTypes()].map(([stream, types]) =>
    subscribe({
      ...rest,
      stream,
      group: 'statistics',
      handler: { types, handle: (found, session) => events.count(stream, found, session) },
    }),
  )
  return Promise.all(streams)
}
