/**
 * A consumer group: the events of a stream, each handled once in effect, those of one subject in their order.
 *
 *     stream -> lanes, by subject -> inbox mark + effects (one transaction) -> acknowledged
 *                                 -> failed: again later, then a dead letter, and with it what follows of its subject
 *
 * One instance of a service reads for the group, by a lease: only so a subject's events stay in order. Another takes over what is not
 * acknowledged within seconds; that two are at it for a moment does no harm, by the inbox.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { status } from '@grpc/grpc-js'
import type { ClientSession } from 'mongodb'
import { ServiceError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Store } from '../store/connect.ts'
import { isUnreachable } from '../store/store-error.ts'
import { parseTraceparent } from '../telemetry/trace-context.ts'
import { consumerSpan } from '../telemetry/tracing.ts'
import { type Command, createCommands } from './commands.ts'
import { createDeadLetters } from './dead-letters.ts'
import { type Codec, type Event, readEvent } from './event.ts'
import { AlreadyHandled, createInbox } from './inbox.ts'
import { createLanes } from './lanes.ts'
import { createLease } from './lease.ts'
import { deadLetterLevel } from './levels.ts'
import { connectRedis, entriesOf, type StreamEntry } from './redis.ts'
import { ensureGroup, keys } from './stream.ts'

/** Does what events lead to. */
export interface Handler {
  /** What it handles, such as `site11.users.v1.UserCreated`. Other events are passed over. */
  types: readonly string[]
  /**
   * Is given some events, those of one subject in their order. What it writes within the session has its effect once; what it does elsewhere
   * may be done more than once. When it throws, each event is tried by itself, and one that fails so again later: with a ServiceError
   * UNAVAILABLE as long as it takes, otherwise so often only.
   */
  handle(events: Event[], session: ClientSession): Promise<void>
}

type One = (event: Event, session: ClientSession) => Promise<void>

/** Handles events one after the other, by their types. Who gets many a second writes a Handler that takes them together. */
export function each(handlers: Readonly<Record<string, One>>): Handler {
  return {
    types: Object.keys(handlers),
    async handle(events, session) {
      for (const event of events) await handlers[event.type]?.(event, session)
    },
  }
}

/** @returns what handles events with this payload, for `each`. */
export function on<T>(
  codec: Codec<T>,
  handle: (message: T, event: Event, session: ClientSession) => Promise<void>,
): One {
  return (event, session) => handle(codec.decode(event.data), event, session)
}

export interface Subscription {
  /** The stream: the name of the service that publishes. */
  stream: string
  /** The group: the name of the service that subscribes. */
  group: string
  /** The database for the effects and for the inbox. */
  store: Pick<Store, 'client' | 'db'>
  redisUrl: string
  /** The name of the instance. */
  instance: string
  log: Log
  handler: Handler
  /** How often an event is tried. */
  maxAttempts?: number
  /** How long it waits after the first attempt, three times as long after each further one, 10 s at the most. ms. */
  retryMs?: number
}

export interface Consumer {
  /** Rejects when events cannot be received. */
  probe(): Promise<void>
  /** Finishes what is being handled, and stops. The rest is handled by another instance, or after the next start. */
  close(): Promise<void>
}

/** Lanes, events in one transaction, and events in hand. */
const laneCount = 4
const batch = 100
const mostInHand = 1000
/** How long a read waits for events, and how long it may take to be answered. ms. */
const blockMs = 500
const readMs = 5000
const pauseMs = 200
const outageMs = 1000
const longestRetryMs = 10_000
/** Where one event has come again, so do others: for so long it is asked first which of them were handled. ms. */
const suspectMs = 10_000

const none: ReadonlySet<string> = new Set()

interface InHand {
  streamId: string
  subject: string
  event: Event
  bytes: Buffer
  attempts: number
}

