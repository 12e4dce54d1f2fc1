/** So many at a time; the others wait for their turn. */
export interface Slots {
  /** @throws what `run` throws, or the reason of the signal when it ends the waiting. */
  take<T>(run: () => Promise<T>, signal?: AbortSignal): Promise<T>
}

export function createSlots(count: number): Slots {
  let free = count
  const waiting: (() => void)[] = []
  return {
    async take(run, signal) {
      if (free > 0) free--
      else await new Promise<void>(resolve => waiting.push(resolve))
      try {
        signal?.throwIfAborted()
        return await run()
      } finally {
        const next = waiting.shift()
        if (next) next()
        else free++
      }
    },
  }
}
