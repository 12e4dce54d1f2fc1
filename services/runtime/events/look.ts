/** Streams, groups and dead letters as those see them who look on from elsewhere: only by Redis. */
import { isBehind } from './behind.ts'
import { Event, readEvent } from './event.ts'
import { entriesOf, msOf, type Redis, type StreamEntry } from './redis.ts'
import { type GroupState, keys, type StreamState, stateOf } from './stream.ts'

export interface SeenGroup extends GroupState {
  /** How old the oldest event is that it has not handled. ms. */
  oldestMs: number | undefined
  deadLetters: number
  behind: boolean
}
export interface SeenStream extends StreamState {
  stream: string
  groups: SeenGroup[]
}

/** @returns the names of all streams, sorted. */
export const streamNames = async (redis: Redis): Promise<string[]> => (await redis.smembers(keys.streams)).sort()

export async function lookAtStream(redis: Redis, stream: string, nowMs = Date.now()): Promise<SeenStream> {
  const state = await stateOf(redis, stream)
  const groups = await Promise.all(
    state.groups.map(async group => ({
      ...group,
      oldestMs: group.oldestId ? Math.max(0, nowMs - msOf(group.oldestId)) : undefined,
      behind: isBehind(group, nowMs),
      deadLetters: await redis.xlen(keys.deadLetters(stream, group.group)),
    })),
  )
  return { ...state, stream, groups: groups.toSorted((a, b) => (a.group < b.group ? -1 : 1)) }
}

export interface SeenLetter {
  /** Where it is in the list. */
  place: string
  eventId: string
  /** Undefined when it is no event at all. */
  event: Event | undefined
  reason: string
  attempts: number
  time: Date
}

/** @returns dead letters of a group in the order in which they came to be, or were tried last; those after a place. */
export async function deadLettersOf(
  redis: Redis,
  stream: string,
  group: string,
  after: string,
  limit: number,
): Promise<SeenLetter[]> {
  const from = after ? `(${after}` : '-'
  const answer = await redis.xrangeBuffer(keys.deadLetters(stream, group), from, '+', 'COUNT', limit)
  return entriesOf(answer).map(({ id: place, fields }) => ({
    place,
    eventId: String(fields.get('id')),
    event: eventIn(fields),
    reason: String(fields.get('reason')),
    attempts: Number(fields.get('attempts')),
    time: new Date(String(fields.get('time'))),
  }))
}

/** @returns the dead letter of an event, if there is one. */
export async function deadLetterOf(
  redis: Redis,
  stream: string,
  group: string,
  eventId: string,
): Promise<SeenLetter | undefined> {
  for (let after = ''; ; ) {
    const page = await deadLettersOf(redis, stream, group, after, 500)
    const found = page.find(letter => letter.eventId === eventId)
    if (found || page.length < 500) return found
    after = page.at(-1)?.place ?? ''
  }
}

export interface SeenLetters {
  stream: string
  group: string
  count: number
  /** Since when there is the oldest, or since when it was tried last. */
  since: Date
}

/** @returns the groups of all streams that have dead letters. */
export async function groupsWithDeadLetters(redis: Redis): Promise<SeenLetters[]> {
  const streams = await Promise.all((await streamNames(redis)).map(name => lookAtStream(redis, name)))
  const found = await Promise.all(
    streams.flatMap(({ stream, groups }) =>
      groups.map(async ({ group, deadLetters: count }) => {
        const [oldest] = count > 0 ? await deadLettersOf(redis, stream, group, '', 1) : []
        return oldest ? [{ stream, group, count, since: oldest.time }] : []
      }),
    ),
  )
  return found.flat()
}

export interface SeenEvent {
  /** Where it is in the stream. */
  place: string
  event: Event
}

/** @returns events of a stream after a place, in their order. */
export async function eventsAfter(redis: Redis, stream: string, place: string, limit: number): Promise<SeenEvent[]> {
  return eventsIn(entriesOf(await redis.xrangeBuffer(keys.stream(stream), `(${place}`, '+', 'COUNT', limit)))
}

/** @returns the last events of a stream, in their order. */
export async function lastEvents(redis: Redis, stream: string, limit: number): Promise<SeenEvent[]> {
  const answer = await redis.xrevrangeBuffer(keys.stream(stream), '+', '-', 'COUNT', limit)
  return eventsIn(entriesOf(answer).reverse())
}

const eventsIn = (entries: StreamEntry[]): SeenEvent[] =>
  entries.map(({ id: place, fields }) => ({
    place,
    event: eventIn(fields) ?? Event.fromPartial({ id: place }),
  }))

function eventIn(fields: StreamEntry['fields']): Event | undefined {
  try {
    return readEvent(fields.get('event') ?? Buffer.alloc(0))
  } catch {
    return undefined
  }
}

/** @returns whether the group is gone, which its relay sees to. */
export const isForgotten = async (redis: Redis, stream: string, group: string): Promise<boolean> =>
  (await redis.sismember(keys.deleted(stream), group)) === 0

/** Asks the relay of the stream to forget a group. */
export const forgetGroup = async (redis: Redis, stream: string, group: string): Promise<void> => {
  await redis.sadd(keys.deleted(stream), group)
}
