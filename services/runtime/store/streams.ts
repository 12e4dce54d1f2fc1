/**
 * Streams of events in a collection, appended to and never altered.
 *
 *   { _id: '<stream>/<version>', stream, version, type, time, actor, traceId, before, after, previousHash, hash }
 *
 * Unique by stream and version. The head of a stream is kept by its owner, in the document that the events are about, and with it the
 * last events: so a change, its event and the head are one atomic write.
 *
 *     change + event + head (one write) -> waits in the document -> with the next change: into the collection
 */
import type { KeyObject } from 'node:crypto'
import type { ClientSession, Db } from 'mongodb'
import type { Log } from '../log.ts'
import { createGroupInserter } from './coalesce.ts'
import { findDocuments } from './find.ts'
import { ensureIndexes, type IndexSpec } from './indexes.ts'
import { DuplicateKeyError } from './store-error.ts'
import { continued, type Head, type NewEvent, type StreamEvent } from './stream-chain.ts'

/** What the owner of a stream keeps. */
export interface Kept extends Head {
  /** Events that are not in the collection yet, or were not when this was written. */
  pending: StreamEvent[]
}

const indexes: IndexSpec[] = [{ name: 'place', key: { stream: 1, version: 1 }, unique: true }]
const projection = { _id: 0 }

export interface Streams {
  /** Puts in what has waited, before it is dropped where it waits. What is there already stays: only one event can have a place. */
  add(pending: readonly StreamEvent[]): Promise<void>
  /** @returns events of a stream before this version, the newest first. */
  before(stream: string, version: number, limit: number): Promise<StreamEvent[]>
  /** @returns all events of the streams after the first name and up to the second, by stream and version. */
  between(after: string, last: string, session?: ClientSession): AsyncIterable<StreamEvent>
  /** @returns all events of a stream in order. */
  of(stream: string, session?: ClientSession): Promise<StreamEvent[]>
  /** Removes the events of a stream up to this version. */
  removeUpTo(stream: string, version: number): Promise<void>
}

/** @returns what is kept after these events. What waited until now must be put into the collection before. */
export function following(key: KeyObject, stream: string, head: Head | undefined, events: readonly NewEvent[]): Kept {
  const next = continued(key, stream, head, events)
  return { ...next.head, pending: next.entries }
}

/** @returns all events of a stream in order, from what is in the collection and what waits. Two at one place stay two, unless they are the same. */
export function joined(stored: readonly StreamEvent[], pending: readonly StreamEvent[]): StreamEvent[] {
  const waiting = pending.filter(
    ({ version, hash }) => !stored.some(each => each.version === version && each.hash === hash),
  )
  return [...stored, ...waiting]
}

export async function createStreams(db: Db, name: string, log: Log): Promise<Streams> {
  const collection = db.collection<StreamEvent & { _id: string }>(name)
  const insert = createGroupInserter(collection)
  await ensureIndexes(collection, indexes, log)
  const inOrder = { stream: 1, version: 1 } as const
  const options = (session: ClientSession | undefined) => ({ projection, batchSize: 1000, ...(session && { session }) })
  return {
    async add(pending) {
      const added = pending.map(event => insert({ ...event, _id: `${event.stream}/${event.version}` }))
      for (const outcome of await Promise.allSettled(added)) {
        if (outcome.status === 'rejected' && !(outcome.reason instanceof DuplicateKeyError)) throw outcome.reason
      }
    },
    async before(stream, version, limit) {
      const filter = { stream, version: { $lt: version } }
      return (await findDocuments(collection, { filter, projection, sort: { version: -1 }, limit })).documents
    },
    between: (after, last, session) =>
      collection.find<StreamEvent>({ stream: { $gt: after, $lte: last } }, options(session)).sort(inOrder),
    of: (stream, session) => collection.find<StreamEvent>({ stream }, options(session)).sort(inOrder).toArray(),
    async removeUpTo(stream, version) {
      await collection.deleteMany({ stream, version: { $lte: version } })
    },
  }
}