export async function subscribe(subscription: Subscription): Promise<Consumer> {
  const { stream, group, store, instance, log, handler, maxAttempts = 6, retryMs = 200 } = subscription
  const key = keys.stream(stream)
  const about = { stream, group }
  const types = new Set(handler.types)
  const inbox = await createInbox(store.client, store.db, { stream, group, parallel: laneCount + 1, log })
  const redis = connectRedis(subscription.redisUrl, `${instance}-${stream}`, log)
  const reader = connectRedis(subscription.redisUrl, `${instance}-${stream}-reader`, log, readMs)
  const letters = createDeadLetters(store.db, redis, stream, group)
  const lanes = createLanes<InHand>(laneCount, batch, handle)
  /** By id in the stream. */
  const inHand = new Map<string, InHand>()
  const closing = new AbortController()
  /** Whether everything that was given to the group and not acknowledged is in hand. */
  let isCurrent = false
  let suspectUntil = 0
  const lease = createLease(store.db, `group/${stream}/${group}`, instance, () => log.info(about, 'handles events'))
  const endLevel = deadLetterLevel(stream, group, () => (lease.held() ? letters.count() : undefined))

  async function acknowledge(items: InHand[]): Promise<void> {
    if (items.length === 0) return
    try {
      await redis.xack(key, group, ...items.map(({ streamId }) => streamId))
    } catch {
      // They come again, and are known.
      isCurrent = false
    }
    for (const { streamId } of items) inHand.delete(streamId)
  }

  const park = async (item: InHand, reason: string) => {
    const { event, subject, streamId, bytes, attempts } = item
    await letters.park({
      eventId: event.id,
      subject,
      sequence: event.sequence,
      streamId,
      event: bytes,
      reason: reason.slice(0, 1000),
      attempts,
      time: new Date(),
    })
    await acknowledge([item])
  }

  /** Whoever reads for the group takes them over, be it this instance again. */
  function drop(items: InHand[]): void {
    for (const { streamId } of items) inHand.delete(streamId)
    isCurrent = false
  }

  function begin(items: InHand[]): void {
    for (const item of items) inHand.set(item.streamId, item)
    lanes.add(items)
  }

  /** The work of a lane. What cannot be handled now because something is away, waits. */
  async function handle(items: InHand[]): Promise<void> {
    if (!lease.held()) return drop(items)
    try {
      await tryAll(items)
    } catch (error) {
      if (!isOutage(error)) log.error({ ...about, err: error }, 'events could not be handled; trying again')
      const left = items.filter(({ streamId }) => inHand.has(streamId))
      for (const item of left) lanes.holdBack(item, jittered(outageMs))
      // It was not tried, after all.
      const counted = left.filter(({ attempts }) => attempts > 0)
      for (const { streamId, attempts } of counted) await countAttempts([streamId], attempts).catch(() => {})
    }
  }

  async function tryAll(items: InHand[]): Promise<void> {
    // Mostly none is, which is not worth a question.
    const isSuspect =
      performance.now() < suspectUntil ||
      items.some(({ attempts, subject }) => attempts > 0 || letters.isParked(subject))
    const known = isSuspect ? await inbox.known(items.map(({ event }) => event.id)) : none
    const ids = new Set<string>()
    const fresh: InHand[] = []
    const done: InHand[] = []
    /** Not done: the same event more than once among them. */
    const left: InHand[] = []
    for (const item of items) {
      const { event, subject } = item
      if (known.has(event.id) || !types.has(event.type)) done.push(item)
      else if (letters.isParked(subject)) {
        await park({ ...item, attempts: 0 }, 'It waits for an earlier event of its subject.')
      } else {
        left.push(item)
        if (!ids.has(event.id)) fresh.push(item)
        ids.add(event.id)
      }
    }
    try {
      if (fresh.length > 0) await handleOnce(fresh.map(({ event }) => event))
      await acknowledge([...done, ...left])
    } catch (error) {
      await acknowledge(done)
      if (isOutage(error)) throw error
      if (error instanceof AlreadyHandled) {
        suspectUntil = performance.now() + suspectMs
        return tryAll(left)
      }
      if (left.length === 1 && left[0]) return failed(left[0], error)
      // One of them is at fault: each by itself.
      for (const item of left) {
        if (lanes.isHeldBack(item.subject)) lanes.holdBack(item, 0)
        else await handle([item])
      }
    }
  }

  /** Under a span that goes on with the trace of the events. */
  async function handleOnce(events: Event[]): Promise<void> {
    const parents = events.flatMap(({ traceparent }) => parseTraceparent(traceparent) ?? [])
    const span = consumerSpan(stream, group, parents, events.length)
    const ids = events.map(({ id }) => id)
    try {
      await inbox.once(ids, session => handler.handle(events, session))
      span?.end(status.OK)
    } catch (error) {
      span?.end(error instanceof ServiceError ? error.code : status.UNKNOWN)
      throw error
    }
  }

  async function failed(item: InHand, error: unknown): Promise<void> {
    const reason = error instanceof Error ? error.message : String(error)
    item.attempts++
    const { event, subject, attempts, streamId } = item
    log.warn(
      { ...about, event: event.id, type: event.type, subject, attempts, reason },
      'an event could not be handled',
    )
    if (attempts >= maxAttempts) return park(item, reason)
    lanes.holdBack(item, jittered(Math.min(longestRetryMs, retryMs * 3 ** (attempts - 1))))
    await countAttempts([streamId], attempts).catch(() => {})
  }

  /** Redis keeps the number of attempts, for whoever takes over. */
  const countAttempts = (ids: string[], attempts: number) =>
    redis.call('XCLAIM', [key, group, instance, 0, ...ids, 'RETRYCOUNT', attempts, 'JUSTID'])

  async function take(entries: StreamEntry[], attempts: number): Promise<InHand[]> {
    const items: InHand[] = []
    for (const { id: streamId, fields } of entries) {
      const bytes = fields.get('event') ?? Buffer.alloc(0)
      try {
        const event = readEvent(bytes)
        items.push({ streamId, subject: event.subject, event, bytes, attempts })
      } catch (error) {
        const event = { id: `malformed-${streamId}`, sequence: 0 } as Event
        await park({ streamId, subject: `malformed/${streamId}`, event, bytes, attempts }, `It is no event: ${error}`)
      }
    }
    return items
  }

  /** Takes what was given to the group, to this instance or to another one, and not acknowledged. */
  async function takeOver(): Promise<void> {
    suspectUntil = performance.now() + suspectMs
    await inbox.takeOver()
    await ensureGroup(redis, stream, group)
    await letters.load()
    for (let from = '0-0'; ; ) {
      const answer = await redis.call('XAUTOCLAIM', [key, group, instance, 0, from, 'COUNT', 500, 'JUSTID'])
      from = (answer as [string])[0]
      if (from === '0-0') break
    }
    const found: InHand[] = []
    for (let from = '-'; ; ) {
      const page = (await redis.call('XPENDING', [key, group, from, '+', 500])) as [string, string, number, number][]
      const pipeline = redis.pipeline()
      const missing = page.filter(([id]) => !inHand.has(id))
      for (const [id] of missing) pipeline.xrangeBuffer(key, id, id)
      const answers = (await pipeline.exec()) ?? []
      for (const [index, [id, , , count]] of missing.entries()) {
        const [entry] = entriesOf(answers[index]?.[1])
        if (entry) found.push(...(await take([entry], count)))
        else await redis.xack(key, group, id)
      }
      const last = page.at(-1)
      if (!last || page.length < 500) break
      from = `(${last[0]}`
    }
    // An event that ended its process with it shows when it is handled alone.
    if (found.some(({ attempts }) => attempts >= 2)) await handleAlone(found)
    else {
      const ids = found.map(({ streamId }) => streamId)
      if (ids.length > 0) await countAttempts(ids, 2)
      // Being given is no attempt yet, as long as nothing says that it failed.
      for (const item of found) item.attempts = 0
      begin(found)
    }
  }

  async function handleAlone(items: InHand[]): Promise<void> {
    for (const item of items) {
      if (!lease.held() || closing.signal.aborted) {
        isCurrent = false
        return
      }
      if (item.attempts >= maxAttempts) {
        await park(item, `The process ended while it was handled, ${item.attempts} times.`)
        continue
      }
      await countAttempts([item.streamId], item.attempts + 1)
      inHand.set(item.streamId, item)
      await handle([item])
    }
  }

  /** Tries what is parked of a subject, in order, until one fails. */
  async function retry(eventId: string, skip: boolean): Promise<void> {
    const asked = await letters.find(eventId)
    if (!asked) return
    if (skip) {
      await inbox.once([eventId], session => letters.remove(asked, session))
      await letters.removed(asked)
    }
    for (let first = await letters.firstOf(asked.subject); first; first = await letters.firstOf(asked.subject)) {
      const letter = first
      try {
        const isKnown = (await inbox.known([letter.eventId])).size > 0
        const event = isKnown ? undefined : readEvent(letter.event)
        await inbox.once(isKnown ? [] : [letter.eventId], async session => {
          if (event) await handler.handle([event], session)
          await letters.remove(letter, session)
        })
        await letters.removed(letter)
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error)
        await letters.park({ ...letter, reason, attempts: letter.attempts + 1, time: new Date() })
        return
      }
    }
  }

  async function obey(command: Command): Promise<void> {
    log.info({ ...about, ...command }, 'an operator wants')
    if (command.action === 'replay') {
      const from = new Date(command.from)
      if (command.again) await inbox.forget(from)
      await redis.call('XGROUP', ['SETID', key, group, `${from.getTime() - 1}-18446744073709551615`])
      return
    }
    const letter = await letters.find(command.eventId)
    if (letter) lanes.run(letter.subject, () => retry(command.eventId, command.action === 'skip'))
  }

  const commands = createCommands(redis, stream, group)

  async function read(): Promise<void> {
    if (!isCurrent) {
      isCurrent = true
      await takeOver()
    }
    for (const command of await commands.next()) await obey(command)
    if (lanes.ready() >= mostInHand) return wait(5)
    const how = ['GROUP', group, instance, 'COUNT', batch * 2, 'BLOCK', blockMs, 'STREAMS', key, '>']
    const answer = (await reader.callBuffer('XREADGROUP', how)) as [Buffer, unknown][] | null
    if (answer?.[0]) begin(await take(entriesOf(answer[0][1]), 0))
  }

  async function run(): Promise<void> {
    while (!closing.signal.aborted) {
      const pause = () => wait(pauseMs, undefined, { signal: closing.signal }).catch(() => {})
      if (!lease.held()) {
        // Another one handles what is not acknowledged.
        isCurrent = false
        lanes.clear()
        inHand.clear()
        await pause()
      } else if (redis.status !== 'ready' || reader.status !== 'ready') {
        isCurrent = false
        await pause()
      } else {
        await read().catch(async error => {
          log.debug({ ...about, reason: String(error) }, 'events could not be read; trying again')
          isCurrent = false
          await pause()
        })
      }
    }
  }
  const running = run()

  return {
    async probe() {
      if (redis.status !== 'ready') throw new Error(`events of ${stream} cannot be received: no connection to Redis`)
    },
    async close() {
      closing.abort()
      endLevel()
      reader.disconnect()
      await running
      await lanes.close()
      await lease.close()
      await inbox.close().catch(() => {})
      redis.disconnect()
    },
  }
}

/** Whether something that is needed is away, which is not the event's fault. */
function isOutage(error: unknown): boolean {
  if (isUnreachable(error)) return true
  if (error instanceof ServiceError) return error.code === status.UNAVAILABLE
  const labelled = error as { hasErrorLabel?(label: string): boolean }
  return labelled.hasErrorLabel?.('TransientTransactionError') ?? false
}

const jittered = (ms: number) => ms * (0.5 + Math.random())
