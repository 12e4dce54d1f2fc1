/**
 * Answers that are kept in Redis for all instances of a service: read through, forgotten when what they are about changes.
 *
 *   cache:<service>:<subject>                  the fence: a random word, there while answers about the subject may be kept
 *   cache:<service>:<subject>:<fence>:<key>    an answer: until when it is fresh (epoch ms, 15 digits), and its bytes
 *
 * To forget is to remove the fence: answers behind it are found no more, and one that was read from the database before cannot be put
 * behind the next. Redis being away makes reads slower and never wrong: a change that cannot remove the fence waits until every answer
 * that may stand behind it has expired, which is counted from before it was read.
 */
import { createHash, randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { Log } from './log.ts'

export interface CacheRules {
  /** What the answer is about, such as `users/42`. */
  subject: string
  /** How long an answer is as good as new, and how long after that it is given while a new one is made. Both ms. */
  freshMs: number
  staleMs: number
}

export interface CacheCounts {
  hits: number
  /** Given while a new one was made. */
  stale: number
  misses: number
  /** Made without the cache, as Redis did not answer. */
  bypassed: number
}

export interface Cache {
  /**
   * @param request what the answer is to, with its method.
   * @param load makes the answer, and must not depend on who asks. It is called once for all who wait for the same.
   * @throws what `load` throws; that is not kept.
   */
  read(rules: CacheRules, request: Uint8Array, load: () => Promise<Uint8Array>): Promise<Uint8Array>
  /**
   * Has answers about a subject forgotten. To be awaited after a change and before its acknowledgement.
   * @param longestMs no answer about it is kept longer: so long is waited at most when Redis cannot be told.
   */
  forget(subject: string, longestMs: number): Promise<void>
  counts(): CacheCounts
  close(): void
}

/** Redis may take so long; then it is let alone for a while. Both ms. */
const answerMs = 250
const restMs = 500
/** A load that takes longer is not kept. ms. */
const longestLoadMs = 30_000
/** Larger answers are not kept. */
const maxBytes = 1024 * 1024
const digits = 15

/** KEYS: the fence. ARGV: a word for a new one, the request's digest, how long a fence is kept. */
const lookScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local fence = redis.call('GET', KEYS[1])
if not fence then
  fence = ARGV[1]
  redis.call('SET', KEYS[1], fence, 'PX', ARGV[3])
end
local answer = redis.call('GET', KEYS[1] .. ':' .. fence .. ':' .. ARGV[2])
return { fence, tostring(now), answer }`

/** KEYS: the fence. ARGV: the fence as it was, the digest, the answer, when it was looked for, how long it lives from then on, how long a fence is kept. */
const keepScript = `
local time = redis.call('TIME')
local left = ARGV[5] - (time[1] * 1000 + math.floor(time[2] / 1000) - ARGV[4])
if left <= 0 or redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1] .. ':' .. ARGV[1] .. ':' .. ARGV[2], ARGV[3], 'PX', left)
redis.call('PEXPIRE', KEYS[1], ARGV[6])
return 1`

interface Commands {
  lookBuffer(fence: string, word: string, digest: string, lifeMs: number): Promise<[Buffer, Buffer, Buffer | null]>
  // biome-ignore format: one line
  keep(fence: string, word: string, digest: string, answer: Buffer, since: number, livesMs: number, lifeMs: number): Promise<number>
}

/** @param service whose answers these are: others cannot see them. */
export function createCache({ redisUrl, service, log }: { redisUrl: string; service: string; log: Log }): Cache {
  const redis = new Redis(redisUrl, {
    connectionName: `${service}-cache`,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: answerMs,
    connectTimeout: 2000,
    protocol: 2,
    retryStrategy: attempt => Math.min(500, 50 * attempt),
  })
  redis.defineCommand('look', { numberOfKeys: 1, lua: lookScript })
  redis.defineCommand('keep', { numberOfKeys: 1, lua: keepScript })
  const commands = redis as unknown as Commands
  let told = false
  redis.on('error', error => {
    if (!told) log.warn({ reason: error.message }, 'Redis does not answer: nothing is cached')
    told = true
  })
  redis.on('ready', () => {
    told = false
  })

  const fenceOf = (subject: string) => `cache:${service}:${subject}`
  const counts: CacheCounts = { hits: 0, stale: 0, misses: 0, bypassed: 0 }
  /** Loads under way, by fence and digest: who comes after a change has another fence, and joins none from before. */
  const flights = new Map<string, Promise<Uint8Array>>()
  let restsUntil = 0

  /** @returns undefined when Redis does not answer. */
  async function ask<T>(command: () => Promise<T>): Promise<T | undefined> {
    if (redis.status !== 'ready' || performance.now() < restsUntil) return undefined
    try {
      return await command()
    } catch (error) {
      restsUntil = performance.now() + restMs
      log.debug({ reason: String(error) }, 'the cache did not answer')
      return undefined
    }
  }

  function fly(id: string, load: () => Promise<Uint8Array>, keep: (answer: Uint8Array) => Promise<void>) {
    const present = flights.get(id)
    if (present) return present
    const flight = load().then(async answer => {
      if (answer.byteLength <= maxBytes) await keep(answer)
      return answer
    })
    flights.set(id, flight)
    const landed = () => flights.delete(id)
    flight.then(landed, landed)
    return flight
  }

  return {
    async read({ subject, freshMs, staleMs }, request, load) {
      const key = fenceOf(subject)
      const digest = createHash('sha256').update(request).digest('base64url')
      const livesMs = freshMs + staleMs
      const lifeMs = livesMs + longestLoadMs
      const found = await ask(() => commands.lookBuffer(key, randomUUID(), digest, lifeMs))
      if (!found) {
        counts.bypassed++
        return load()
      }
      const fence = String(found[0])
      const now = Number(found[1])
      const kept = found[2]
      const renew = () =>
        fly(`${key}:${fence}:${digest}`, load, async answer => {
          const until = String(Math.round(now + freshMs * (0.9 + 0.1 * Math.random()))).padStart(digits, '0')
          await ask(() =>
            commands.keep(key, fence, digest, Buffer.concat([Buffer.from(until), answer]), now, livesMs, lifeMs),
          )
        })
      if (!kept) {
        counts.misses++
        return renew()
      }
      if (now < Number(kept.toString('latin1', 0, digits))) counts.hits++
      else {
        counts.stale++
        // Whoever comes when it is gone is told what went wrong.
        renew().catch(error => log.debug({ reason: String(error) }, 'an answer in the cache could not be made anew'))
      }
      return kept.subarray(digits)
    },
    async forget(subject, longestMs) {
      const key = fenceOf(subject)
      const giveUp = performance.now() + longestMs
      for (;;) {
        try {
          await redis.del(key)
          return
        } catch (error) {
          log.debug({ reason: String(error), subject }, 'the cache could not be told of a change')
        }
        const left = giveUp - performance.now()
        if (left <= 0) return
        await wait(Math.min(50, left))
      }
    },
    counts: () => ({ ...counts }),
    close: () => redis.disconnect(),
  }
}
