/** Follows changes until every proxy has them. */
import { nowMs } from './clock.ts'
import type { Turn } from './proxies-process.ts'

export interface Arrival {
  /** From the change until the last of the proxies that answer at once has it. ms. */
  promptMs: number
  /** The same for the slow one. */
  slowMs: number
}

export interface Tracker {
  /** @returns when every proxy sends requests to the port, or none does; undefined when that is not so within 10 s. */
  expect(port: number, serving: boolean): Promise<Arrival | undefined>
  take(turns: Turn[]): void
  close(): void
}

interface Expected {
  beganMs: number
  serving: boolean
  arrivedMs: Map<number, number>
  done(arrival: Arrival | undefined): void
}

const lostAfterMs = 10_000

/** @param proxies how many there are. The last never answers and is not waited for, the one before it is slow. */
export function createTracker(proxies: number): Tracker {
  const slow = proxies - 2
  const expected = new Map<number, Expected>()
  const sweeping = setInterval(() => {
    for (const [port, { beganMs, done }] of expected) {
      if (nowMs() - beganMs < lostAfterMs) continue
      expected.delete(port)
      done(undefined)
    }
  }, 1000)
  return {
    expect: (port, serving) =>
      new Promise(done => {
        expected.set(port, { beganMs: nowMs(), serving, arrivedMs: new Map(), done })
      }),
    take(turns) {
      for (const [proxy, port, serving, atMs] of turns) {
        const change = expected.get(port)
        if (!change || proxy > slow || (serving === 1) !== change.serving || atMs < change.beganMs) continue
        const { arrivedMs, beganMs, done } = change
        arrivedMs.set(proxy, atMs - beganMs)
        if (arrivedMs.size <= slow) continue
        expected.delete(port)
        const slowMs = arrivedMs.get(slow) ?? 0
        arrivedMs.delete(slow)
        done({ slowMs, promptMs: Math.max(...arrivedMs.values()) })
      }
    },
    close: () => clearInterval(sweeping),
  }
}
