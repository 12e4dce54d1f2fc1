/**
 * Makes minutes of what came in, hours of minutes, and days of hours. Each is made anew from all that it consists of, whenever something of
 * that is new, however late; so it does not matter how often, in what order, by how many at once, or after which crash.
 *
 *     mark what is new as ours -> read the version -> read everything -> replace if the version is still that -> unmark
 *
 * What comes in meanwhile bears the mark of the new, and is left for the next time. Who was overtaken leaves the marks.
 */
import { randomUUID } from 'node:crypto'
import type { Log } from '@site11/runtime/log.ts'
import { isUnreachable } from '@site11/runtime/store/store-error.ts'
import type { Collection } from 'mongodb'
import { type Block, mergeBlocks } from './block.ts'
import { type Level, levels, packedOf, type Rollups, replaceBlock, rollupId } from './rollup-store.ts'

/** What minutes are made of: documents that are only ever added. */
export interface Raw {
  _id: string
  minute: Date
  pending?: string
}

export interface RawSource {
  collection: Collection<Raw>
  /** How long after its minute a document is deleted. s. */
  keptS: number
  /** @returns the blocks of a minute, made of all documents that it has. The same documents make the same blocks. */
  blocksOf(minute: Date): Promise<Block[]>
}

export interface RollupOptions {
  rollups: Rollups
  sources: readonly RawSource[]
  now(): number
  log: Log
}

/** Of a minute older than that, some of what it was made of may be deleted soon: it stays as it is. s. */
const marginS = 3600
/** When an hour or a day is over, so much longer is waited for what is late before it is made for the first time. s. */
const settleS = 15
const atOnce = 500
const isPending = { pending: { $gte: '' } }

/** Brings all rollups up to date. @returns how many were made. @throws what MongoDB says. */
export async function rollUp({ rollups, sources, now, log }: RollupOptions): Promise<number> {
  let made = 0
  for (const source of sources) {
    for (const minute of await source.collection.distinct('minute', isPending)) {
      if (Number(minute) < now() - (source.keptS - marginS) * 1000) await giveUp(source, minute, log)
      else
        made += await attempt(log, `minute ${minute.toJSON()} of ${source.collection.collectionName}`, () =>
          makeMinute(rollups, source, minute),
        )
    }
  }
  made += await makeAbove(rollups, 'minutes', 'hours', now(), log)
  made += await makeAbove(rollups, 'hours', 'days', now(), log)
  return made
}

/** One that cannot be made is no reason to leave the others. @throws when the database cannot be reached. */
async function attempt(log: Log, what: string, make: () => Promise<number>): Promise<number> {
  try {
    return await make()
  } catch (error) {
    if (isUnreachable(error)) throw error
    log.error({ what, err: error }, 'a rollup cannot be made; trying again')
    return 0
  }
}

async function makeMinute(rollups: Rollups, { collection, blocksOf }: RawSource, minute: Date): Promise<number> {
  const claim = randomUUID()
  await collection.updateMany({ minute, ...isPending }, { $set: { pending: claim } })
  const versions = await versionsAt(rollups, minute)
  const blocks = await blocksOf(minute)
  for (const block of blocks)
    if (!(await replaceBlock(rollups, 'minutes', block, versions.get(block.metric) ?? 0))) return 0
  await collection.updateMany({ minute, pending: claim }, { $unset: { pending: '' } })
  return blocks.length
}

async function versionsAt({ minutes }: Rollups, at: Date): Promise<Map<string, number>> {
  const found = minutes.find({ at }, { projection: { metric: 1, version: 1 } })
  return new Map((await found.toArray()).map(({ metric, version }) => [metric, version]))
}

async function giveUp({ collection }: RawSource, minute: Date, log: Log): Promise<void> {
  const { modifiedCount } = await collection.updateMany({ minute, ...isPending }, { $unset: { pending: '' } })
  log.warn({ of: collection.collectionName, minute, left: modifiedCount }, 'came too late for its minute: not counted')
}

/** Those that are not over are left: who asks gets them from the parts. */
async function makeAbove(rollups: Rollups, from: Level, to: Level, nowMs: number, log: Log): Promise<number> {
  const over = new Date(nowMs - (levels[to].length + settleS) * 1000)
  const units = await rollups[from]
    .aggregate<{ _id: { metric: string; unit: Date } }>([
      { $match: { ...isPending, unit: { $lte: over } } },
      { $group: { _id: { metric: '$metric', unit: '$unit' } } },
      { $limit: atOnce },
    ])
    .toArray()
  let made = 0
  for (const { _id } of units)
    made += await attempt(log, `${to} ${_id.metric} ${_id.unit.toJSON()}`, () => makeUnit(rollups, from, to, _id))
  return made
}

async function makeUnit(
  rollups: Rollups,
  from: Level,
  to: Level,
  { metric, unit }: { metric: string; unit: Date },
): Promise<number> {
  const claim = randomUUID()
  const start = Number(unit) / 1000
  const at = { $gte: unit, $lt: new Date((start + levels[to].length) * 1000) }
  await rollups[from].updateMany({ metric, at, ...isPending }, { $set: { pending: claim } })
  const before = await rollups[to].findOne({ _id: rollupId(metric, start) }, { projection: { version: 1 } })
  const parts = rollups[from].find({ metric, at }, { batchSize: 10 }).sort({ at: 1 })
  const block = await mergeBlocks(start, parts.map(packedOf))
  if (!block || !(await replaceBlock(rollups, to, block, before?.version ?? 0))) return 0
  await rollups[from].updateMany({ metric, at, pending: claim }, { $unset: { pending: '' } })
  return 1
}
