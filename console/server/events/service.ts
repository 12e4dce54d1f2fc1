/** EventsService: streams, groups and dead letters, as Redis has them. What is wanted of a group is handed to whoever reads for it. */
import { setTimeout as wait } from 'node:timers/promises'
import { fromBinary, toJsonString } from '@bufbuild/protobuf'
import type { EventsServiceService, WatchedEvent } from '@site11/proto/grpc/site11/console/v1/events_service.ts'
import type { Handlers } from '@site11/runtime/call.ts'
import { registry } from '@site11/runtime/contract.ts'
import { notFound, resourceExhausted, ServiceError, unavailable } from '@site11/runtime/errors.ts'
import { isNearlyFull, limits } from '@site11/runtime/events/behind.ts'
import { areWaiting, type Command, sendCommand, takeBack } from '@site11/runtime/events/commands.ts'
import { Event } from '@site11/runtime/events/event.ts'
import {
  deadLetterOf,
  deadLettersOf,
  eventsAfter,
  forgetGroup,
  isForgotten,
  lastEvents,
  lookAtStream,
  streamNames,
} from '@site11/runtime/events/look.ts'
import { msOf, type Redis } from '@site11/runtime/events/redis.ts'
import { noId } from '@site11/runtime/events/stream.ts'

/** All ms. */
const lookMs = 100
const takenWithinMs = 5000
const handledWithinMs = 15_000
const watchMs = 250
const quietMs = 5000
const maxWatches = 50
const pageSize = 50
const eventsAtOnce = 500

