/**
 * Counters and marks that expire, in Redis, so that all instances share them. While Redis cannot be reached they are kept in
 * this process: less strict with several instances, but nobody is kept from signing in.
 */
import type { Log } from '@site11/runtime/log.ts'
import { measureRedis } from '@site11/runtime/telemetry/databases.ts'
import { Redis } from 'ioredis'

export interface Counters {
  /** @returns for each key how long it lives still, ms; 0 when it does not exist. */
  remainingMs(keys: string[]): Promise<number[]>
  /** Adds one to each key, which lives `ms` from now on. @returns the counts. */
  increment(keys: string[], ms: number): Promise<number[]>
  /** Marks keys for a time, and deletes others. */
  set(marks: { key: string; ms: number }[], deleted?: string[]): Promise<void>
}

/** How long Redis may take to answer, and for how long it is not asked again when it did not. Both ms. */
const patienceMs = 500
const pauseMs = 2000

/** @returns counters in Redis. It need not be there, neither now nor later. */
export function createSharedCounters(url: string, log: Log): Counters & { ping(): Promise<void>; close(): void } {
  measureRedis()
  const redis = new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: patienceMs,
    connectTimeout: 2000,
    retryStrategy: attempt => Math.min(2000, 100 * attempt),
  })
  const local = createLocalCounters()
  let reachable = true
  let askAgainAt = 0
  redis.on('error', unreachable)

  function unreachable(error: Error) {
    askAgainAt = Date.now() + pauseMs
    if (!reachable) return
    reachable = false
    log.warn(
      { reason: error.message },
      'Redis does not answer: failed sign-ins are counted by each instance for itself',
    )
  }
  function answered() {
    if (reachable) return
    reachable = true
    log.info('Redis answers again: failed sign-ins are counted for all instances')
  }
  /** One round trip to Redis, or the same locally. */
  async function run(pipeline: ReturnType<Redis['pipeline']>, locally: () => Promise<number[]>): Promise<number[]> {
    if (redis.status === 'ready' && Date.now() >= askAgainAt) {
      try {
        const results = (await pipeline.exec()) ?? []
        const values = results.map(([error, value]) => {
          if (error) throw error
          return Math.max(0, Number(value))
        })
        answered()
        return values
      } catch (error) {
        unreachable(error as Error)
      }
    }
    return locally()
  }

  return {
    remainingMs(keys) {
      const pipeline = redis.pipeline()
      for (const key of keys) pipeline.pttl(key)
      return run(pipeline, () => local.remainingMs(keys))
    },
    async increment(keys, ms) {
      const pipeline = redis.pipeline()
      for (const key of keys) pipeline.incr(key)
      for (const key of keys) pipeline.pexpire(key, ms)
      const results = await run(pipeline, () => local.increment(keys, ms))
      return results.slice(0, keys.length)
    },
    async set(marks, deleted = []) {
      const pipeline = redis.pipeline()
      for (const { key, ms } of marks) pipeline.set(key, 1, 'PX', ms)
      if (deleted.length > 0) pipeline.del(...deleted)
      if (pipeline.length > 0) await run(pipeline, () => local.set(marks, deleted).then(() => []))
    },
    async ping() {
      if (redis.status !== 'ready') throw new Error('no connection')
      await redis.ping()
    },
    close: () => redis.disconnect(),
  }
}

/** Counters of this process alone. The oldest are dropped beyond `maxKeys`. */
export function createLocalCounters({ now = Date.now, maxKeys = 100_000 } = {}): Counters {
  const kept = new Map<string, { count: number; until: number }>()
  const find = (key: string) => {
    const found = kept.get(key)
    return found && found.until > now() ? found : undefined
  }
  const put = (key: string, count: number, ms: number) => {
    kept.delete(key)
    kept.set(key, { count, until: now() + ms })
    if (kept.size > maxKeys) kept.delete(kept.keys().next().value ?? '')
    return count
  }
  return {
    remainingMs: async keys => keys.map(key => Math.max(0, (find(key)?.until ?? 0) - now())),
    increment: async (keys, ms) => keys.map(key => put(key, (find(key)?.count ?? 0) + 1, ms)),
    async set(marks, deleted = []) {
      for (const { key, ms } of marks) put(key, 1, ms)
      for (const key of deleted) kept.delete(key)
    },
  }
}
