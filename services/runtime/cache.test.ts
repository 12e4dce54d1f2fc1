/** Kept answers on a real Redis, with instances of a service that share it. */
import { setTimeout as wait } from 'node:timers/promises'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { type Cache, createCache } from './cache.ts'
import { startRedis, type TestRedis } from './test-redis.ts'

const log = pino({ level: 'silent' })
const bytes = (text: string) => Buffer.from(text)
const rules = { subject: 'things/1', freshMs: 60_000, staleMs: 60_000 }

let redis: TestRedis
let service = 0
const open: Cache[] = []
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.kill())
afterEach(() => {
  for (const cache of open.splice(0)) cache.close()
})

/** @returns as many instances of a service of its own, which reach Redis. */
async function instances(count: number): Promise<Cache[]> {
  const name = `service${++service}`
  const caches = Array.from({ length: count }, () => createCache({ redisUrl: redis.url, service: name, log }))
  open.push(...caches)
  for (const cache of caches) {
    await vi.waitFor(async () => {
      const before = cache.counts().bypassed
      await cache.read({ ...rules, subject: 'warm' }, bytes('warm'), async () => bytes('warm'))
      expect(cache.counts().bypassed).toBe(before)
    })
  }
  return caches
}

/** What is asked for, and how often it was made. */
function source(first = 'a') {
  const state = { value: first, loads: 0 }
  const load = async () => {
    state.loads++
    return bytes(state.value)
  }
  return { state, load }
}

