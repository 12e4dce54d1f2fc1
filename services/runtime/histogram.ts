/**
 * Durations in buckets whose bounds grow by 2 % each, so that a percentile is within 1 % of the exact one (the mapping of DDSketch).
 * Histograms are merged by adding up their buckets, in whatever order, and lose nothing by it.
 */
export const growth = 1.02
const logGrowth = Math.log(growth)
/** In ms. What is outside counts as the bound: a hundredth of a millisecond, and about three hours. */
export const shortest = 0.01
export const bucketCount = 1050

/** @param ms how long something took. @returns the bucket that counts it, from 0 to `bucketCount` - 1. */
export function bucketOf(ms: number): number {
  if (!(ms > shortest)) return 0
  return Math.min(bucketCount - 1, Math.ceil(Math.log(ms / shortest) / logGrowth))
}

/** @returns the value that stands for all of a bucket, in ms. */
export const middleOf = (bucket: number) => (shortest * growth ** bucket * 2) / (1 + growth)

/** Buckets that are added to, asked for percentiles, and used again. */
export class Histogram {
  readonly #counts = new Uint32Array(bucketCount)
  #lowest = bucketCount
  #highest = -1
  #total = 0

  add(bucket: number, count: number): void {
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + count
    this.#total += count
    if (bucket < this.#lowest) this.#lowest = bucket
    if (bucket > this.#highest) this.#highest = bucket
  }

  /** @param shares sorted, such as 0.5 and 0.95. @returns for each what that share took at most, in ms; 0 when nothing was added. */
  percentiles(shares: readonly number[]): number[] {
    let bucket = this.#lowest
    let seen = this.#counts[bucket] ?? 0
    return shares.map(share => {
      if (this.#total === 0) return 0
      const wanted = Math.max(1, Math.ceil(share * this.#total))
      while (seen < wanted) seen += this.#counts[++bucket] ?? 0
      return middleOf(bucket)
    })
  }

  clear(): void {
    if (this.#highest >= 0) this.#counts.fill(0, this.#lowest, this.#highest + 1)
    this.#lowest = bucketCount
    this.#highest = -1
    this.#total = 0
  }
}