/** @param redis undefined when the Console is told of none. */
export function eventsService(redis: Redis | undefined): Handlers<typeof EventsServiceService> {
  let watches = 0

  /** @throws ServiceError UNAVAILABLE. */
  async function asked<T>(question: (redis: Redis) => Promise<T>): Promise<T> {
    if (!redis) throw unavailable('The Console is told of no Redis (SITE11_REDIS_URL), where events would be.')
    try {
      return await question(redis)
    } catch (error) {
      if (error instanceof ServiceError) throw error
      throw unavailable(
        `Redis, where the events are, cannot be asked: ${error instanceof Error ? error.message : error}`,
      )
    }
  }

  async function requireGroup(redis: Redis, stream: string, group: string): Promise<void> {
    const { groups } = await lookAtStream(redis, stream)
    if (!groups.some(each => each.group === group)) throw notFound('group', `${stream}/${group}`)
  }

  /** Resolves when whoever reads for the group has taken the command. @throws ServiceError UNAVAILABLE when nobody does. */
  async function command(redis: Redis, stream: string, group: string, command: Command): Promise<void> {
    await sendCommand(redis, stream, group, command)
    const giveUpAt = performance.now() + takenWithinMs
    while (performance.now() < giveUpAt) {
      if (!(await areWaiting(redis, stream, group))) return
      await wait(lookMs)
    }
    if (await takeBack(redis, stream, group, command))
      throw unavailable(
        `Nobody reads for the group ${group} now: no instance of it runs, or none reaches its database.`,
      )
  }

  /** @returns why the event is still a dead letter; undefined when it is none any more. */
  async function letterAfter(
    { stream, group, eventId }: { stream: string; group: string; eventId: string },
    action: 'retry' | 'skip',
  ): Promise<string | undefined> {
    return asked(async redis => {
      await requireGroup(redis, stream, group)
      const before = await deadLetterOf(redis, stream, group, eventId)
      if (!before) throw notFound('dead letter', eventId)
      await command(redis, stream, group, { action, eventId })
      const giveUpAt = performance.now() + handledWithinMs
      while (performance.now() < giveUpAt) {
        const now = await deadLetterOf(redis, stream, group, eventId)
        if (!now) return undefined
        if (now.time.getTime() !== before.time.getTime()) return now.reason
        // Not its turn: an earlier one of its subject has failed.
        if (now.attempts === 0 && performance.now() > giveUpAt - handledWithinMs / 2) return now.reason
        await wait(lookMs)
      }
      throw unavailable('It is still being tried. Look again in a moment.')
    })
  }

  return {
    listStreams: () =>
      asked(async redis => {
        const streams = await Promise.all((await streamNames(redis)).map(name => lookAtStream(redis, name)))
        return {
          streams: streams.map(({ stream, length, appended, lastId, groups }) => ({
            stream,
            length,
            appended,
            capacity: limits.most,
            nearlyFull: isNearlyFull({ length }),
            lastTime: lastId === noId ? undefined : new Date(msOf(lastId)),
            groups: groups.map(({ group, lag, pending, oldestMs, deadLetters, behind }) => ({
              group,
              lag,
              pending,
              oldestAge: oldestMs === undefined ? undefined : durationOf(oldestMs),
              deadLetters,
              behind,
            })),
          })),
        }
      }),

    listDeadLetters: ({ stream, group, pageSize: wanted, pageToken }) =>
      asked(async redis => {
        await requireGroup(redis, stream, group)
        const size = wanted || pageSize
        const found = await deadLettersOf(redis, stream, group, pageToken, size + 1)
        const page = found.slice(0, size)
        return {
          deadLetters: page.map(({ eventId, event, reason, attempts, time }) => ({
            event: event ?? Event.fromPartial({ id: eventId }),
            payload: event ? payloadOf(event) : '',
            reason,
            attempts,
            time,
          })),
          nextPageToken: found.length > size ? (page.at(-1)?.place ?? '') : '',
        }
      }),

    async retryDeadLetter(request) {
      const reason = await letterAfter(request, 'retry')
      return { handled: reason === undefined, reason: reason ?? '' }
    },

    async skipDeadLetter(request) {
      await letterAfter(request, 'skip')
      return {}
    },

    replayEvents: ({ stream, group, from, again }) =>
      asked(async redis => {
        await requireGroup(redis, stream, group)
        await command(redis, stream, group, { action: 'replay', from: (from ?? new Date()).toISOString(), again })
        return {}
      }),

    deleteGroup: ({ stream, group }) =>
      asked(async redis => {
        await requireGroup(redis, stream, group)
        await forgetGroup(redis, stream, group)
        const giveUpAt = performance.now() + takenWithinMs
        while (!(await isForgotten(redis, stream, group))) {
          if (performance.now() > giveUpAt)
            throw unavailable(`Nobody relays the events of ${stream} now. The group is forgotten when somebody does.`)
          await wait(lookMs)
        }
        return {}
      }),

    async *watchEvents({ streams, subject, type, last }, { signal }) {
      if (watches >= maxWatches) throw resourceExhausted('OVERLOADED', 'Too many watch events here already.', 5000)
      watches++
      try {
        const isWanted = ({ event }: { event: Event }) =>
          (!subject || event.subject === subject) && (!type || event.type.endsWith(type))
        /** Up to where each stream is sent. */
        const places = new Map<string, string>()
        let saidMs = Number.NEGATIVE_INFINITY
        let first = true
        while (!signal.aborted) {
          const events = await asked(async redis => {
            const found: WatchedEvent[] = []
            for (const stream of streams.length > 0 ? streams : await streamNames(redis)) {
              const place = places.get(stream)
              const news =
                place !== undefined
                  ? await eventsAfter(redis, stream, place, eventsAtOnce)
                  : await lastEvents(redis, stream, Math.max(1, first ? last : eventsAtOnce))
              // One that came since the watch began is new as a whole; before, only the last ones are wanted.
              const sent = place === undefined && first && last === 0 ? [] : news
              places.set(stream, news.at(-1)?.place ?? place ?? noId)
              for (const each of sent.filter(isWanted))
                found.push({ stream, event: each.event, payload: payloadOf(each.event) })
            }
            return found
          })
          if (events.length > 0 || first || performance.now() > saidMs + quietMs) {
            yield { events }
            saidMs = performance.now()
          }
          first = false
          if (events.length < eventsAtOnce) await wait(watchMs, undefined, { signal }).catch(() => {})
        }
      } finally {
        watches--
      }
    },
  }
}

/** @returns the payload as JSON; empty when the contracts do not have its type, or it is damaged. */
export function payloadOf({ type, data }: Event): string {
  try {
    const desc = registry.getMessage(type)
    return desc ? toJsonString(desc, fromBinary(desc, data), { registry }) : ''
  } catch {
    return ''
  }
}

const durationOf = (ms: number) => ({ seconds: Math.floor(ms / 1000), nanos: Math.round((ms % 1000) * 1e6) })
