/** The end of the journal, kept in memory for those who follow it. A slow reader keeps nothing from being forgotten. */
import type { Change } from './chain.ts'
import type { Entries } from './entries.ts'

export interface Tail {
  /** They are stored. */
  add(changes: Change[]): void
  /** @returns those of the changes that are at hand. */
  get(ids: readonly number[]): Change[]
  /** Every stored change after this one, until aborted. */
  follow(after: number, signal: AbortSignal): AsyncGenerator<Change>
}

export function createTail(entries: Pick<Entries, 'after'>, loaded: Change[], kept: number): Tail {
  let recent = loaded.slice(-kept)
  let news = Promise.withResolvers<void>()
  return {
    add(changes) {
      recent.push(...changes)
      if (recent.length > 2 * kept) recent = recent.slice(-kept)
      news.resolve()
      news = Promise.withResolvers<void>()
    },
    get(ids) {
      const wanted = new Set(ids)
      return recent.filter(({ id }) => wanted.has(id))
    },
    async *follow(after, signal) {
      let wake = () => {}
      signal.addEventListener('abort', () => wake(), { once: true })
      let place = after
      while (!signal.aborted) {
        const oldest = recent[0]
        const isAtHand = oldest ? place + 1 >= oldest.id : true
        const from = isAtHand ? recent.findLastIndex(({ id }) => id <= place) + 1 : 0
        const next = isAtHand ? recent.slice(from) : await entries.after(place)
        for (const change of next) {
          if (signal.aborted) return
          place = change.id
          yield change
        }
        // Nothing before the oldest at hand is left: it was trimmed.
        if (next.length === 0 && !isAtHand && oldest) place = oldest.id - 1
        else if (next.length === 0) {
          await new Promise<void>(resolve => {
            wake = resolve
            void news.promise.then(resolve)
          })
        }
      }
    },
  }
}
