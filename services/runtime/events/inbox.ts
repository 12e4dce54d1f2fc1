/**
 * What a group has handled: the collection `event_inbox` in its own database, `{ _id: '<stream>/<group>/<event id>', time }`. A mark is
 * written in the same transaction as the effect of the event, so that an event that comes again has none.
 *
 * A process that is killed leaves its transactions open, and what they have locked stays so for a minute, if nobody ends them. Therefore the
 * ids of its sessions are known to whoever takes over: `event_sessions`, `{ _id: '<stream>/<group>', ids }`.
 */
import { type Binary, type ClientSession, type Db, type MongoClient, MongoServerError } from 'mongodb'
import { unavailable } from '../errors.ts'
import type { Log } from '../log.ts'
import { ensureIndexes } from '../store/indexes.ts'
import { DUPLICATE_KEY } from '../store/store-error.ts'

/** Far longer than any event waits for any group. s. */
const keptS = 90 * 24 * 3600
/** How long a transaction that meets others or a broken connection is repeated. ms. The driver would go on for two minutes. */
const patienceMs = 5000

export interface Inbox {
  /** Ends what another process may have left. */
  takeOver(): Promise<void>
  /** @returns which of these events have had their effect. */
  known(eventIds: string[]): Promise<Set<string>>
  /** Marks events as handled, and does what they lead to: both or none of it. @throws AlreadyHandled when one of them is. */
  once(eventIds: string[], effects: (session: ClientSession) => Promise<void>): Promise<void>
  /** Forgets what was handled since then. */
  forget(from: Date): Promise<void>
  close(): Promise<void>
}

/** Some of the events have had their effect before. None has it now. */
export class AlreadyHandled extends Error {}

/** @param parallel how many transactions there are at a time. */
export async function createInbox(
  client: MongoClient,
  db: Db,
  { stream, group, parallel, log }: { stream: string; group: string; parallel: number; log: Log },
): Promise<Inbox> {
  const marks = db.collection<{ _id: string; time: Date }>('event_inbox')
  const left = db.collection<{ _id: string; ids: Binary[] }>('event_sessions')
  await ensureIndexes(marks, [{ name: 'expire', key: { time: 1 }, expireAfterSeconds: keptS }], log)
  const scope = `${stream}/${group}`
  const prefix = `${scope}/`
  const sessions = Array.from({ length: parallel }, () => client.startSession())
  const own = sessions.flatMap(({ id }) => (id ? [id.id as Binary] : []))
  const free = [...sessions]

  return {
    async takeOver() {
      const before = (await left.findOne({ _id: scope }, { promoteBuffers: false }))?.ids ?? []
      const others = before.filter(id => !own.some(each => each.toString('hex') === id.toString('hex')))
      if (before.length > 0 && others.length === 0) return
      if (others.length > 0) await db.command({ killSessions: others.map(id => ({ id })) })
      await left.replaceOne({ _id: scope }, { ids: own }, { upsert: true })
    },
    async known(eventIds) {
      const filter = { _id: { $in: eventIds.map(id => prefix + id) } }
      const found = await marks.find(filter, { batchSize: eventIds.length + 1, projection: { _id: 1 } }).toArray()
      return new Set(found.map(({ _id }) => _id.slice(prefix.length)))
    },
    async once(eventIds, effects) {
      const giveUpAt = performance.now() + patienceMs
      const time = new Date()
      const session = free.pop()
      if (!session) throw new Error(`more than ${parallel} transactions at a time`)
      try {
        await session.withTransaction(async () => {
          if (performance.now() > giveUpAt) throw unavailable('The transaction was in the way of others all the time.')
          const news = eventIds.map(id => ({ _id: prefix + id, time }))
          if (news.length > 0)
            await marks.insertMany(news, { session }).catch(error => {
              throw error instanceof MongoServerError && error.code === DUPLICATE_KEY ? new AlreadyHandled() : error
            })
          await effects(session)
        })
      } finally {
        free.push(session)
      }
    },
    async forget(from) {
      // Ids are what follows the prefix, up to the character after its last one.
      await marks.deleteMany({ _id: { $gte: prefix, $lt: `${scope}0` }, time: { $gte: from } })
    },
    async close() {
      await Promise.all(sessions.map(session => session.endSession()))
    },
  }
}
