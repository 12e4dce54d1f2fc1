/**
 * The journal as it is stored.
 *
 * Collection `changes`: `_id` 1, 2, 3 and so on, `time`, `actor`, `action`, `subject`, `fields` (a list of `field`, `before`,
 * `after`), `reason`, `durationMs`, `previousHash`, `hash`; checkpoints have `state` as well. Entries are added and, when they are
 * old, removed from the beginning; none is ever changed.
 */

import { compileFilter, type FieldTable } from '@site11/runtime/filter/compile.ts'
import type { Log } from '@site11/runtime/log.ts'
import { findDocuments } from '@site11/runtime/store/find.ts'
import { ensureIndexes } from '@site11/runtime/store/indexes.ts'
import type { Db, Filter } from 'mongodb'
import type { Change, Entry } from './chain.ts'

export const checkpointAction = 'journal.checkpoint'

type ChangeDocument = Omit<Entry, 'id' | 'durationMs'> & { _id: number; durationMs?: number }

const filterFields: FieldTable = {
  id: { type: 'number', path: '_id' },
  time: { type: 'timestamp', path: 'time' },
  actor: { type: 'string', path: 'actor' },
  action: { type: 'string', path: 'action' },
  subject: { type: 'string', path: 'subject' },
}

/** How many entries are read at once. */
const pageSize = 1000

export type Entries = ReturnType<typeof createEntries>

export function createEntries(db: Db) {
  const collection = db.collection<ChangeDocument>('changes')
  /** As callers see it: a checkpoint's state is large, and known from what was before. */
  const find = async (filter: Filter<ChangeDocument>, limit: number, direction: 1 | -1) => {
    const projection = { state: 0 }
    const { documents } = await findDocuments(collection, { filter, projection, sort: { _id: direction }, limit })
    return documents.map(changeOf)
  }
  const checkpoint = async (filter: Filter<ChangeDocument>) => {
    const sort = { _id: -1 } as const
    const found = { ...filter, action: checkpointAction }
    return (await collection.findOne(found, { sort, projection: { _id: 1 } }))?._id
  }
  return {
    ensureIndexes: (log: Log) =>
      ensureIndexes(
        collection,
        [
          { name: 'time', key: { time: -1 } },
          ...['actor', 'action', 'subject'].map(name => ({ name, key: { [name]: 1, _id: -1 } as const })),
        ],
        log,
      ),

    /** Adds them in order. Some of the first may have been added when it fails. */
    async add(entries: readonly Entry[]): Promise<void> {
      const writeConcern = { w: 'majority', journal: true, wtimeoutMS: 5000 } as const
      await collection.insertMany(entries.map(documentOf), { ordered: true, writeConcern })
    },

    /** @returns all entries from this one on, in order, with their states. */
    async *from(id: number): AsyncGenerator<Entry> {
      const options = { batchSize: pageSize, promoteBuffers: true }
      for await (const document of collection.find({ _id: { $gte: id } }, options).sort({ _id: 1 })) {
        yield entryOf(document)
      }
    },

    /** @returns changes after this one, in order; some of them when there are many. */
    after: (id: number): Promise<Change[]> => find({ _id: { $gt: id } }, pageSize, 1),

    get: async (ids: readonly number[]): Promise<Change[]> =>
      ids.length === 0 ? [] : await find({ _id: { $in: [...ids] } }, ids.length, 1),

    /** @throws ServiceError INVALID_FILTER. */
    async list(filter: string, limit: number, before: number | undefined): Promise<Change[]> {
      const place = before === undefined ? { $gt: 0 } : { $gt: 0, $lt: before }
      const $and = [{ _id: place }, ...(filter ? [compileFilter(filter, filterFields)] : [])]
      return await find({ $and }, limit, -1)
    },

    lastCheckpoint: (): Promise<number | undefined> => checkpoint({}),
    /** @returns the id of the last checkpoint made before the time. */
    checkpointBefore: (time: Date): Promise<number | undefined> => checkpoint({ time: { $lt: time } }),

    /** @returns how many were removed. */
    async removeBefore(id: number): Promise<number> {
      return (await collection.deleteMany({ _id: { $lt: id } })).deletedCount
    },
  }
}

function documentOf({ id, durationMs, ...rest }: Entry): ChangeDocument {
  return { _id: id, ...rest, ...(durationMs !== undefined && { durationMs }) }
}

function entryOf({ _id, durationMs, ...rest }: ChangeDocument): Entry {
  return { id: _id, ...rest, durationMs }
}

const changeOf = ({ state: _, ...document }: ChangeDocument): Change => entryOf(document)
