/** Takes in single requests, and gives them out again as slices of a second. */
import { addTo, keyOf, type Labels, pack, type Slice, type Tally } from './slice.ts'

export interface Recorded {
  labels: Labels
  /** When the last of them ended, epoch ms. */
  endMs: number
  requests: number
  /** How long they took, by bucket of the runtime's histogram.ts; none for what is left out of durations. */
  buckets: readonly { bucket: number; count: number }[]
}

export interface Recorder {
  record(recorded: Recorded): void
  /** Counts requests that are not told apart. */
  drop(requests: number): void
  /**
   * @returns what was counted since the last time, and forgets it: a slice for each second in which something ended. What comes later
   * makes another slice of the same second.
   */
  seal(): Slice[]
}

/** What is older than all that is kept counts as of the oldest second. s. */
const oldestS = 3500
/** As many series as one second may have. Requests of any further are only counted. */
const maxSeries = 2000

export function createRecorder(now: () => number): Recorder {
  const open = new Map<number, { dropped: number; tallies: Map<string, Tally> }>()
  const secondAt = (ms: number) => {
    const second = Math.floor(ms / 1000)
    const found = open.get(second) ?? { dropped: 0, tallies: new Map() }
    open.set(second, found)
    return found
  }
  return {
    record({ labels, endMs, requests, buckets }) {
      const present = now()
      // A clock that is ahead is no reason to count in a second that is yet to come.
      const second = secondAt(Math.min(present, Math.max(endMs, present - oldestS * 1000)))
      const key = keyOf(labels)
      let tally = second.tallies.get(key)
      if (!tally) {
        if (second.tallies.size >= maxSeries) {
          second.dropped += requests
          return
        }
        tally = { requests: 0, buckets: new Map() }
        second.tallies.set(key, tally)
      }
      addTo(tally, requests, buckets)
    },
    drop(requests) {
      if (requests > 0) secondAt(now()).dropped += requests
    },
    seal() {
      const sealed = [...open].map(([second, { dropped, tallies }]) => pack(second, 1, dropped, tallies))
      open.clear()
      return sealed.sort((a, b) => a.start - b.start)
    },
  }
}
