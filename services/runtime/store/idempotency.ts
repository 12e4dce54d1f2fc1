/**
 * Requests that are safe to repeat (AIP-155) without a second write: what the first request made carries a mark of it, and a unique
 * index on the mark lets no second document in. So the guard and what it guards are one atomic write.
 */
import { createHmac } from 'node:crypto'
import type { Collection, Document, Filter, OptionalUnlessRequiredId, UpdateFilter } from 'mongodb'
import { invalidArgument } from '../errors.ts'
import type { IndexSpec } from './indexes.ts'
import { DuplicateKeyError, storeError } from './store-error.ts'

/** How long a request_id is remembered, in ms. */
const REMEMBERED_MS = 24 * 3_600_000

export interface RequestMark {
  /** `<subject>/<method>/<request_id>`: nobody can meet the marks of another caller. */
  key: string
  /** Tells whether a request is the same as the first one. */
  hash: string
  time: Date
}

/** What a document has that such a request makes. The field stays inside the service; leave it out when reading. */
export interface Marked {
  _id: string
  request?: RequestMark
}

/** The index for `ensureIndexes` that the guard stands on. */
export const requestIndex: IndexSpec = {
  name: 'request',
  key: { 'request.key': 1 },
  unique: true,
  partialFilterExpression: { 'request.key': { $exists: true } },
}

/**
 * @param request the message as received. Its hash is keyed with `secret`: nobody who reads the database can try out passwords on it.
 * @returns the mark for the document to be made; undefined when the caller sent no request_id.
 */
export function requestMark(
  { subject, method, requestId, request }: { subject: string; method: string; requestId: string; request: unknown },
  secret: string,
  now: Date,
): RequestMark | undefined {
  if (requestId === '') return undefined
  const hash = createHmac('sha256', secret).update(canonical(request)).digest('base64url')
  return { key: `${subject}/${method}/${requestId.toLowerCase()}`, hash, time: now }
}

/**
 * Inserts a document, unless a request with the same mark made one in the last 24 hours.
 * @param insert writes the document: `createGroupInserter`'s function, or any that throws DuplicateKeyError.
 * @returns the document inserted, or what the first request made, as it is now.
 * @throws ServiceError INVALID_ARGUMENT with REQUEST_ID_REUSED when the first request was another one; whatever `insert` throws.
 */
export async function insertOnce<T extends Document & Marked>(
  collection: Collection<T>,
  insert: (document: OptionalUnlessRequiredId<T>) => Promise<void>,
  document: OptionalUnlessRequiredId<T> & Marked,
): Promise<{ document: T; repeated: boolean }> {
  const mark = document.request
  for (let attempt = 1; ; attempt++) {
    try {
      await insert(document)
      return { document: document as unknown as T, repeated: false }
    } catch (error) {
      // A repeated request runs into other unique indexes too, and which one is told is not certain: so look for the mark always.
      if (!mark || !(error instanceof DuplicateKeyError)) throw error
      const first = await findMarked(collection, mark.key)
      const forgotten = first?.request && mark.time.getTime() - first.request.time.getTime() > REMEMBERED_MS
      if (first && !forgotten) {
        if (first.request?.hash === mark.hash) return { document: first, repeated: true }
        throw requestIdReused()
      }
      // The mark in the way is too old, or went since: try again, without end only if something else keeps putting one there.
      if (attempt === 3 || (!first && error.index !== requestIndex.name)) throw error
      if (first) await forget(collection, first)
    }
  }
}

/** @throws what `storeError` makes of an error. Reads also what no majority has yet: it was in the way, so it must be found. */
async function findMarked<T extends Document & Marked>(collection: Collection<T>, key: string): Promise<T | null> {
  try {
    const filter = { 'request.key': key } as unknown as Filter<T>
    return (await collection.findOne(filter, { readConcern: { level: 'local' } })) as T | null
  } catch (error) {
    throw storeError(error)
  }
}

/** Takes the mark from the document that has it, unless another took it meanwhile. */
async function forget<T extends Document & Marked>(collection: Collection<T>, { _id, request }: Marked): Promise<void> {
  try {
    const filter = { _id, 'request.key': request?.key, 'request.time': request?.time } as unknown as Filter<T>
    await collection.updateOne(filter, { $unset: { request: 1 } } as unknown as UpdateFilter<T>)
  } catch (error) {
    throw storeError(error)
  }
}

function requestIdReused() {
  const message = 'This request_id was used with another request. Use a new one for each thing to be made.'
  return invalidArgument('REQUEST_ID_REUSED', message, [{ field: 'request_id', description: message }])
}

/** JSON with the keys of every object in order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort())
      : part,
  )
}
