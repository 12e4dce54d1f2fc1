/**
 * Makes one command of what is asked for at the same time. A busy service spends most of a request's CPU on the exchange with the
 * database; here the exchange is shared, so that a request costs less the busier the service is, and the same when it is idle.
 */
import {
  type Collection,
  type Document,
  type Filter,
  MongoBulkWriteError,
  type OptionalUnlessRequiredId,
} from 'mongodb'
import { findDocuments } from './find.ts'
import { DUPLICATE_KEY, duplicateKeyError, storeError } from './store-error.ts'

/** What comes while so many commands are under way waits for one of them, and makes up the next. */
const IN_FLIGHT = 2
const BATCH = 100

interface Waiting<Item, Result> {
  item: Item
  resolve(result: Result): void
  reject(error: unknown): void
}

/**
 * @returns a function that reads a document by its id, or null. Callers of the same turn of the event loop share one query, and
 * for the same id one document, which they must not change. A read never joins a query that was sent before: it sees every
 * write that was acknowledged before it.
 * @throws what `storeError` makes of an error, from the function returned.
 */
export function createPointReader<T extends Document & { _id: string }>(
  collection: Collection<T>,
  { projection }: { projection?: Document } = {},
): (id: string) => Promise<Readonly<T> | null> {
  return gather<string, Readonly<T> | null>(async waiting => {
    const missing = new Set(waiting.map(({ item }) => item))
    const found = new Map<string, T>()
    for (let truncated = true; truncated && missing.size > 0; ) {
      const ids = [...missing]
      const filter = { _id: ids.length === 1 ? ids[0] : { $in: ids } } as Filter<T>
      const answer = await findDocuments(collection, { filter, ...(projection && { projection }), limit: ids.length })
      for (const document of answer.documents) {
        found.set(document._id, document)
        missing.delete(document._id)
      }
      truncated = answer.truncated
    }
    for (const { item, resolve } of waiting) resolve(found.get(item) ?? null)
  })
}

/**
 * @returns a function that inserts a document, acknowledged as the collection's write concern says. Documents that wait at the
 * same time go in one command, each with a result of its own.
 * @throws DuplicateKeyError to the caller whose document is refused by a unique index, and what `storeError` makes of any other
 * error, from the function returned. With UNAVAILABLE the document may have been inserted nevertheless.
 */
export function createGroupInserter<T extends Document & { _id: string }>(
  collection: Collection<T>,
): (document: OptionalUnlessRequiredId<T>) => Promise<void> {
  const insert = async (waiting: Waiting<OptionalUnlessRequiredId<T>, void>[]): Promise<void> => {
    const [first] = waiting
    if (first && waiting.length === 1) {
      await collection.insertOne(first.item)
      return first.resolve()
    }
    const documents = waiting.map(({ item }) => item)
    const refused = new Map<number, Error>()
    // The error of those that were not refused one by one: whether they were inserted for good is not known.
    let unsure: unknown
    try {
      await collection.insertMany(documents, { ordered: false })
    } catch (error) {
      if (!(error instanceof MongoBulkWriteError)) {
        // One document cannot even be sent, such as one too large; the others must not suffer for it.
        await Promise.all(waiting.map(one => insert([one]).catch(reason => one.reject(storeError(reason)))))
        return
      }
      for (const { index, code, errmsg } of error.result.getWriteErrors()) {
        const known =
          code === DUPLICATE_KEY ? duplicateKeyError(errmsg ?? '') : new Error(`insert refused with code ${code}`)
        refused.set(index, known)
      }
      if (refused.size === 0 || error.result.getWriteConcernError()) unsure = storeError(error)
    }
    waiting.forEach(({ resolve, reject }, index) => {
      const error = refused.get(index) ?? unsure
      if (error) reject(error)
      else resolve()
    })
  }
  return gather(insert)
}

/** @returns a function that puts an item into the next batch; `send` settles each item of its batch, or throws for all of them. */
function gather<Item, Result>(
  send: (waiting: Waiting<Item, Result>[]) => Promise<void>,
): (item: Item) => Promise<Result> {
  let waiting: Waiting<Item, Result>[] = []
  let inFlight = 0
  let scheduled = false

  function flush() {
    scheduled = false
    while (inFlight < IN_FLIGHT && waiting.length > 0) {
      const batch = waiting.slice(0, BATCH)
      waiting = waiting.slice(BATCH)
      inFlight++
      void dispatch(batch)
    }
  }

  async function dispatch(batch: Waiting<Item, Result>[]) {
    try {
      await send(batch)
    } catch (error) {
      const reason = storeError(error)
      for (const { reject } of batch) reject(reason)
    }
    inFlight--
    flush()
  }

  return item =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject })
      if (scheduled || inFlight === IN_FLIGHT) return
      scheduled = true
      setImmediate(flush)
    })
}
