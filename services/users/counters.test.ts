import { createLog } from '@site11/runtime/log.ts'
import { startRedis } from '@site11/runtime/test-redis.ts'
import { Redis } from 'ioredis'
import { afterAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { createLocalCounters, createSharedCounters } from './counters.ts'

const log = createLog('test', 'silent')
const redis = await startRedis()
const closers: (() => void)[] = []
const shared = () => {
  const counters = createSharedCounters(redis.url, log)
  closers.push(counters.close)
  return counters
}
const other = new Redis(redis.url)
other.on('error', () => {})
const inRedis = () => other.get('a').catch(() => null)

afterAll(async () => {
  for (const close of closers) close()
  other.disconnect()
  await redis.kill()
})

describe.each([
  ['in Redis', shared],
  ['in the process', () => createLocalCounters()],
])('counters %s', (where, create) => {
  const counters = create()
  beforeEach(async () => {
    await counters.set([], ['a', 'b'])
    if (where === 'in Redis') {
      await vi.waitFor(async () => {
        await counters.set([{ key: 'a', ms: 1000 }])
        expect(await inRedis()).toBe('1')
        await counters.set([], ['a'])
      })
    }
  })

  test('count, each for itself', async () => {
    expect(await counters.increment(['a', 'b'], 10_000)).toEqual([1, 1])
    expect(await counters.increment(['a'], 10_000)).toEqual([2])
    expect(await counters.increment(['b', 'a'], 10_000)).toEqual([2, 3])
  })

  test('live for their time', async () => {
    await counters.set([{ key: 'a', ms: 60 }])
    const [remaining = 0, none] = await counters.remainingMs(['a', 'b'])
    expect(remaining).toBeGreaterThan(0)
    expect(remaining).toBeLessThanOrEqual(60)
    expect(none).toBe(0)
    await vi.waitFor(async () => expect(await counters.remainingMs(['a'])).toEqual([0]))
    expect(await counters.increment(['a'], 10_000)).toEqual([1])
  })

  test('can be deleted', async () => {
    await counters.increment(['a', 'b'], 10_000)
    await counters.set([], ['a'])
    expect(await counters.increment(['a', 'b'], 10_000)).toEqual([1, 2])
  })
})

test('the oldest counters of a process make room', async () => {
  const counters = createLocalCounters({ maxKeys: 2 })
  await counters.increment(['a', 'b', 'c'], 10_000)
  expect(await counters.increment(['c'], 10_000)).toEqual([2])
  expect(await counters.increment(['a'], 10_000)).toEqual([1])
})

describe('without Redis', () => {
  test('counting goes on in the process and returns to Redis with it', { timeout: 20_000 }, async () => {
    const counters = shared()
    await vi.waitFor(async () => {
      await counters.set([{ key: 'a', ms: 60_000 }])
      expect(await inRedis()).toBe('1')
    })
    await redis.kill()
    await counters.set([], ['a'])
    expect(await counters.increment(['a'], 60_000)).toEqual([1])
    expect(await counters.increment(['a'], 60_000)).toEqual([2])
    await redis.restart()
    await vi.waitFor(
      async () => {
        await counters.increment(['a'], 60_000)
        expect(await inRedis()).not.toBeNull()
      },
      { timeout: 10_000 },
    )
  })

  test('that does not answer, nobody waits longer than a moment', async () => {
    const counters = shared()
    await vi.waitFor(async () => {
      await counters.set([{ key: 'a', ms: 60_000 }])
      expect(await inRedis()).toBe('1')
    })
    await other.call('CLIENT', 'PAUSE', '3000', 'ALL')
    const started = performance.now()
    await counters.increment(['a'], 60_000)
    await counters.increment(['a'], 60_000)
    expect(performance.now() - started).toBeLessThan(1500)
  })
})
