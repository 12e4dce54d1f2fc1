/**
 * Slices in MongoDB, so that all instances of Statistics know what each was told, and after a restart still do.
 *
 *   slices   { _id, at, minute, start, length, dropped, keys, data, writer, pending }   a few for each second that had requests
 *
 * `_id` is made by who writes it, so that one that is written twice is there once. `data` is little-endian, as slice.ts packs it.
 * `pending` is there while its minute has not been made anew with it, by rollup.ts.
 */
import type { Log } from '@site11/runtime/log.ts'
import type { Store } from '@site11/runtime/store/connect.ts'
import { ensureIndexes } from '@site11/runtime/store/indexes.ts'
import { duplicatesIn } from '@site11/runtime/store/store-error.ts'
import { Binary, type Collection } from 'mongodb'
import { historyS } from './history.ts'
import type { Raw } from './rollup.ts'
import { pendingIndex } from './rollup-store.ts'
import { isSound, type Slice } from './slice.ts'

export interface SliceDocument extends Raw {
  at: Date
  start: number
  length: number
  dropped: number
  keys: string[]
  data: Binary
  writer: string
}

export interface SliceStore {
  collection: Collection<SliceDocument>
  add(slices: Slice[]): void
  /** Writes what was added. What cannot be written now is written later, as long as it is not too much. */
  flush(): Promise<void>
  /** @returns the slices of other writers that were not returned before, from an hour ago on the first time. @throws what MongoDB says. */
  readNew(): Promise<Slice[]>
}

/** How long slices are kept: so long may it take until they are part of their minutes. s. */
export const slicesKeptS = 6 * 3600

/** So many seconds may wait for the database. */
const maxPending = 600
/** Slices of others are asked for from so far before the last time that they could be read. s. */
const overlapS = 30

/** @param writer tells this process from all others, before and after it. */
export async function createSliceStore(
  { db }: Store,
  writer: string,
  now: () => number,
  log: Log,
): Promise<SliceStore> {
  const slices = db.collection<SliceDocument>('slices')
  const age = { name: 'age', key: { at: 1 } as const, expireAfterSeconds: slicesKeptS }
  await ensureIndexes(slices, [age, pendingIndex('minute')], log)
  let pending: SliceDocument[] = []
  let written = 0
  let lost = 0
  let readAt = now() / 1000 - historyS
  /** What was returned already, of the time that is asked for again. */
  let seen = new Map<string, number>()

  const documentOf = ({ start, length, dropped, keys, data }: Slice): SliceDocument => ({
    _id: `${start}/${writer}/${written++}`,
    at: new Date(start * 1000),
    minute: new Date(Math.floor(start / 60) * 60_000),
    start,
    length,
    dropped,
    keys: [...keys],
    data: new Binary(Buffer.from(data.buffer, data.byteOffset, data.byteLength)),
    writer,
    pending: '',
  })

  return {
    collection: slices,
    add(added) {
      pending.push(...added.map(documentOf))
    },
    async flush() {
      if (pending.length === 0) return
      const batch = pending
      pending = []
      try {
        await slices.insertMany(batch, { ordered: false }).catch(unlessDuplicate)
        if (lost > 0) log.warn({ lost }, 'the database takes slices again; those of some seconds were not kept')
        lost = 0
      } catch (error) {
        pending = [...batch, ...pending]
        if (lost === 0 && pending.length > maxPending)
          log.warn({ reason: String(error) }, 'the database takes no slices: they are no longer kept for it')
        lost += Math.max(0, pending.length - maxPending)
        pending = pending.slice(-maxPending)
      }
    },
    async readNew() {
      const since = readAt - overlapS
      const asked = now() / 1000
      const known = [...seen].filter(([, start]) => start >= since)
      seen = new Map(known)
      const found: Slice[] = []
      const at = { $gte: new Date(since * 1000) }
      const cursor = slices.find({ at, writer: { $ne: writer }, _id: { $nin: [...seen.keys()] } })
      for await (const document of cursor) {
        seen.set(document._id, document.start)
        const slice = sliceFrom(document)
        if (slice) found.push(slice)
        else log.warn({ slice: document._id }, 'a slice in the database is damaged')
      }
      readAt = asked
      return found
    },
  }
}

function unlessDuplicate(error: unknown): void {
  if (duplicatesIn(error) === undefined) throw error
}

export function sliceFrom({ start, length, dropped, keys, data }: SliceDocument): Slice | undefined {
  const bytes = new Uint8Array(data.length())
  bytes.set(data.value())
  if (bytes.length % 4 !== 0) return undefined
  const slice = { start, length, dropped, keys, data: new Uint32Array(bytes.buffer) }
  return isSound(slice) ? slice : undefined
}
