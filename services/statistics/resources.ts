/**
 * What users make and change, such as dashboards and rules: documents with a version, of which the etag is made. One store for all
 * kinds of them.
 */
import { aborted, failedPrecondition, invalidArgument, notFound } from '@site11/runtime/errors.ts'
import { compileFilter, type FieldTable } from '@site11/runtime/filter/compile.ts'
import { parseOrderBy } from '@site11/runtime/filter/order-by.ts'
import type { Log } from '@site11/runtime/log.ts'
import { createGroupInserter } from '@site11/runtime/store/coalesce.ts'
import { checkEtag } from '@site11/runtime/store/etag.ts'
import { insertOnce, type Marked, type RequestMark, requestIndex } from '@site11/runtime/store/idempotency.ts'
import { ensureIndexes, type IndexSpec } from '@site11/runtime/store/indexes.ts'
import type { PageTokens } from '@site11/runtime/store/page-token.ts'
import { listPage, type Order } from '@site11/runtime/store/pages.ts'
import { storeError } from '@site11/runtime/store/store-error.ts'
import type { Collection, Filter, MatchKeysAndValues, OptionalUnlessRequiredId } from 'mongodb'

export interface Resource extends Marked {
  /** Counts the changes that users make. */
  version: number
  createTime: Date
  updateTime: Date
}

export interface List<T> {
  pageSize: number
  pageToken: string
  /** As the caller wrote them. */
  filter: string
  orderBy?: string
  /** What of it the caller may see. */
  visible?: Filter<T>
}

export interface Page<T> {
  items: T[]
  nextPageToken: string
}

export interface ListOptions {
  tokens: PageTokens
  /** What may be filtered by, under the names of the contract. */
  fields: FieldTable
  /** What may be ordered by, under the names of the contract. */
  orders?: Record<string, string>
  /** How lists are ordered unless they are asked for otherwise. */
  order: Order
}

/** @returns a page of any collection. @throws ServiceError INVALID_FILTER, INVALID_ORDER, INVALID_PAGE_TOKEN, UNAVAILABLE. */
export async function page<T extends { _id: string }>(
  collection: Collection<T>,
  { tokens, fields, orders = {}, order }: ListOptions,
  { pageSize, pageToken, filter, orderBy = '', visible = {} }: List<T>,
): Promise<Page<T>> {
  const both = { $and: [visible, compileFilter(filter, fields)] } as Filter<T>
  const query = { filter, orderBy, visible }
  return listPage(collection, tokens, {
    filter: both,
    order: parseOrderBy(orderBy, orders, order),
    pageSize,
    pageToken,
    query,
  })
}

export interface ResourcesOptions extends ListOptions {
  /** What one is called in errors. */
  kind: string
  indexes?: IndexSpec[]
  /** How many there may be at all. */
  most: number
  log: Log
}

export interface Resources<T extends Resource> {
  /** @throws ServiceError NOT_FOUND for what is not there, or is not visible. */
  get(id: string, visible?: Filter<T>): Promise<T>
  list(list: List<T>): Promise<Page<T>>
  /** @returns it; for a repeated request what the first made. @throws ServiceError REQUEST_ID_REUSED, and TOO_MANY when there are. */
  insert(document: T, request?: RequestMark): Promise<T>
  /**
   * Changes it by a pure rule, which is applied again when others change it at the same time.
   * @throws ServiceError NOT_FOUND, ETAG_MISMATCH, and what the rule throws.
   */
  change(id: string, etag: string, now: Date, rule: (before: T) => Partial<T>, visible?: Filter<T>): Promise<T>
  /** @param check throws when it must not be. @returns what it was. @throws ServiceError NOT_FOUND, ETAG_MISMATCH. */
  remove(id: string, etag: string, check?: (before: T) => void, visible?: Filter<T>): Promise<T>
}

const maxAttempts = 10

