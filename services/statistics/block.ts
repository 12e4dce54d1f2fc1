/**
 * What a metric came to in a minute, an hour or a day: all its series, which blocks of the same time or of times that follow each other
 * are merged from without loss. This is what is kept for months.
 */
import { valueOfBucket } from './metric-buckets.ts'

export type Kind = 'counter' | 'gauge' | 'distribution'

/** One series. What its kind does not need is zero. */
export interface Stat {
  /** What a counter counted, or how many values there were. */
  count: number
  sum: number
  min: number
  max: number
  /** Of a gauge: its average in each minute, added up over the minutes that it was there, and how many those were. */
  level: number
  minutes: number
  /** Of a distribution, by metric-buckets.ts. */
  buckets: Map<number, number>
}

export interface Block {
  metric: string
  kind: Kind
  /** When it began, epoch s. */
  start: number
  /** How many minutes of it had anything. */
  minutes: number
  /** Values in no series, as there were too many of those. */
  dropped: number
  labels: readonly string[]
  /** By seriesKey of the values of the labels. */
  series: Map<string, Stat>
}

/** No label holds them: cleanLabel sees to that. */
const [labelEnd, seriesEnd] = ['\n', '\x1e']
export const seriesKey = (values: readonly string[]): string => values.join(labelEnd)
export const valuesOf = (key: string): string[] => key.split(labelEnd)
/** As much of a label's value as is kept, in characters. */
const longestLabel = 200
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is taken out
export const cleanLabel = (value: string): string => value.replace(/[\x00-\x1f]/g, ' ').slice(0, longestLabel)

/** As many series as a metric may have in one block; values of any further are only counted. */
export const maxSeries = 5000

export const emptyBlock = (
  { metric, kind, labels }: Pick<Block, 'metric' | 'kind' | 'labels'>,
  start: number,
): Block => ({ metric, kind, labels, start, minutes: 0, dropped: 0, series: new Map() })

const emptyStat = (): Stat => ({
  count: 0,
  sum: 0,
  min: Number.POSITIVE_INFINITY,
  max: Number.NEGATIVE_INFINITY,
  level: 0,
  minutes: 0,
  buckets: new Map(),
})

/** @returns the series to add `count` values to; undefined, after counting them, when there is no room for it. */
export function statIn(block: Block, key: string, count: number, most = maxSeries): Stat | undefined {
  let stat = block.series.get(key)
  if (!stat) {
    if (block.series.size >= most) {
      block.dropped += count
      return undefined
    }
    stat = emptyStat()
    block.series.set(key, stat)
  }
  return stat
}

export function addValue(stat: Stat, value: number, count = 1): void {
  stat.count += count
  stat.sum += value * count
  stat.min = Math.min(stat.min, value)
  stat.max = Math.max(stat.max, value)
}

export function addBucket(stat: Stat, bucket: number, count: number): void {
  stat.buckets.set(bucket, (stat.buckets.get(bucket) ?? 0) + count)
}

/** Adds durations of which only the buckets are known. */
export function addBucketed(stat: Stat, bucket: number, count: number): void {
  addBucket(stat, bucket, count)
  addValue(stat, valueOfBucket(bucket), count)
}

/** Ends a block that was made from the values of one minute. */
export function closeMinute(block: Block): Block {
  block.minutes = 1
  if (block.kind === 'gauge')
    for (const stat of block.series.values()) {
      stat.level = stat.sum / stat.count
      stat.minutes = 1
    }
  return block
}

/**
 * Puts blocks of parts of a time together to the block of all of it, one after the other. The same blocks in the same order make the same.
 * @returns undefined when there are none.
 */
export async function mergeBlocks(start: number, parts: AsyncIterable<Packed>): Promise<Block | undefined> {
  let merged: Block | undefined
  for await (const part of parts) {
    merged ??= emptyBlock(part, start)
    // What has become of another kind cannot be added to it.
    if (part.kind === merged.kind) addPart(merged, part)
  }
  return merged
}

function addPart(merged: Block, part: Packed): void {
  widen(merged, part.labels)
  merged.minutes += part.minutes
  merged.dropped += part.dropped
  const rename = renamer(part.labels, merged.labels)
  let to: Stat | undefined
  visitBlock(
    part,
    (key, from) => {
      to = statIn(merged, rename(key), from.count)
      if (!to) return false
      to.count += from.count
      to.sum += from.sum
      to.min = Math.min(to.min, from.min)
      to.max = Math.max(to.max, from.max)
      to.level += from.level
      to.minutes += from.minutes
      return true
    },
    (bucket, count) => to && addBucket(to, bucket, count),
  )
}

