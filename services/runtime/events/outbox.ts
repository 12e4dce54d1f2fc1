/** The outboxes of a service as the relay reads them, and takes out what is done with. */
import type { Collection, Filter, UpdateFilter } from 'mongodb'
import type { IndexSpec } from '../store/indexes.ts'
import type { OutboxEntry, Outboxed } from './event.ts'

/** The index for `ensureIndexes` by which a relay finds what waits. It has only documents with events in their outbox. */
export const outboxIndex: IndexSpec = {
  name: 'outbox',
  key: { 'outbox.time': 1 },
  partialFilterExpression: { 'outbox.time': { $exists: true } },
}

export interface Waiting {
  aggregate: string
  entries: OutboxEntry[]
}

/** The documents of one kind. */
export interface Outbox {
  /** What the aggregates are: the name of the collection. */
  kind: string
  /** @returns what waits in these documents, in its order. Only what a majority has. */
  of(aggregates: string[]): Promise<Waiting[]>
  /** Everything that waits, so many documents at a time. */
  all(size: number): AsyncIterable<Waiting[]>
  remove(aggregates: string[], ids: string[]): Promise<void>
}

const projection = { outbox: 1 }

// Any collection whose documents have an outbox, whatever else they have.
export function outboxOf<T extends Outboxed>(documents: Collection<T>): Outbox {
  const collection = documents as unknown as Collection<Outboxed>
  const waitingIn = ({ _id, outbox = [] }: Outboxed): Waiting => ({ aggregate: _id, entries: outbox })
  return {
    kind: collection.collectionName,
    of: async aggregates =>
      (
        await collection.find({ _id: { $in: aggregates } }, { projection, batchSize: aggregates.length + 1 }).toArray()
      ).map(waitingIn),
    async *all(size) {
      const filter: Filter<Outboxed> = { 'outbox.time': { $gt: new Date(0) } }
      let found: Waiting[] = []
      for await (const document of collection.find(filter, { projection, batchSize: size })) {
        found.push(waitingIn(document))
        if (found.length < size) continue
        yield found
        found = []
      }
      if (found.length > 0) yield found
    },
    async remove(aggregates, ids) {
      const gone = { $pull: { outbox: { id: { $in: ids } } } } as unknown as UpdateFilter<Outboxed>
      await collection.updateMany({ _id: { $in: aggregates } }, gone)
    },
  }
}
