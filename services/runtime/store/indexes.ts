/** Indexes as a service declares them: made when missing, replaced when their definition changed. */
import { createHash } from 'node:crypto'
import { type Collection, type Document, type IndexDescriptionInfo, MongoServerError } from 'mongodb'
import type { Log } from '../log.ts'
import { DEFINITION_MARK, DUPLICATE_KEY, storeError } from './store-error.ts'

export interface IndexSpec {
  /** What it is called in errors and logs. It stays the same when the definition changes. */
  name: string
  key: Record<string, 1 | -1>
  unique?: boolean
  /** Only documents that match are in the index. */
  partialFilterExpression?: Document
  /** The database deletes a document this long after the date in the one field of the key, in seconds. */
  expireAfterSeconds?: number
}

const NAMESPACE_NOT_FOUND = 26
const INDEX_NOT_FOUND = 27
const INDEX_OPTIONS_CONFLICT = 85
const INDEX_KEY_SPECS_CONFLICT = 86

/**
 * Brings the indexes of a collection in line with `specs`, and logs what it does. A changed index is made under a new name before
 * the old one goes, so that what is unique stays so. Indexes that no spec names are left alone, and logged. Safe to run in several
 * processes at once.
 * @throws Error naming the index and what is in its way: documents with the same key, or another index; UNAVAILABLE as
 * `storeError` says.
 */
export async function ensureIndexes<T extends Document>(
  collection: Collection<T>,
  specs: IndexSpec[],
  log: Log,
): Promise<void> {
  try {
    const existing = await collection.indexes().catch(unless<IndexDescriptionInfo[]>(NAMESPACE_NOT_FOUND, []))
    for (const spec of specs) await ensureIndex(collection, spec, existing, log)
    const declared = new Set(['_id_', ...specs.map(spec => spec.name)])
    const others = existing.map(({ name = '' }) => name).filter(name => !declared.has(ownName(name)))
    if (others.length > 0)
      log.warn({ collection: collection.collectionName, indexes: others }, 'indexes that nothing declares')
  } catch (error) {
    throw storeError(error)
  }
}

const ownName = (name: string) => name.split(DEFINITION_MARK)[0] ?? name

async function ensureIndex<T extends Document>(
  collection: Collection<T>,
  spec: IndexSpec,
  existing: IndexDescriptionInfo[],
  log: Log,
): Promise<void> {
  const { name, key, expireAfterSeconds, ...options } = spec
  const definition = JSON.stringify([
    Object.entries(key),
    options.unique ?? false,
    options.partialFilterExpression ?? {},
  ])
  const fullName = name + DEFINITION_MARK + createHash('sha256').update(definition).digest('hex').slice(0, 8)
  const about = { collection: collection.collectionName, index: name }
  const drop = async (old: string) => {
    await collection.dropIndex(old).catch(unless(INDEX_NOT_FOUND, undefined))
    log.info({ ...about, dropped: old }, 'index dropped, its definition has changed')
  }

  const current = existing.find(index => index.name === fullName)
  // Two indexes cannot differ in their expiry alone, so the new one has to come after the old one.
  const expiryChanged = current !== undefined && current.expireAfterSeconds !== expireAfterSeconds
  if (expiryChanged) await drop(fullName)
  if (expiryChanged || !current) {
    const expiry = expireAfterSeconds === undefined ? {} : { expireAfterSeconds }
    await collection
      .createIndex(key, { ...options, ...expiry, name: fullName })
      .catch(error => explain(collection, spec, error))
    log.info(about, 'index made')
  }
  for (const { name: other = '' } of existing) if (other !== fullName && ownName(other) === name) await drop(other)
}

async function explain<T extends Document>(collection: Collection<T>, spec: IndexSpec, error: unknown): Promise<never> {
  const which = `The index ${spec.name} of the collection ${collection.collectionName}`
  const code = error instanceof MongoServerError ? error.code : undefined
  if (code === DUPLICATE_KEY) {
    const fields = Object.keys(spec.key)
    const [pair] = await collection
      .aggregate<{ one: unknown; other: unknown }>([
        { $match: spec.partialFilterExpression ?? {} },
        {
          $group: {
            _id: fields.map(field => `$${field}`),
            count: { $sum: 1 },
            one: { $min: '$_id' },
            other: { $max: '$_id' },
          },
        },
        { $match: { count: { $gt: 1 } } },
        { $limit: 1 },
      ])
      .toArray()
    const documents = pair ? `The documents ${pair.one} and ${pair.other}` : 'Two documents'
    throw new Error(
      `${which} cannot be made. ${documents} have the same ${fields.join(', ')}: change one of them, then start again.`,
    )
  }
  if (code === INDEX_OPTIONS_CONFLICT || code === INDEX_KEY_SPECS_CONFLICT) {
    const reason = error instanceof Error ? error.message : ''
    throw new Error(
      `${which} cannot be made: it conflicts with an index made otherwise. Drop that one, then start again. (${reason})`,
    )
  }
  throw error
}

function unless<Result>(code: number, result: Result): (error: unknown) => Result {
  return error => {
    if (error instanceof MongoServerError && error.code === code) return result
    throw error
  }
}
