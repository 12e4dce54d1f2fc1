import { bucketCount } from '@site11/runtime/histogram.ts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addTo, isSound, keyOf, merge, pack, type Slice, type Tally, unpack } from './slice.ts'

const key = fc
  .constantFrom('users', 'images', 'data')
  .chain(service => fc.constantFrom('OK', 'INTERNAL').map(status => keyOf([service, '', '', '', '', '', status])))
const event = fc.record({
  key,
  bucket: fc.option(fc.integer({ min: 0, max: bucketCount - 1 }), { nil: undefined }),
  requests: fc.integer({ min: 1, max: 500 }),
})
type Event = typeof event extends fc.Arbitrary<infer E> ? E : never

function sliceOf(events: readonly Event[], dropped = 0): Slice {
  const tallies = new Map<string, Tally>()
  for (const { key, bucket, requests } of events) {
    const tally = tallies.get(key) ?? { requests: 0, buckets: new Map() }
    tallies.set(key, tally)
    addTo(tally, requests, bucket === undefined ? [] : [{ bucket, count: requests }])
  }
  return pack(100, 1, dropped, tallies)
}

/** What is in a slice, in no order. */
function contents(slice: Slice) {
  const found = new Map<string, { requests: number; buckets: Map<number, number> }>()
  let last: Tally = { requests: 0, buckets: new Map() }
  unpack(
    slice,
    (key, requests) => {
      last = { requests, buckets: new Map() }
      found.set(key, last)
      return true
    },
    (bucket, count) => last.buckets.set(bucket, count),
  )
  return found
}

describe('slices', () => {
  test('merged are as one slice of everything, in whatever order', () => {
    fc.assert(
      fc.property(fc.array(fc.array(event)), parts => {
        const slices = parts.map(events => sliceOf(events, 2))
        const whole = contents(sliceOf(parts.flat()))
        expect(contents(merge(100, 10, slices))).toEqual(whole)
        const halves = [merge(100, 10, slices.slice(1).reverse()), ...slices.slice(0, 1)]
        const again = merge(100, 10, halves)
        expect(contents(again)).toEqual(whole)
        expect(again.dropped).toBe(2 * parts.length)
      }),
    )
  })

  test('that were packed are sound, and those that were cut, stretched or filled with anything are not', () => {
    fc.assert(
      fc.property(fc.array(event, { minLength: 1 }), events => {
        const { keys, data } = sliceOf(events)
        expect(isSound({ keys, data })).toBe(true)
        expect(isSound({ keys, data: data.slice(0, -1) })).toBe(false)
        expect(isSound({ keys, data: Uint32Array.of(...data, 0) })).toBe(false)
        expect(isSound({ keys: [...keys, 'one more'], data })).toBe(false)
        expect(isSound({ keys, data: data.with(1, 2 ** 32 - 1) })).toBe(false)
      }),
    )
  })
})