/** Gives all series the labels that came later: empty. */
function widen(block: Block, labels: readonly string[]): void {
  const all = [...new Set([...block.labels, ...labels])]
  if (all.length === block.labels.length) return
  const rename = renamer(block.labels, all)
  block.series = new Map([...block.series].map(([key, stat]) => [rename(key), stat]))
  block.labels = all
}

function renamer(from: readonly string[], to: readonly string[]): (key: string) => string {
  if (seriesKey(from) === seriesKey(to)) return key => key
  const places = to.map(label => from.indexOf(label))
  return key => {
    const values = valuesOf(key)
    return seriesKey(places.map(place => values[place] ?? ''))
  }
}

/** A block as bytes. The series are in the order of their keys, so that equal blocks are equal bytes. */
export interface Packed {
  metric: string
  kind: Kind
  start: number
  minutes: number
  dropped: number
  labels: readonly string[]
  keys: string
  /** For each key, as many numbers as its kind has. */
  stats: Uint8Array
  /** For each key: how many buckets, and those, each by the distance from the one before and its count. Empty unless a distribution. */
  buckets: Uint8Array
}

const fields = {
  counter: ['count'],
  gauge: ['count', 'sum', 'min', 'max', 'level', 'minutes'],
  distribution: ['count', 'sum', 'min', 'max'],
} as const satisfies Record<Kind, readonly (keyof Stat)[]>

export function packBlock(block: Block): Packed {
  const { metric, kind, start, minutes, dropped, labels } = block
  const series = [...block.series].sort(([a], [b]) => (a < b ? -1 : 1))
  const names = fields[kind]
  const stats = new Float64Array(series.flatMap(([, stat]) => names.map(name => stat[name])))
  const bytes: number[] = []
  if (kind === 'distribution')
    for (const [, { buckets }] of series) {
      writeVarint(bytes, buckets.size)
      let before = 0
      for (const [bucket, count] of [...buckets].sort(([a], [b]) => a - b)) {
        const step = bucket - before
        writeVarint(bytes, step < 0 ? -2 * step - 1 : 2 * step)
        writeVarint(bytes, count)
        before = bucket
      }
    }
  return {
    metric,
    kind,
    start,
    minutes,
    dropped,
    labels,
    keys: series.map(([key]) => key).join(seriesEnd),
    stats: new Uint8Array(stats.buffer),
    buckets: Uint8Array.from(bytes),
  }
}

/** Calls `series` for each series with its numbers, which are used again, and, when it answers true, `bucket` for each of its buckets. */
export function visitBlock(
  { kind, keys, stats, buckets }: Pick<Packed, 'kind' | 'keys' | 'stats' | 'buckets'>,
  series: (key: string, stat: Stat) => boolean,
  bucket: (bucket: number, count: number) => void,
): void {
  const names = fields[kind]
  const numbers = new Float64Array(new Uint8Array(stats).buffer)
  if (numbers.length === 0) return
  const stat = emptyStat()
  const reader = { bytes: buckets, at: 0 }
  let at = 0
  for (const key of keys.split(seriesEnd)) {
    for (const name of names) stat[name] = numbers[at++] ?? 0
    const isWanted = series(key, stat)
    if (reader.at >= buckets.length) continue
    let before = 0
    for (let left = readVarint(reader); left > 0; left--) {
      const step = readVarint(reader)
      before += step % 2 === 1 ? -(step + 1) / 2 : step / 2
      const count = readVarint(reader)
      if (isWanted) bucket(before, count)
    }
  }
}

function writeVarint(bytes: number[], value: number): void {
  let rest = value
  while (rest >= 128) {
    bytes.push((rest % 128) + 128)
    rest = Math.floor(rest / 128)
  }
  bytes.push(rest)
}

function readVarint(reader: { bytes: Uint8Array; at: number }): number {
  let [value, scale] = [0, 1]
  for (;;) {
    const byte = reader.bytes[reader.at++] ?? 0
    if (byte < 128) return value + byte * scale
    value += (byte - 128) * scale
    scale *= 128
  }
}
