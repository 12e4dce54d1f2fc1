/**
 * What is known of the last hour, in memory: each second of the last quarter of an hour, and ten seconds at a time before. Slices
 * of all instances of Statistics end up here, each once.
 */
import { merge, type Slice } from './slice.ts'

export interface History {
  add(slice: Slice): void
  /** @returns the slices that begin from `from` to before `until`, both epoch s. */
  between(from: number, until: number): Iterable<Slice>
  /** Lets go of what is too old, and puts together what is no longer told apart. */
  tidy(): void
  /** Calls `listener` with each second that something was added to. @returns a function that ends that. */
  onAdded(listener: (second: number) => void): () => void
}

/** How far back single seconds are told apart, and then tens of them. Both s. */
export const fineS = 15 * 60
export const coarseS = 10
export const historyS = 3600
/** Room for a step that has begun before the oldest one asked for. s. */
const slackS = 60
/** When the seconds take more than so many bytes, the oldest of them are put together sooner. */
const maxFineBytes = 48 * 2 ** 20
const bytesOf = ({ keys, data }: Slice) => data.byteLength + keys.length * 8 + 200

export function createHistory(now: () => number): History {
  const fine = new Map<number, Slice[]>()
  const coarse = new Map<number, Slice>()
  const listeners = new Set<(second: number) => void>()
  let fineBytes = 0
  /** Before it, there are only tens. Epoch s. */
  let fineFrom = 0
  /** One copy of each key, however many slices it is in. */
  let keys = new Map<string, string>()
  const shared = (key: string) => {
    const known = keys.get(key)
    if (known !== undefined) return known
    keys.set(key, key)
    return key
  }

  function fold(slices: readonly Slice[], second: number) {
    const start = second - (second % coarseS)
    const present = coarse.get(start)
    coarse.set(start, merge(start, coarseS, present ? [present, ...slices] : slices))
  }

  return {
    add(slice) {
      const { start } = slice
      if (start < now() / 1000 - historyS - slackS) return
      const own = { ...slice, keys: slice.keys.map(shared) }
      if (start < fineFrom) fold([own], start)
      else {
        const present = fine.get(start)
        if (present) present.push(own)
        else fine.set(start, [own])
        fineBytes += bytesOf(own)
      }
      for (const listener of listeners) listener(start)
    },
    *between(from, until) {
      for (let second = from; second < until; second++) {
        const ten = second % coarseS === 0 ? coarse.get(second) : undefined
        if (ten) yield ten
        yield* fine.get(second) ?? []
      }
    },
    tidy() {
      const present = Math.floor(now() / 1000)
      const whole = (second: number) => second - (second % coarseS)
      let until = Math.max(fineFrom, whole(present - fineS - slackS))
      for (const second of [...fine.keys()].sort((a, b) => a - b)) {
        if (second >= until) {
          if (fineBytes <= maxFineBytes) break
          until = whole(second) + coarseS
        }
        const slices = fine.get(second) ?? []
        fold(slices, second)
        fine.delete(second)
        for (const slice of slices) fineBytes -= bytesOf(slice)
      }
      fineFrom = until
      for (const start of coarse.keys()) if (start < present - historyS - slackS) coarse.delete(start)
      if (keys.size > 20_000) {
        keys = new Map()
        for (const slices of [...fine.values(), [...coarse.values()]])
          for (const { keys: own } of slices) own.forEach(shared)
      }
    },
    onAdded(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
