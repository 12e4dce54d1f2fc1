/**
 * What was counted in a stretch of time, packed: all series of one instance of Statistics, each with how many requests ended and how long
 * they took. Slices are what is kept, stored, sent to the other instances and merged.
 */
import { bucketCount } from '@site11/runtime/histogram.ts'

/** The values of all dimensions of a series, in the order of the contract's Dimension: service, method, instance, version, caller, protocol, status. */
export type Labels = readonly string[]

/** No label holds it. */
const separator = '\n'
export const keyOf = (labels: Labels): string => labels.join(separator)
export const labelsOf = (key: string): Labels => key.split(separator)

export interface Slice {
  /** When it began, and how long it is: epoch s, and s. */
  start: number
  length: number
  /** Requests that are in no series, as there were too many of those. */
  dropped: number
  /** By keyOf. */
  keys: readonly string[]
  /** For each key: requests, how many buckets follow, and those: the bucket in the upper bits, its count in the lower `countBits`. */
  data: Uint32Array
}

const countBits = 21
const maxCount = 2 ** countBits - 1

/** Counts that are added to. */
export interface Tally {
  requests: number
  /** By bucket of histogram.ts. */
  buckets: Map<number, number>
}

export function addTo(tally: Tally, requests: number, buckets: readonly { bucket: number; count: number }[]): void {
  tally.requests += requests
  for (const { bucket, count } of buckets) tally.buckets.set(bucket, (tally.buckets.get(bucket) ?? 0) + count)
}

export function pack(start: number, length: number, dropped: number, tallies: ReadonlyMap<string, Tally>): Slice {
  let size = 0
  for (const { buckets } of tallies.values()) size += 2 + buckets.size
  const data = new Uint32Array(size)
  let at = 0
  for (const { requests, buckets } of tallies.values()) {
    data[at++] = requests
    data[at++] = buckets.size
    for (const [bucket, count] of buckets) data[at++] = bucket * 2 ** countBits + Math.min(count, maxCount)
  }
  return { start, length, dropped, keys: [...tallies.keys()], data }
}

/** Calls `series` for each series of a slice that it wants, and `bucket` for each of its buckets. */
export function unpack(
  { keys, data }: Pick<Slice, 'keys' | 'data'>,
  series: (key: string, requests: number) => boolean,
  bucket: (bucket: number, count: number) => void,
): void {
  let at = 0
  for (const key of keys) {
    const wanted = series(key, data[at] ?? 0)
    const end = at + 2 + (data[at + 1] ?? 0)
    if (wanted)
      for (let each = at + 2; each < end; each++) bucket((data[each] ?? 0) >>> countBits, (data[each] ?? 0) & maxCount)
    at = end
  }
}

/** @returns whether the numbers of a slice from outside fit together. */
export function isSound({ keys, data }: Pick<Slice, 'keys' | 'data'>): boolean {
  let at = 0
  for (const key of keys) {
    const end = at + 2 + (data[at + 1] ?? Number.NaN)
    if (!(end <= data.length) || labelsOf(key).length !== 7) return false
    for (let each = at + 2; each < end; each++) if ((data[each] ?? 0) >>> countBits >= bucketCount) return false
    at = end
  }
  return at === data.length
}

/** @returns one slice from `start` on that counts what all of these do. */
export function merge(start: number, length: number, slices: readonly Slice[]): Slice {
  const tallies = new Map<string, Tally>()
  let dropped = 0
  for (const slice of slices) {
    dropped += slice.dropped
    let tally: Tally = { requests: 0, buckets: new Map() }
    unpack(
      slice,
      (key, requests) => {
        tally = tallies.get(key) ?? { requests: 0, buckets: new Map() }
        tallies.set(key, tally)
        tally.requests += requests
        return true
      },
      (bucket, count) => tally.buckets.set(bucket, (tally.buckets.get(bucket) ?? 0) + count),
    )
  }
  return pack(start, length, dropped, tallies)
}
