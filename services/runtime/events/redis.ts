/** The connection to Redis that streams need, and how its answers are read. */
import { createHash } from 'node:crypto'
import { Redis } from 'ioredis'
import type { Log } from '../log.ts'
import { measureRedis } from '../telemetry/databases.ts'

export type { Redis }

/** How long Redis may take to answer. ms. */
export const answerMs = 3000

/**
 * Connects, and goes on trying: Redis may come later, come and go. Commands fail at once while it is away.
 * @param timeoutMs for each command; 0 for a connection whose commands wait.
 */
export function connectRedis(url: string, name: string, log: Log, timeoutMs = answerMs): Redis {
  measureRedis()
  const redis = new Redis(url, {
    connectionName: name,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    ...(timeoutMs > 0 && { commandTimeout: timeoutMs }),
    connectTimeout: 2000,
    // A server that is gone without a word, its machine with it, is noticed.
    keepAlive: 5000,
    protocol: 2,
    retryStrategy: attempt => Math.min(500, 50 * attempt),
  })
  let told = false
  redis.on('error', error => {
    if (!told) log.warn({ reason: error.message }, 'Redis does not answer: events wait where they were written')
    told = true
  })
  redis.on('ready', () => {
    if (told) log.info('Redis answers again: events go on')
    told = false
  })
  return redis
}

/** @returns a function that runs a script by its hash, which Redis forgets when it restarts. */
export function script(text: string) {
  const hash = createHash('sha1').update(text).digest('hex')
  return async (redis: Redis, keys: string[], args: (string | number | Buffer)[]): Promise<unknown> => {
    const rest = [String(keys.length), ...keys, ...args]
    try {
      return await redis.call('EVALSHA', [hash, ...rest])
    } catch (error) {
      if (!String(error).includes('NOSCRIPT')) throw error
      return redis.call('EVAL', [text, ...rest])
    }
  }
}

/** An entry of a stream: its id, and its fields by name. */
export interface StreamEntry {
  id: string
  fields: Map<string, Buffer>
}

/** Reads the answer of XRANGE and, of one stream, XREADGROUP. */
export function entriesOf(answer: unknown): StreamEntry[] {
  return ((answer ?? []) as [Buffer, Buffer[] | null][]).map(([id, parts]) => {
    const fields = new Map<string, Buffer>()
    for (let i = 0; parts && i < parts.length; i += 2) fields.set(String(parts[i]), parts[i + 1] ?? Buffer.alloc(0))
    return { id: String(id), fields }
  })
}

/** @returns the time that an id of a stream begins with. ms. */
export const msOf = (id: string): number => Number(id.split('-')[0])

/** Orders ids of a stream. */
export function compareIds(a: string, b: string): number {
  const [aMs = 0, aCount = 0] = a.split('-').map(Number)
  const [bMs = 0, bCount = 0] = b.split('-').map(Number)
  return aMs - bMs || aCount - bCount
}
