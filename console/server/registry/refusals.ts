/** Who was refused of late, and why: an instance that cannot get in is easily overlooked. */

export interface Refusal {
  /** Its name; empty when it did not get as far as giving a valid one. */
  instance: string
  service: string
  address: string
  reason: string
  /** How often. */
  count: number
  since: Date
  last: Date
}

/** How long one is remembered after it was refused last. ms. */
const keptMs = 5 * 60_000
const maxListed = 100
/** More are remembered than listed, so that those who try on and on are not news each time. */
const maxKept = 1000

export interface Refusals {
  /** @returns whether that is news: another instance, or another reason. */
  add(refused: Pick<Refusal, 'instance' | 'service' | 'address' | 'reason'>, now: Date): boolean
  admitted(instance: string): void
  /** @returns the last ones, the latest first. */
  list(now: Date): Refusal[]
}

export function createRefusals(): Refusals {
  /** The one refused last at the end. */
  const kept = new Map<string, Refusal>()
  return {
    add(refused, now) {
      const key = `${refused.instance} ${refused.address}`
      const before = kept.get(key)
      const isKnown = before !== undefined && now.getTime() - before.last.getTime() < keptMs
      const { count, since } = isKnown ? before : { count: 0, since: now }
      kept.delete(key)
      kept.set(key, { ...refused, count: count + 1, since, last: now })
      const [oldest] = kept.keys()
      if (kept.size > maxKept && oldest !== undefined) kept.delete(oldest)
      return !isKnown || before.reason !== refused.reason
    },
    admitted(instance) {
      for (const [key, refusal] of kept) if (refusal.instance === instance) kept.delete(key)
    },
    list(now) {
      const recent = [...kept.values()].filter(({ last }) => now.getTime() - last.getTime() < keptMs)
      return recent.reverse().slice(0, maxListed)
    },
  }
}
