import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bucketOf, Histogram } from './histogram.ts'

const shares = [0.5, 0.9, 0.95, 0.99, 0.999]

function histogramOf(values: readonly number[]): Histogram {
  const histogram = new Histogram()
  for (const value of values) histogram.add(bucketOf(value), 1)
  return histogram
}

function exact(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
}

describe('percentiles', () => {
  test('are within 1 % of the exact ones, whatever the durations', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0.011, max: 3_600_000, noNaN: true }), { minLength: 1 }), values => {
        const found = histogramOf(values).percentiles(shares)
        shares.forEach((share, index) => {
          const wanted = exact(values, share)
          expect(Math.abs((found[index] ?? 0) - wanted) / wanted).toBeLessThan(0.01)
        })
      }),
    )
  })

  test('of a million long-tailed durations, merged from a thousand parts, are within 1 % of the exact ones', () => {
    // Lognormal by two uniform numbers of a generator that gives the same each time.
    let seed = 1
    const random = () => {
      seed = (seed * 48_271) % 2_147_483_647
      return seed / 2_147_483_647
    }
    const values = Array.from({ length: 1_000_000 }, () =>
      Math.exp(1 + 1.2 * Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random())),
    )
    const merged = new Histogram()
    for (let part = 0; part < 1000; part++) {
      const counts = new Map<number, number>()
      for (let at = part; at < values.length; at += 1000) {
        const bucket = bucketOf(values[at] ?? 0)
        counts.set(bucket, (counts.get(bucket) ?? 0) + 1)
      }
      for (const [bucket, count] of counts) merged.add(bucket, count)
    }
    const found = merged.percentiles(shares)
    const sorted = Float64Array.from(values).sort()
    shares.forEach((share, index) => {
      const wanted = sorted[Math.ceil(share * sorted.length) - 1] ?? 0
      expect(Math.abs((found[index] ?? 0) - wanted) / wanted).toBeLessThan(0.01)
    })
  })

  test('of nothing are 0, and a histogram that was cleared is as new', () => {
    const histogram = histogramOf([1, 5, 1e6])
    histogram.clear()
    expect(histogram.percentiles(shares)).toEqual([0, 0, 0, 0, 0])
    histogram.add(bucketOf(7), 3)
    for (const each of histogram.percentiles(shares)) expect(each).toBeCloseTo(7, 0)
  })

  test('durations that no clock can have measured fit into the outermost buckets', () => {
    for (const ms of [0, -1, Number.NaN]) expect(bucketOf(ms)).toBe(0)
    expect(bucketOf(1e12)).toBe(bucketOf(Number.POSITIVE_INFINITY))
  })
})