describe('an answer', () => {
  it('is made once for all instances, and for each request', async () => {
    const [one, other] = (await instances(2)) as [Cache, Cache]
    const { state, load } = source()
    const of = (cache: Cache, request: string) => cache.read(rules, bytes(request), load)
    expect(String(await of(one, 'x'))).toBe('a')
    expect(String(await of(other, 'x'))).toBe('a')
    expect(state.loads).toBe(1)
    await of(other, 'y')
    expect(state.loads).toBe(2)
  })

  it('is made once for those who ask for it at the same time', async () => {
    const [one] = (await instances(1)) as [Cache]
    const { state, load } = source()
    const slow = async () => {
      await wait(20)
      return load()
    }
    const answers = await Promise.all(Array.from({ length: 50 }, () => one.read(rules, bytes('x'), slow)))
    expect(new Set(answers.map(String))).toEqual(new Set(['a']))
    expect(state.loads).toBe(1)
  })

  it('that is stale is given at once, and made anew meanwhile', async () => {
    const [one] = (await instances(1)) as [Cache]
    const { state, load } = source()
    const short = { ...rules, freshMs: 1 }
    await one.read(short, bytes('x'), load)
    state.value = 'b'
    const gate = Promise.withResolvers<void>()
    const anew = async () => {
      await gate.promise
      return load()
    }
    await vi.waitFor(async () => {
      expect(String(await one.read(short, bytes('x'), anew))).toBe('a')
      expect(one.counts().stale).toBeGreaterThan(1)
    })
    gate.resolve()
    await vi.waitFor(async () => expect(String(await one.read(short, bytes('x'), load))).toBe('b'))
  })

  it('that has expired is not given', async () => {
    const [one] = (await instances(1)) as [Cache]
    const { state, load } = source()
    const short = { ...rules, freshMs: 20, staleMs: 0 }
    await one.read(short, bytes('x'), load)
    state.value = 'b'
    await vi.waitFor(async () => {
      expect(String(await one.read(short, bytes('x'), load))).toBe('b')
      expect(one.counts().misses).toBeGreaterThan(1)
    })
  })

  it('that could not be made is not kept: who asks next may have more luck', async () => {
    const [one] = (await instances(1)) as [Cache]
    await expect(one.read(rules, bytes('x'), () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(String(await one.read(rules, bytes('x'), async () => bytes('yes')))).toBe('yes')
  })

  it('of more than a MiB is given, and not kept', async () => {
    const [one] = (await instances(1)) as [Cache]
    let loads = 0
    const load = async () => {
      loads++
      return Buffer.alloc(1024 * 1024 + 1)
    }
    await one.read(rules, bytes('x'), load)
    expect((await one.read(rules, bytes('x'), load)).byteLength).toBe(1024 * 1024 + 1)
    expect(loads).toBe(2)
  })
})

describe('a change', () => {
  it('has the answers about its subject forgotten, and no others', async () => {
    const [one, other] = (await instances(2)) as [Cache, Cache]
    const mine = source()
    const theirs = source()
    const ofOther = { ...rules, subject: 'things/2' }
    await one.read(rules, bytes('x'), mine.load)
    await one.read(ofOther, bytes('x'), theirs.load)
    mine.state.value = 'b'
    await other.forget('things/1', 1000)
    expect(String(await one.read(rules, bytes('x'), mine.load))).toBe('b')
    await one.read(ofOther, bytes('x'), theirs.load)
    expect(theirs.state.loads).toBe(1)
  })

  it('leaves nothing of a read that had begun before it', async () => {
    const [one, other] = (await instances(2)) as [Cache, Cache]
    const { state, load } = source()
    const gate = Promise.withResolvers<void>()
    const early = one.read(rules, bytes('x'), async () => {
      const answer = await load()
      await gate.promise
      return answer
    })
    await vi.waitFor(() => expect(state.loads).toBe(1))
    state.value = 'b'
    await other.forget('things/1', 1000)
    // Who comes now waits for no load from before.
    expect(String(await one.read(rules, bytes('x'), load))).toBe('b')
    gate.resolve()
    expect(String(await early)).toBe('a')
    expect(String(await other.read(rules, bytes('x'), load))).toBe('b')
  })

  it('is seen by every read that begins after it, whoever reads and writes meanwhile', async () => {
    const caches = await instances(3)
    let stored = 0
    let acknowledged = 0
    let writing = true
    const violations: string[] = []
    const random = (below: number) => Math.floor(Math.random() * below)
    const pick = () => caches[random(3)] as Cache
    const reader = async () => {
      while (writing) {
        const atLeast = acknowledged
        const seen = Number(
          await pick().read(rules, bytes('x'), async () => {
            const value = stored
            await wait(random(4))
            return bytes(String(value))
          }),
        )
        if (seen < atLeast) violations.push(`${seen} after ${atLeast}`)
      }
    }
    const writer = async () => {
      for (let n = 1; n <= 200; n++) {
        stored = n
        await pick().forget('things/1', 1000)
        acknowledged = n
        await wait(random(4))
      }
      writing = false
    }
    await Promise.all([writer(), ...Array.from({ length: 16 }, reader)])
    expect(violations).toEqual([])
    expect(caches.reduce((sum, cache) => sum + cache.counts().hits, 0)).toBeGreaterThan(0)
  })
})

describe('without Redis', () => {
  it('answers are made each time; what was kept before is not given when it should not be', async () => {
    const own = await startRedis()
    const caches = Array.from({ length: 2 }, () => createCache({ redisUrl: own.url, service: 'alone', log }))
    open.push(...caches)
    const [one, other] = caches as [Cache, Cache]
    const { state, load } = source()
    await vi.waitFor(async () => {
      await one.read(rules, bytes('x'), load)
      expect(one.counts().misses).toBe(1)
    })
    await own.kill()
    state.value = 'b'
    expect(String(await one.read(rules, bytes('x'), load))).toBe('b')
    // A change waits as long as an answer could be given by somebody who does reach Redis.
    const began = performance.now()
    await other.forget('things/1', 300)
    expect(performance.now() - began).toBeGreaterThan(250)
    await own.restart()
    await vi.waitFor(async () => {
      const { misses } = one.counts()
      expect(String(await one.read(rules, bytes('x'), load))).toBe('b')
      expect(one.counts().misses + one.counts().hits).toBeGreaterThan(misses)
    })
    await own.kill()
  })
})
