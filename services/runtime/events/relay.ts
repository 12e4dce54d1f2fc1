/**
 * Brings events from the outboxes of a service to its stream in Redis.
 *
 *     change + event (one write) -> outbox -> relay -> stream -> consumer groups -> acknowledged by all -> out of the outbox
 *
 * An event leaves its outbox only when every group has acknowledged it. So Redis may lose everything at any time: what somebody still
 * needs is put into the stream again. Groups that were seen once are remembered in the collection `event_groups`, as a Redis that has lost
 * everything does not know them. One instance of a service relays, by a lease; that two never do at a time is not needed, see `append`.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { Collection, Db } from 'mongodb'
import type { Log } from '../log.ts'
import { limits, problemOf } from './behind.ts'
import type { OutboxEntry, Outboxed } from './event.ts'
import { eventBytes } from './event.ts'
import { createHints } from './hints.ts'
import { createLease } from './lease.ts'
import { relayLevels } from './levels.ts'
import { type Outbox, outboxOf, type Waiting } from './outbox.ts'
import { compareIds, connectRedis } from './redis.ts'
import { append, ensureGroup, floorOf, keys, noId, type StreamState, stateOf, trim } from './stream.ts'

export interface Relay {
  /**
   * Says that an aggregate has a new event, once that is written.
   * @param first the event, when it is the first of the aggregate, and surely written: so it need not be read again.
   */
  written(kind: string, aggregate: string, first?: OutboxEntry): void
  /** Rejects with what an operator should know: events that wait too long, a stream that is nearly full. */
  probe(): Promise<void>
  /** Relays what was told by now, if it can, and stops. */
  close(): Promise<void>
}

export interface RelayOptions {
  /** The name of the service. */
  stream: string
  db: Db
  /** The collections that have outboxes. */
  // biome-ignore lint/suspicious/noExplicitAny: whatever else their documents have.
  collections: Collection<any>[]
  redisUrl: string
  /** The name of the instance. */
  instance: string
  log: Log
  /** About how many events stay in the stream after everybody has them. */
  kept?: number
  /** How many it may have at all: further ones wait in their outboxes. */
  most?: number
}

const batch = 200
const mostTold = 50_000
/** How often is looked for what groups have acknowledged: with something under way, and without. ms. */
const checkMs = 150
const quietCheckMs = 1000
/** How often all outboxes are looked through for what was not told, at the most, and as a part of all time. */
const scanMs = 2000
const scanShare = 0.05
const pauseMs = 200
/** Events are gathered for so long: together they cost less, on the whole way. ms. */
const gatherMs = 15

/** An event in the stream that not every group is known to have acknowledged. */
interface Sent {
  streamId: string
  outbox: Outbox
  aggregate: string
  id: string
  sequence: number
}

