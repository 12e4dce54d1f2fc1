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
  const keys = keysIn(part.keys)
  visitBlock(part, (index, from) => {
    const to = statIn(merged, rename(keys[index] ?? ''), from.count)
    if (!to) return undefined
    to.count += from.count
    to.sum += from.sum
    to.min = Math.min(to.min, from.min)
    to.max = Math.max(to.max, from.max)
    to.level += from.level
    to.minutes += from.minutes
    return { add: (bucket, count) => addBucket(to, bucket, count) }
  })
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

/** @returns the keys of all series of a packed block, in their order. */
export const keysIn = (keys: string): string[] => keys.split(seriesEnd)

/** Takes the buckets of a series, one after the other. */
export interface BucketSink {
  add(bucket: number, count: number): void
}

/**
 * Calls `series` for each series, by its place among the keys, with its numbers, which are used again; what that answers is given the
 * buckets of the series.
 */
export function visitBlock(
  { kind, stats, buckets }: Pick<Packed, 'kind' | 'stats' | 'buckets'>,
  series: (index: number, stat: Stat) => BucketSink | undefined,
): void {
  const numbers = new Float64Array(new Uint8Array(stats).buffer)
  const width = fields[kind].length
  const stat = emptyStat()
  const reader = { bytes: buckets, at: 0 }
  for (let index = 0, at = 0; at < numbers.length; index++, at += width) {
    // In the order of `fields`, one by one: to find them by their names takes several times as long.
    stat.count = numbers[at] ?? 0
    if (kind !== 'counter') {
      stat.sum = numbers[at + 1] ?? 0
      stat.min = numbers[at + 2] ?? 0
      stat.max = numbers[at + 3] ?? 0
    }
    if (kind === 'gauge') {
      stat.level = numbers[at + 4] ?? 0
      stat.minutes = numbers[at + 5] ?? 0
    }
    const sink = series(index, stat)
    if (reader.at >= buckets.length) continue
    const left = readVarint(reader)
    if (sink) readBuckets(reader, left, sink)
    else for (let skipped = 0; skipped < 2 * left; reader.at++) if ((buckets[reader.at] ?? 0) < 128) skipped++
  }
}

function readBuckets(reader: Reader, count: number, sink: BucketSink): void {
  const { bytes } = reader
  let bucket = 0
  for (let left = count; left > 0; left--) {
    // Nearly all are of one byte: millions are read for a month.
    const step = (bytes[reader.at] ?? 0) < 128 ? (bytes[reader.at++] ?? 0) : readVarint(reader)
    // Buckets are small: whole numbers of 32 bits.
    bucket += (step & 1) === 1 ? -((step + 1) >> 1) : step >> 1
    sink.add(bucket, (bytes[reader.at] ?? 0) < 128 ? (bytes[reader.at++] ?? 0) : readVarint(reader))
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

interface Reader {
  bytes: Uint8Array
  at: number
}

function readVarint(reader: Reader): number {
  const first = reader.bytes[reader.at++] ?? 0
  if (first < 128) return first
  let value = first - 128
  let scale = 128
  for (;;) {
    const byte = reader.bytes[reader.at++] ?? 0
    if (byte < 128) return value + byte * scale
    value += (byte - 128) * scale
    scale *= 128
  }
}
