/**
 * Events that a group could not handle, in its own database (collection `event_dead_letters`), as they must not be lost with Redis. A copy
 * is in Redis, a stream for each group, for those who look on from elsewhere.
 *
 *   { _id: '<group>/<event id>', group, subject, sequence, streamId, event, reason, attempts, time }
 */
import type { Binary, ClientSession, Db } from 'mongodb'
import type { Redis } from './redis.ts'
import { keys } from './stream.ts'

export interface DeadLetter {
  eventId: string
  subject: string
  sequence: number
  /** Where it was in the stream, for the order of what has no sequence. */
  streamId: string
  /** The event, serialized. */
  event: Buffer
  reason: string
  /** Zero: it waits for an earlier one of its subject. */
  attempts: number
  time: Date
}

type Document = Omit<DeadLetter, 'eventId' | 'event'> & { _id: string; group: string; event: Binary | Buffer }

export interface DeadLetters {
  /** Whether events of this subject wait for one that could not be handled. */
  isParked(subject: string): boolean
  /** How many there are; undefined until they were read. */
  count(): number | undefined
  /** Keeps an event. Keeping it again changes what is said of it, unless it only waits. */
  park(letter: DeadLetter): Promise<void>
  find(eventId: string): Promise<DeadLetter | undefined>
  /** The first of the subject. When there is none, the subject is not parked any more. */
  firstOf(subject: string): Promise<DeadLetter | undefined>
  /** Within a transaction, and then, when that is done, from the copy. */
  remove(letter: DeadLetter, session: ClientSession): Promise<void>
  removed(letter: DeadLetter): Promise<void>
  /** Reads everything, and makes the copy in Redis anew. */
  load(): Promise<void>
}

export function createDeadLetters(db: Db, redis: Redis, stream: string, group: string): DeadLetters {
  const documents = db.collection<Document>('event_dead_letters')
  const key = keys.deadLetters(stream, group)
  const scope = `${stream}/${group}`
  /** Where each is in the copy, by event. */
  let copied = new Map<string, string>()
  let isLoaded = false
  let parked = new Set<string>()

  const idOf = (eventId: string) => `${scope}/${eventId}`
  const letterOf = ({ _id, group: _, event, ...rest }: Document): DeadLetter => ({
    ...rest,
    eventId: _id.slice(scope.length + 1),
    event: Buffer.from('sub_type' in event ? event.buffer : event),
  })
  const inOrder = { sequence: 1, streamId: 1 } as const

  async function copy({ eventId, event, reason, attempts, time }: DeadLetter): Promise<void> {
    const before = copied.get(eventId)
    if (before) await redis.xdel(key, before)
    const said = ['reason', reason, 'attempts', attempts, 'time', time.toISOString()]
    const id = await redis.xadd(key, '*', 'id', eventId, 'event', event, ...said)
    if (id) copied.set(eventId, id)
  }

  return {
    isParked: subject => parked.has(subject),
    count: () => (isLoaded ? copied.size : undefined),
    async park(letter) {
      const { eventId, ...rest } = letter
      parked.add(letter.subject)
      const _id = idOf(eventId)
      const document = { ...rest, group: scope }
      if (letter.attempts > 0) await documents.replaceOne({ _id }, document, { upsert: true })
      else {
        const { upsertedCount } = await documents.updateOne({ _id }, { $setOnInsert: document }, { upsert: true })
        if (upsertedCount === 0) return
      }
      await copy(letter)
    },
    async find(eventId) {
      const found = await documents.findOne({ _id: idOf(eventId) })
      return found ? letterOf(found) : undefined
    },
    async firstOf(subject) {
      const found = await documents.find({ group: scope, subject }).sort(inOrder).limit(1).next()
      if (!found) parked.delete(subject)
      return found ? letterOf(found) : undefined
    },
    async remove({ eventId }, session) {
      await documents.deleteOne({ _id: idOf(eventId) }, { session })
    },
    async removed({ eventId }) {
      const id = copied.get(eventId)
      if (id) await redis.xdel(key, id)
      copied.delete(eventId)
    },
    async load() {
      isLoaded = false
      copied = new Map()
      const subjects = new Set<string>()
      await redis.del(key)
      for await (const found of documents.find({ group: scope }).sort({ time: 1 })) {
        subjects.add(found.subject)
        await copy(letterOf(found))
      }
      parked = subjects
      isLoaded = true
    },
  }
}
