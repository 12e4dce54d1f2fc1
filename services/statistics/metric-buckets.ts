/**
 * Values of any size in buckets that grow by 2 % each: those of the runtime's histogram.ts, which end at about three hours in ms, go on
 * here to 10^16, and negative values have the same below zero. Percentiles are within 1 %.
 */
import { growth, middleOf, shortest } from '@site11/runtime/histogram.ts'

/** The largest bucket, of 10^16. */
export const lastBucket = 2100
const logGrowth = Math.log(growth)

/** @returns the bucket of a value, from -lastBucket to lastBucket. What is nearly zero is in bucket 0. */
export function bucketOfValue(value: number): number {
  const size = Math.abs(value)
  if (!(size > shortest)) return 0
  const bucket = Math.min(lastBucket, Math.ceil(Math.log(size / shortest) / logGrowth))
  return value < 0 ? -bucket : bucket
}

/** @returns the value that stands for all of a bucket. */
export const valueOfBucket = (bucket: number): number => (bucket < 0 ? -middleOf(-bucket) : middleOf(bucket))

/** Counts by bucket, as wide as what is in it. */
export class Buckets {
  #counts = new Float64Array(0)
  #lowest = 0

  add(bucket: number, count: number): void {
    let at = bucket - this.#lowest
    if (at < 0 || at >= this.#counts.length) {
      this.#widen(bucket)
      at = bucket - this.#lowest
    }
    this.#counts[at] = (this.#counts[at] ?? 0) + count
  }

  #widen(bucket: number): void {
    if (this.#counts.length === 0) {
      this.#lowest = bucket - 16
      this.#counts = new Float64Array(64)
      return
    }
    const end = this.#lowest + this.#counts.length
    const lowest = bucket < this.#lowest ? bucket - this.#counts.length : this.#lowest
    const wider = new Float64Array(Math.max(end, bucket + 1 + this.#counts.length) - lowest)
    wider.set(this.#counts, this.#lowest - lowest)
    this.#lowest = lowest
    this.#counts = wider
  }

  addAll(other: Buckets): void {
    const counts = other.#counts
    let from = 0
    let to = counts.length
    while (from < to && counts[from] === 0) from++
    while (to > from && counts[to - 1] === 0) to--
    if (from === to) return
    // Wide enough from here on.
    this.add(other.#lowest + from, 0)
    this.add(other.#lowest + to - 1, 0)
    const own = this.#counts
    const shift = other.#lowest - this.#lowest
    for (let at = from; at < to; at++) own[at + shift] = (own[at + shift] ?? 0) + (counts[at] ?? 0)
  }

  /** As if new, but for the room that it has taken. */
  clear(): void {
    this.#counts.fill(0)
  }

  /** @param share such as 0.95. @returns what that share of the values is at most; undefined when there are none. */
  percentile(share: number): number | undefined {
    let total = 0
    for (const count of this.#counts) total += count
    if (total === 0) return undefined
    const wanted = Math.max(1, Math.ceil(share * total))
    let [seen, at] = [0, -1]
    while (seen < wanted) seen += this.#counts[++at] ?? 0
    return valueOfBucket(this.#lowest + at)
  }
}