export async function createResources<T extends Resource>(
  collection: Collection<T>,
  options: ResourcesOptions,
): Promise<Resources<T>> {
  const { kind, most, log, indexes = [] } = options
  await ensureIndexes(
    collection,
    [
      requestIndex,
      { name: 'by-create-time', key: { createTime: 1, _id: 1 } },
      { name: 'by-update-time', key: { updateTime: 1, _id: 1 } },
      ...indexes,
    ],
    log,
  )
  const insertDocument = createGroupInserter(collection)

  async function get(id: string, visible: Filter<T> = {}): Promise<T> {
    const found = await translated(collection.findOne({ $and: [{ _id: id }, visible] } as Filter<T>))
    if (!found) throw notFound(kind, id)
    return found as T
  }

  return {
    get,
    list: list => page(collection, options, list),
    async insert(document, request) {
      if ((await translated(collection.estimatedDocumentCount())) >= most) {
        const message = `There are ${most} of them already, and no more can be kept. Delete one that is not needed.`
        throw failedPrecondition('TOO_MANY', message)
      }
      const whole = document as OptionalUnlessRequiredId<T>
      if (!request) {
        await translated(insertDocument(whole))
        return document
      }
      return (await translated(insertOnce(collection, insertDocument, { ...whole, request }))).document
    },
    async change(id, etag, now, rule, visible) {
      for (let attempt = 1; attempt <= maxAttempts; attempt++) {
        const before = await get(id, visible)
        checkEtag(etag, before.version)
        const after = { ...rule(before), updateTime: now, version: before.version + 1 }
        const which = { _id: id, version: before.version } as Filter<T>
        const { matchedCount } = await translated(
          collection.updateOne(which, { $set: after as unknown as MatchKeysAndValues<T> }),
        )
        if (matchedCount === 1) return { ...before, ...after }
      }
      throw aborted('ETAG_MISMATCH', `The ${kind} ${id} is changed by others all the time. Try again.`)
    },
    async remove(id, etag, check, visible) {
      for (let attempt = 1; attempt <= maxAttempts; attempt++) {
        const before = await get(id, visible)
        checkEtag(etag, before.version)
        check?.(before)
        const which = { _id: id, version: before.version } as Filter<T>
        const { deletedCount } = await translated(collection.deleteOne(which))
        if (deletedCount === 1) return before
      }
      throw aborted('ETAG_MISMATCH', `The ${kind} ${id} is changed by others all the time. Try again.`)
    },
  }
}

/** Resolves as the operation does. @throws what the database's errors mean here. */
export async function translated<T>(operation: Promise<T>): Promise<T> {
  try {
    return await operation
  } catch (error) {
    throw storeError(error)
  }
}

/**
 * @param mask as the caller sent it; none means the fields that are set.
 * @param fields the names that may be changed, as the contract writes them, and whether each is set in what was sent.
 * @returns the names to change. @throws ServiceError INVALID_FIELD naming `update_mask`.
 */
export function maskedFields<Name extends string>(mask: string[] | undefined, fields: Record<Name, boolean>): Name[] {
  const names = Object.keys(fields) as Name[]
  if (!mask || mask.length === 0) return names.filter(name => fields[name])
  if (mask.includes('*')) return names
  const wrong = mask.filter(path => !Object.hasOwn(fields, path))
  if (wrong.length === 0) return mask as Name[]
  throw badField('update_mask', `${wrong.join(', ')} cannot be changed here. Possible are ${names.join(', ')}.`)
}

/** @returns the error for one field that is not right. */
export const badField = (field: string, description: string) =>
  invalidArgument('INVALID_FIELD', description, [{ field, description }])

export const msOf = (duration: { seconds: number; nanos: number } | undefined, otherwise: number): number =>
  duration ? duration.seconds * 1000 + duration.nanos / 1e6 : otherwise

export const durationOf = (ms: number) => ({ seconds: Math.floor(ms / 1000), nanos: Math.round((ms % 1000) * 1e6) })