export function createRelay(options: RelayOptions): Relay {
  const { stream, db, instance, log, kept = limits.kept, most = limits.most } = options
  const outboxes = new Map(options.collections.map(each => [each.collectionName, outboxOf<Outboxed>(each)]))
  const groups = db.collection<{ _id: string; createTime: Date }>('event_groups')
  const redis = connectRedis(options.redisUrl, `${instance}-relay`, log)
  let closing = false
  let wake = () => {}
  /** What is to be looked at: ids by kind, with what waits there where that is known. */
  const told = new Map([...outboxes.keys()].map(kind => [kind, new Map<string, OutboxEntry | undefined>()]))
  /** In the order of the stream; and of each aggregate among them, the last sequence in the stream. */
  let sent: Sent[] = []
  let relayed = new Map<string, number>()
  /** Counts how often it has started over. */
  let epoch = 0
  /** What is being taken out of the outboxes, beside everything else; and what is out. Both are the first of `sent`. */
  let removing: Promise<void> | undefined
  let removed: Sent[] = []
  /** The last id that this relay knows to be the last; undefined when it has to find out. */
  let lastId: string | undefined
  let state: StreamState | undefined
  /** All groups that were ever seen. */
  let known: Set<string> | undefined
  let [checkAt, scanAt] = [0, 0]
  let problem: string | undefined

  const lease = createLease(db, `relay/${stream}`, instance, () => {
    log.info({ stream }, 'relays events')
    startOver()
    wake()
  })
  function tell(kind: string, aggregate: string, first?: OutboxEntry) {
    const of = told.get(kind)
    // Who is told nothing finds out by looking.
    if (!of || !lease.held()) return
    if (of.size < mostTold) of.set(aggregate, of.has(aggregate) ? undefined : first)
    else scanAt = 0
    wake()
  }
  const hints = createHints(options.redisUrl, keys.hints(stream), instance, log, (kind, aggregates) => {
    for (const aggregate of aggregates) tell(kind, aggregate)
  })
  redis.on('close', startOver)

  /** Everything that waits is put into the stream again: who has had it knows it by its id. */
  function startOver() {
    lastId = undefined
    epoch++
    sent = []
    removed = []
    relayed = new Map()
    known = undefined
    checkAt = 0
  }

  const keyOf = (outbox: Outbox, aggregate: string) => `${outbox.kind}/${aggregate}`
  const isFull = () => state !== undefined && state.length >= most

  /** Puts what is new of these documents into the stream. @returns those that found no room. */
  async function relay(outbox: Outbox, waiting: Waiting[]): Promise<string[]> {
    const expected = lastId
    if (expected === undefined) return []
    const room = state ? most - state.length : most
    const left: string[] = []
    const news: Sent[] = []
    const events: Buffer[] = []
    for (const { aggregate, entries } of waiting) {
      const last = relayed.get(keyOf(outbox, aggregate)) ?? Number.NEGATIVE_INFINITY
      if (events.length >= room) {
        left.push(aggregate)
        continue
      }
      for (const entry of entries) {
        if (entry.sequence <= last) continue
        news.push({ streamId: '', outbox, aggregate, id: entry.id, sequence: entry.sequence })
        events.push(eventBytes(entry, stream, outbox.kind, aggregate))
      }
    }
    if (events.length === 0) return left
    const ids = await append(redis, stream, expected, events)
    // Meanwhile the connection broke: what is in the stream now has to be found out.
    if (lastId !== expected) return []
    if (ids.length === 0) {
      log.info({ stream }, 'the stream is not as it was left: relaying anew what waits')
      startOver()
      return []
    }
    lastId = ids.at(-1)
    if (state) state.length += ids.length
    for (const [index, one] of news.entries()) {
      one.streamId = ids[index] ?? ''
      sent.push(one)
      relayed.set(keyOf(outbox, one.aggregate), one.sequence)
    }
    return left
  }

  async function relayTold(): Promise<void> {
    for (const [kind, outbox] of outboxes) {
      const of = told.get(kind) ?? new Map()
      while (of.size > 0 && lastId !== undefined && !isFull()) {
        const some: [string, OutboxEntry | undefined][] = [...of.entries().take(batch)]
        for (const [aggregate] of some) of.delete(aggregate)
        try {
          const unread = some.flatMap(([aggregate, entry]) => (entry ? [] : [aggregate]))
          const known = some.flatMap(([aggregate, entry]) => (entry ? [{ aggregate, entries: [entry] }] : []))
          const waiting = unread.length > 0 ? [...known, ...(await outbox.of(unread))] : known
          for (const aggregate of await relay(outbox, waiting)) of.set(aggregate, undefined)
        } catch (error) {
          for (const [aggregate] of some) of.set(aggregate, undefined)
          throw error
        }
      }
    }
  }

  async function scan(): Promise<void> {
    const began = performance.now()
    for (const outbox of outboxes.values()) {
      for await (const waiting of outbox.all(batch)) {
        if (lastId === undefined || isFull()) return
        await relay(outbox, waiting)
      }
    }
    const tookMs = performance.now() - began
    scanAt = performance.now() + Math.max(scanMs, tookMs / scanShare)
  }

  /** Finds out how far the groups are, and takes out of the outboxes what all of them have. */
  async function check(): Promise<void> {
    known ??= new Set((await groups.find().toArray()).map(({ _id }) => _id))
    for (const group of await redis.smembers(keys.deleted(stream))) {
      await groups.deleteOne({ _id: group })
      await redis.call('XGROUP', ['DESTROY', keys.stream(stream), group]).catch(() => {})
      await redis.srem(keys.deleted(stream), group)
      known.delete(group)
    }
    const now = await stateOf(redis, stream)
    const seen = now.groups.map(({ group }) => group)
    for (const _id of seen) {
      if (known.has(_id)) continue
      await groups.updateOne({ _id }, { $setOnInsert: { createTime: new Date() } }, { upsert: true })
      known.add(_id)
    }
    const lost = [...known].filter(group => !seen.includes(group))
    for (const group of lost) await ensureGroup(redis, stream, group)
    await redis.sadd(keys.streams, stream)
    if (lost.length > 0 || (lastId !== undefined && now.lastId !== lastId)) {
      if (lastId !== undefined) log.warn({ stream, groups: lost }, 'Redis has lost events: relaying anew what waits')
      startOver()
    }
    if (lastId === undefined) {
      lastId = now.lastId
      scanAt = 0
    }
    state = now
    if (lost.length === 0) takeOut(floorOf(now))
    await trim(redis, stream, now, kept)
    problem = problemOf(now, most)
    checkAt = performance.now() + (sent.length > 0 ? checkMs : quietCheckMs)
  }

  /** @param floor the first id that some group has not acknowledged; undefined when there is no group. */
  function takeOut(floor: string | undefined): void {
    if (removing || removed.length > 0) return
    let count = 0
    while (count < sent.length && (!floor || compareIds(sent[count]?.streamId ?? noId, floor) < 0)) count++
    if (count === 0) return
    const done = sent.slice(0, count)
    const began = epoch
    removing = remove(done)
      .then(() => {
        if (began === epoch) removed = done
      })
      .catch(error => log.debug({ stream, reason: String(error) }, 'outboxes could not be emptied; trying again'))
      .finally(() => {
        removing = undefined
      })
  }

  async function remove(done: Sent[]): Promise<void> {
    for (const [outbox, of] of Map.groupBy(done, ({ outbox }) => outbox)) {
      for (let at = 0; at < of.length; at += 500) {
        const some = of.slice(at, at + 500)
        await outbox.remove(
          [...new Set(some.map(({ aggregate }) => aggregate))],
          some.map(({ id }) => id),
        )
      }
    }
  }

  /** Not while outboxes are being read: what was read before it was out would be taken for new. */
  function forgetRemoved(): void {
    sent = sent.slice(removed.length)
    for (const { outbox, aggregate, sequence } of removed) {
      const key = keyOf(outbox, aggregate)
      if (relayed.get(key) === sequence) relayed.delete(key)
    }
    removed = []
  }

  async function work(): Promise<void> {
    forgetRemoved()
    if (performance.now() >= checkAt) await check()
    await relayTold()
    if (performance.now() >= scanAt && !isFull()) await scan()
  }

  async function run(): Promise<void> {
    while (!closing) {
      let waitMs = quietCheckMs
      if (lease.held() && redis.status === 'ready') {
        try {
          await work()
          await wait(gatherMs)
          const now = performance.now()
          if (sent.length > 0) checkAt = Math.min(checkAt, now + checkMs)
          waitMs = isFull() ? checkMs : Math.min(checkAt, scanAt) - now
          if ([...told.values()].some(({ size }) => size > 0) && !isFull()) waitMs = 0
        } catch (error) {
          log.debug({ stream, reason: String(error) }, 'events could not be relayed; trying again')
          problem = `events of ${stream} cannot be relayed: ${error instanceof Error ? error.message : error}`
          waitMs = pauseMs
        }
      }
      if (waitMs > 0 && !closing) await pause(waitMs)
      else await new Promise(setImmediate)
    }
  }

  function pause(ms: number): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(resolve, ms)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
  const ends = relayLevels(stream, () => {
    const waiting = sent.length + [...told.values()].reduce((sum, { size }) => sum + size, 0)
    return lease.held() ? { state, waiting } : undefined
  })
  const running = run()

  return {
    written(kind, aggregate, first) {
      if (lease.held()) tell(kind, aggregate, first)
      else hints.send(kind, aggregate)
    },
    async probe() {
      if (redis.status !== 'ready')
        throw new Error(`events of ${stream} wait in their outboxes: no connection to Redis`)
      if (lease.held() && problem) throw new Error(problem)
    },
    async close() {
      closing = true
      for (const end of ends) end()
      wake()
      await running
      if (lease.held() && redis.status === 'ready')
        await relayTold()
          .then(check)
          .then(() => removing)
          .catch(() => {})
      hints.close()
      await lease.close()
      redis.disconnect()
    },
  }
}
