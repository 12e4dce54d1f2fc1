/** Waits until every proxy has taken a change. */
import type { Connection } from './connection.ts'
import { ago, lackOf } from './report.ts'

export type Waiting = { nodeId: string; reason: string }

export type Acks = {
  /** Something happened that waiters may have waited for. */
  check: () => void
  /**
   * A proxy that was there is not: it may be back in a moment, and serves what it has until then. It is waited for during `waitMs`, and
   * told of during `tellMs`.
   */
  missing: (nodeId: string, times?: { waitMs: number; tellMs: number }) => void
  back: (nodeId: string) => void
  wait: (options: { change?: number; timeoutMs: number; signal?: AbortSignal }) => Promise<{
    change: number
    waiting: Waiting[]
  }>
}

/** A proxy whose stream breaks opens another within a fraction of a second. One that is away for longer is told of, but not waited for. ms. */
const brokenStream = { waitMs: 1_000, tellMs: 10_000 }
/** Waiting ends by time, too. ms. */
const lookMs = 200
const maxMissing = 1_000

/** `connections` are those that count, one for each proxy; `published` is the last change that was published. */
export function createAcks(connections: () => Iterable<Connection>, published: () => number): Acks {
  const missing = new Map<string, { since: Date; leftAt: number; waitMs: number; tellMs: number }>()
  const checks = new Set<() => void>()

  const lacking = (change: number) => {
    const now = new Date()
    const all: (Waiting & { isFinal: boolean })[] = []
    for (const connection of connections()) {
      const lack = lackOf(connection, change, now)
      if (lack) all.push({ nodeId: connection.node.id, ...lack })
    }
    for (const [nodeId, { since, leftAt, waitMs, tellMs }] of missing) {
      const awayMs = performance.now() - leftAt
      if (awayMs > tellMs) missing.delete(nodeId)
      else
        all.push({
          nodeId,
          reason: `lost its stream ${ago(since, now)} and has not come back`,
          isFinal: awayMs > waitMs,
        })
    }
    return all.sort((a, b) => (a.nodeId < b.nodeId ? -1 : 1))
  }

  return {
    check: () => {
      for (const check of checks) check()
    },
    missing: (nodeId, times = brokenStream) => {
      const [oldest] = missing.keys()
      if (missing.size >= maxMissing && oldest !== undefined) missing.delete(oldest)
      missing.set(nodeId, { since: new Date(), leftAt: performance.now(), ...times })
    },
    back: nodeId => void missing.delete(nodeId),
    wait: ({ change = published(), timeoutMs, signal }) =>
      new Promise(resolve => {
        const finish = () => {
          clearTimeout(deadline)
          clearInterval(looking)
          checks.delete(check)
          signal?.removeEventListener('abort', finish)
          resolve({ change, waiting: lacking(change).map(({ nodeId, reason }) => ({ nodeId, reason })) })
        }
        const check = () => {
          if (published() >= change && lacking(change).every(({ isFinal }) => isFinal)) finish()
        }
        const deadline = setTimeout(finish, timeoutMs)
        const looking = setInterval(check, lookMs)
        checks.add(check)
        signal?.addEventListener('abort', finish)
        if (signal?.aborted) finish()
        else check()
      }),
  }
}
