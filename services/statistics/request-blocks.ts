/** Slices to the blocks of a stretch of time: how many requests, and how long they took. */
import type { Collection } from 'mongodb'
import { addBucketed, type Block, closeMinute, emptyBlock, type Stat, statIn } from './block.ts'
import type { Raw, RawSource } from './rollup.ts'
import { type Slice, unpack } from './slice.ts'
import { type SliceDocument, sliceFrom, slicesKeptS } from './store.ts'

/** In the order of the contract's Dimension, as slices have them. */
export const requestLabels = ['service', 'method', 'instance', 'version', 'caller', 'protocol', 'status'] as const
const requests = { metric: 'requests', kind: 'counter', labels: requestLabels } as const
const durations = { metric: 'request.duration', kind: 'distribution', labels: requestLabels } as const

/** Takes slices one by one. */
export function requestBlocks(start: number) {
  const counts = emptyBlock(requests, start)
  const times = emptyBlock(durations, start)
  return {
    add(slice: Slice) {
      counts.dropped += slice.dropped
      let stat: Stat | undefined
      let series = ''
      unpack(
        slice,
        (key, count) => {
          const counted = statIn(counts, key, count)
          if (counted) counted.count += count
          stat = undefined
          series = key
          return true
        },
        (bucket, count) => {
          stat ??= statIn(times, series, count)
          if (stat) addBucketed(stat, bucket, count)
        },
      )
    },
    /** @returns none for durations when only streams have ended. */
    blocks: (): Block[] => [closeMinute(counts), ...(times.series.size > 0 ? [closeMinute(times)] : [])],
  }
}

/** What minutes of requests are made of. */
export function requestSource(slices: Collection<SliceDocument>): RawSource {
  return {
    // A wider type of the same documents: only what all sources have is read or changed by it.
    collection: slices as unknown as Collection<Raw>,
    keptS: slicesKeptS,
    async blocksOf(minute) {
      const found = requestBlocks(Number(minute) / 1000)
      const at = { $gte: minute, $lt: new Date(Number(minute) + 60_000) }
      // In one order, so that where there are too many series, always the same are counted.
      for await (const document of slices.find({ at }).sort({ _id: 1 })) {
        const slice = sliceFrom(document)
        if (slice) found.add(slice)
      }
      return found.blocks()
    },
  }
}
