/** Events as they happen, the newest first. Pure, but for the source. */
import {
  EventsService,
  type WatchEventsResponse,
  type WatchedEvent,
} from '@site11/proto/es/site11/console/v1/events_service_pb.ts'
import type { LiveSource } from '../api/live.ts'
import type { EventsSearch } from './search.ts'

const { watchEvents } = EventsService.method

/** More than this many are not kept. */
export const mostKept = 500
/** How many from before a feed begins with, for each stream; with a filter, how many are looked through. */
const [lastOnes, lookedThrough] = [100, 1000]

/** The streams say that they still stand every 5 s. */
const silenceMs = 15_000

export type Feed = readonly WatchedEvent[]

const msOf = ({ event }: WatchedEvent) => Number(event?.time?.seconds ?? 0n) * 1000 + (event?.time?.nanos ?? 0) / 1e6

/** The first message of a connection has what was before, stream by stream. An event that is relayed anew is the same event. */
export function feedWith(before: Feed | undefined, { events }: Pick<WatchEventsResponse, 'events'>): Feed {
  if (before && events.length === 0) return before
  const known = new Set(before?.map(({ event }) => event?.id))
  const news: WatchedEvent[] = []
  for (const each of events) {
    if (known.has(each.event?.id)) continue
    known.add(each.event?.id)
    news.push(each)
  }
  news.reverse()
  if (!before) news.sort((a, b) => msOf(b) - msOf(a))
  return [...news, ...(before ?? [])].slice(0, mostKept)
}

export const feed: LiveSource<typeof watchEvents.input, typeof watchEvents.output, Feed> = {
  method: watchEvents,
  reduce: feedWith,
  silenceMs,
}

/** @returns what is asked for. */
export const watchOf = ({ stream, type = '', subject = '' }: Pick<EventsSearch, 'stream' | 'type' | 'subject'>) => ({
  streams: stream ? [stream] : [],
  type,
  subject,
  last: type || subject ? lookedThrough : lastOnes,
})
