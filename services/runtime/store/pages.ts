/**
 * Lists in pages that begin where the page before ended, by value and not by number: a document is neither skipped nor shown twice
 * because others come and go. One whose place in the order changes meanwhile may be.
 */
import type { Collection, Document, Filter } from 'mongodb'
import { findDocuments } from './find.ts'
import type { PageTokens, Place } from './page-token.ts'

const DEFAULT_PAGE_SIZE = 50

/** By one field, then by `_id` in the same direction. An index on both serves either direction. */
export interface Order {
  path: string
  direction: 1 | -1
}

export interface PageRequest<T> {
  filter: Filter<T>
  order: Order
  /** At most so many documents; 0 means 50. */
  pageSize: number
  /** Empty for the first page. */
  pageToken: string
  /** What the caller asked for, without page size and token, as JSON takes it. A token is good for one such list only. */
  query: unknown
  /** Must keep the field of the order. */
  projection?: Document
}

/**
 * @returns a page, and the token for the next one, which is empty when there is none.
 * @throws ServiceError INVALID_ARGUMENT with INVALID_PAGE_TOKEN; what `storeError` makes of an error.
 */
export async function listPage<T extends Document>(
  collection: Collection<T>,
  tokens: PageTokens,
  { filter, order, pageSize, pageToken, query, projection }: PageRequest<T>,
): Promise<{ items: T[]; nextPageToken: string }> {
  const list = [collection.namespace, order, query]
  const size = pageSize || DEFAULT_PAGE_SIZE
  const { path, direction } = order
  const { documents, truncated } = await findDocuments(collection, {
    filter: pageToken === '' ? filter : ({ $and: [filter, after(order, tokens.open(pageToken, list))] } as Filter<T>),
    ...(projection && { projection }),
    sort: path === '_id' ? { _id: direction } : { [path]: direction, _id: direction },
    // One more tells whether there is a next page.
    limit: size + 1,
  })
  const items = documents.length > size ? documents.slice(0, size) : documents
  const last = items.at(-1)
  const more = documents.length > size || truncated
  const nextPageToken = more && last ? tokens.seal({ value: valueAt(last, path), id: last._id }, list) : ''
  return { items, nextPageToken }
}

/** @returns the filter for what comes after a place. A field that is missing or null comes before every value. */
function after({ path, direction }: Order, { value, id }: Place): Document {
  const beyond = direction === 1 ? '$gt' : '$lt'
  const tied = { [path]: value, _id: { [beyond]: id } }
  if (path === '_id') return { _id: { [beyond]: id } }
  if (value === null) return direction === 1 ? { $or: [tied, { [path]: { $ne: null } }] } : tied
  return { $or: [tied, { [path]: { [beyond]: value } }, ...(direction === 1 ? [] : [{ [path]: null }])] }
}

function valueAt(document: Document, path: string): unknown {
  let value: unknown = document
  for (const name of path.split('.')) value = (value as Document | null | undefined)?.[name]
  return value ?? null
}
