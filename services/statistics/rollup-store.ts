/**
 * Rollups in MongoDB: one document for each metric and minute, hour or day.
 *
 *   minutes, hours, days   { _id: "<metric>/<epoch s>", metric, at, kind, minutes, dropped, labels, keys, stats, buckets, version, pending, unit }
 *
 * `pending` is there while the next larger unit, which began at `unit`, has not been made anew with it. A document is only ever replaced by
 * who has read its `version`, so that of two who make the same one the slower begins again.
 */
import type { Log } from '@site11/runtime/log.ts'
import { ensureIndexes } from '@site11/runtime/store/indexes.ts'
import { Binary, type Collection, type Db, MongoServerError } from 'mongodb'
import { type Block, type Packed, packBlock } from './block.ts'

export interface RollupDocument {
  _id: string
  metric: string
  at: Date
  kind: Packed['kind']
  minutes: number
  dropped: number
  labels: string[]
  keys: string
  stats: Binary
  buckets: Binary
  version: number
  pending?: string
  unit: Date
}

/** The sizes of rollups: how long they are, how long they are kept, and how long the next larger ones are. All s. */
export const levels = {
  minutes: { length: 60, keptS: 7 * 86_400, above: 3600 },
  hours: { length: 3600, keptS: 400 * 86_400, above: 86_400 },
  days: { length: 86_400, keptS: 5 * 366 * 86_400, above: 86_400 },
} as const
export type Level = keyof typeof levels

export type Rollups = Record<Level, Collection<RollupDocument>>

/** What is not yet part of the next larger unit. */
export const pendingIndex = (by: string) => ({
  name: 'pending',
  key: { pending: 1, [by]: 1 } as Record<string, 1>,
  partialFilterExpression: { pending: { $gte: '' } },
})

export async function openRollups(db: Db, log: Log): Promise<Rollups> {
  const open = async (level: Level) => {
    const options = { storageEngine: { wiredTiger: { configString: 'block_compressor=zstd' } } }
    await db.createCollection(level, options).catch(error => {
      if (!(error instanceof MongoServerError && error.codeName === 'NamespaceExists')) throw error
    })
    const collection = db.collection<RollupDocument>(level)
    const indexes = [
      { name: 'series', key: { metric: 1, at: 1 } as Record<string, 1> },
      { name: 'age', key: { at: 1 } as Record<string, 1>, expireAfterSeconds: levels[level].keptS },
    ]
    await ensureIndexes(collection, level === 'days' ? indexes : [...indexes, pendingIndex('unit')], log)
    return collection
  }
  return { minutes: await open('minutes'), hours: await open('hours'), days: await open('days') }
}

export const rollupId = (metric: string, start: number): string => `${metric}/${start}`

export function packedOf(document: RollupDocument): Packed {
  const { metric, at, kind, minutes, dropped, labels, keys, stats, buckets } = document
  const start = Number(at) / 1000
  return { metric, kind, start, minutes, dropped, labels, keys, stats: bytesOf(stats), buckets: bytesOf(buckets) }
}

const bytesOf = (binary: Binary | undefined): Uint8Array => binary?.value() ?? new Uint8Array(0)

/** @param version the one that it has from now on. */
export function documentOf(level: Level, block: Block, version: number): RollupDocument {
  const { metric, start, labels, stats, buckets, ...packed } = packBlock(block)
  const { above } = levels[level]
  return {
    ...packed,
    _id: rollupId(metric, start),
    metric,
    at: new Date(start * 1000),
    labels: [...labels],
    stats: new Binary(stats),
    buckets: new Binary(buckets),
    version,
    unit: new Date(Math.floor(start / above) * above * 1000),
    ...(level !== 'days' && { pending: '' }),
  }
}

/**
 * Puts a block in the place of the one with this version; zero when there was none.
 * @returns false when somebody else was faster.
 */
export async function replaceBlock(rollups: Rollups, level: Level, block: Block, version: number): Promise<boolean> {
  const document = documentOf(level, block, version + 1)
  if (version > 0) {
    const { matchedCount } = await rollups[level].replaceOne({ _id: document._id, version }, document)
    return matchedCount === 1
  }
  try {
    await rollups[level].insertOne(document)
    return true
  } catch (error) {
    if (error instanceof MongoServerError && error.code === 11000) return false
    throw error
  }
}
