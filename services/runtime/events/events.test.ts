import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { startMongod } from '../store/test-mongod.ts'
import { allMetrics, levelsOf } from '../telemetry/metrics.ts'
import { sendCommand } from './commands.ts'
import { groupsWithDeadLetters, lookAtStream } from './look.ts'
import { entriesOf } from './redis.ts'
import { keys, stateOf } from './stream.ts'
import { startEvents, type TestEvents } from './test-events.ts'

let events: TestEvents
beforeEach(async () => {
  events = await startEvents()
})
afterEach(() => events.stop())

const soon = <T>(check: () => Promise<T>) => vi.waitFor(check, { timeout: 8_000, interval: 20 })
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1)
const stateNow = () => stateOf(events.redis, 'things')
const deadLetters = async (group: string) =>
  entriesOf(await events.redis.xrangeBuffer(keys.deadLetters('things', group), '-', '+')).map(({ fields }) => ({
    reason: String(fields.get('reason')),
    attempts: Number(fields.get('attempts')),
  }))

/** What this process tells of dead letters. */
const toldOf = () =>
  allMetrics().flatMap(metric =>
    metric.kind === 'level' && metric.name === 'site11.events.group.dead_letters' ? levelsOf(metric) : [],
  )

async function changes(things: string[], count: number) {
  for (let n = 0; n < count; n++) for (const thing of things) await events.change(thing)
}

describe('events', () => {
  test('have their effect once, in the order of their subject, in each group, and leave their outbox', async () => {
    const relay = events.relay()
    await events.subscribe('one')
    await events.subscribe('two')
    for (const n of upTo(20)) {
      for (const thing of ['a', 'b', 'c']) {
        await events.change(thing)
        relay.written('things', thing)
      }
      if (n === 10) await soon(async () => expect(await events.handled('one', 'c')).toHaveLength(10))
    }
    for (const group of ['one', 'two'])
      for (const thing of ['a', 'b', 'c'])
        await soon(async () => expect(await events.handled(group, thing)).toEqual(upTo(20)))
    await soon(async () => expect(await events.waiting()).toBe(0))
    await relay.probe()
  })

  test('that nobody told of are found', async () => {
    await events.change('a')
    events.relay()
    await events.subscribe('one')
    await soon(async () => expect(await events.handled('one', 'a')).toEqual([1]))
    await events.change('a')
    await soon(async () => expect(await events.handled('one', 'a')).toEqual([1, 2]))
  })

  test('stay in their outbox until every group has them', async () => {
    const relay = events.relay()
    await events.subscribe('one')
    const two = await events.subscribe('two')
    await changes(['a'], 3)
    await soon(async () => expect(await events.handled('two', 'a')).toEqual([1, 2, 3]))
    await soon(async () => expect(await events.waiting()).toBe(0))
    await two.close()
    await changes(['a'], 3)
    relay.written('things', 'a')
    await soon(async () => expect(await events.handled('one', 'a')).toEqual(upTo(6)))
    await wait(500)
    expect(await events.waiting()).toBe(3)
    await events.subscribe('two')
    await soon(async () => expect(await events.handled('two', 'a')).toEqual(upTo(6)))
    await soon(async () => expect(await events.waiting()).toBe(0))
  })

  test('are relayed by another instance when the first one is gone, and told from one to the other', async () => {
    const first = events.relay('things-1')
    const second = events.relay('things-2')
    await events.subscribe('one')
    await events.change('a')
    first.written('things', 'a')
    second.written('things', 'a')
    await soon(async () => expect(await events.handled('one', 'a')).toEqual([1]))
    await events.change('a')
    const began = performance.now()
    second.written('things', 'a')
    first.written('things', 'a')
    await soon(async () => expect(await events.handled('one', 'a')).toEqual([1, 2]))
    expect(performance.now() - began).toBeLessThan(1500)
    await first.close()
    await events.change('a')
    second.written('things', 'a')
    await soon(async () => expect(await events.handled('one', 'a')).toEqual([1, 2, 3]))
  })

  test('are handled by another instance when the first one is gone', async () => {
    events.relay()
    const first = await events.subscribe('one', undefined, 'one-1')
    await soon(async () => expect((await stateNow()).groups).toHaveLength(1))
    await events.subscribe('one', undefined, 'one-2')
    await changes(['a', 'b'], 5)
    await soon(async () => expect(await events.handled('one', 'a')).toEqual(upTo(5)))
    await first.close()
    await changes(['a', 'b'], 5)
    for (const thing of ['a', 'b']) await soon(async () => expect(await events.handled('one', thing)).toEqual(upTo(10)))
  })
})

describe('Redis that loses everything', () => {
  test('costs no event that somebody still needs', async () => {
    events.relay()
    const one = await events.subscribe('one')
    await changes(['a', 'b'], 3)
    await soon(async () => expect(await events.waiting()).toBe(0))
    await one.close()
    await changes(['a', 'b'], 3)
    await soon(async () => expect((await stateNow()).groups).toMatchObject([{ lag: 6 }]))
    await events.redis.flushall()
    await soon(async () => expect((await stateNow()).groups).toMatchObject([{ group: 'one', lag: 6 }]))
    await events.subscribe('one')
    for (const thing of ['a', 'b']) await soon(async () => expect(await events.handled('one', thing)).toEqual(upTo(6)))
  })

  test('again and again, while events come, doubles none', async () => {
    events.relay()
    await events.subscribe('one')
    for (const n of upTo(4)) {
      await changes(['a', 'b', 'c'], 10)
      if (n % 2) await events.redis.flushall()
      else {
        await events.redisServer.kill()
        await changes(['a', 'b', 'c'], 1)
        await events.redisServer.restart()
      }
    }
    for (const thing of ['a', 'b', 'c'])
      await soon(async () => expect(await events.handled('one', thing)).toEqual(upTo(42)))
    await soon(async () => expect(await events.waiting()).toBe(0))
  })
})

describe('an event that cannot be handled', () => {
  /** Fails on one thing as long as it is broken. */
  async function poisoned() {
    const poison = { broken: true }
    events.relay()
    await events.subscribe('one', (_, subject) => {
      if (poison.broken && subject === 'things/bad') throw new Error('it is bad')
    })
    await changes(['bad', 'a', 'b'], 3)
    for (const thing of ['a', 'b'])
      await soon(async () => expect(await events.handled('one', thing)).toEqual([1, 2, 3]))
    await soon(async () => expect(await deadLetters('one')).toHaveLength(3))
    expect(await events.handled('one', 'bad')).toEqual([])
    return poison
  }
  const idOfLetter = async (index: number) => {
    const found = await events.store.db.collection('event_dead_letters').find().sort({ sequence: 1 }).toArray()
    return String(found[index]?._id).split('/').at(-1) ?? ''
  }

  test('becomes a dead letter after some attempts, and with it what follows of its subject; others go on', async () => {
    await poisoned()
    expect(await deadLetters('one')).toEqual([
      { reason: 'it is bad', attempts: 3 },
      { reason: expect.stringContaining('waits'), attempts: 0 },
      { reason: expect.stringContaining('waits'), attempts: 0 },
    ])
    expect(await groupsWithDeadLetters(events.redis)).toEqual([
      { stream: 'things', group: 'one', count: 3, since: expect.any(Date) },
    ])
    await soon(async () => expect(await events.waiting()).toBe(0))
  })

  test('is handled when it is tried again and can be, and what waited for it in order', async () => {
    const poison = await poisoned()
    await sendCommand(events.redis, 'things', 'one', { action: 'retry', eventId: await idOfLetter(0) })
    await soon(async () => expect((await deadLetters('one')).map(({ attempts }) => attempts)).toEqual([0, 0, 4]))
    poison.broken = false
    await events.change('bad')
    await sendCommand(events.redis, 'things', 'one', { action: 'retry', eventId: await idOfLetter(0) })
    await soon(async () => expect(await events.handled('one', 'bad')).toEqual([1, 2, 3, 4]))
    await soon(async () => expect(await deadLetters('one')).toEqual([]))
    expect(await groupsWithDeadLetters(events.redis)).toEqual([])
  })

  test('is told of by who reads for the group, until it is handled, and by nobody else', async () => {
    const poison = await poisoned()
    const second = await events.subscribe('one', undefined, 'one-2')
    await events.subscribe('two')
    const told = (one: number) => [
      { level: one, labels: ['things', 'one'] },
      { level: 0, labels: ['things', 'two'] },
    ]
    await soon(async () => expect(toldOf()).toEqual(told(3)))
    poison.broken = false
    await sendCommand(events.redis, 'things', 'one', { action: 'retry', eventId: await idOfLetter(0) })
    await soon(async () => expect(toldOf()).toEqual(told(0)))
    await second.close()
  })

  test('can be skipped, and what waited for it is handled', async () => {
    const poison = await poisoned()
    poison.broken = false
    await sendCommand(events.redis, 'things', 'one', { action: 'skip', eventId: await idOfLetter(0) })
    await soon(async () => expect(await events.handled('one', 'bad')).toEqual([2, 3]))
    await events.change('bad')
    await soon(async () => expect(await events.handled('one', 'bad')).toEqual([2, 3, 4]))
    expect(await deadLetters('one')).toEqual([])
  })

  test('stays a dead letter when Redis loses everything', async () => {
    await poisoned()
    await events.redis.flushall()
    await soon(async () => expect((await deadLetters('one')).map(({ attempts }) => attempts).sort()).toEqual([0, 0, 3]))
  })

  test('is one that is no event at all, too', async () => {
    events.relay()
    await events.subscribe('one')
    await events.change('a')
    await soon(async () => expect(await events.handled('one', 'a')).toEqual([1]))
    await events.redis.xadd(keys.stream('things'), '*', 'event', 'nonsense')
    await soon(async () =>
      expect(await deadLetters('one')).toMatchObject([{ reason: expect.stringContaining('no event') }]),
    )
    await events.change('a')
    await soon(async () => expect(await events.handled('one', 'a')).toEqual([1, 2]))
  })
})

test('a handler that fails after it has written has written nothing', async () => {
  events.relay()
  let failures = 1
  await events.subscribe('one', () => {
    if (failures-- > 0) throw new Error('too late')
  })
  await changes(['a'], 2)
  await soon(async () => expect(await events.handled('one', 'a')).toEqual([1, 2]))
})

test('a replay has no effect again, unless it is asked for', async () => {
  events.relay()
  await events.subscribe('one')
  const began = new Date()
  await changes(['a'], 3)
  await soon(async () => expect(await events.handled('one', 'a')).toEqual([1, 2, 3]))
  await sendCommand(events.redis, 'things', 'one', { action: 'replay', from: began.toISOString(), again: false })
  await events.change('a')
  await soon(async () => expect(await events.handled('one', 'a')).toEqual([1, 2, 3, 4]))
  await sendCommand(events.redis, 'things', 'one', { action: 'replay', from: began.toISOString(), again: true })
  await soon(async () => expect(await events.handled('one', 'a')).toEqual([1, 2, 3, 4, 1, 2, 3, 4]))
})

test('a stream that is full says so, takes no more until there is room, and loses nothing', async () => {
  const relay = events.relay('things-1', { kept: 1, most: 10 })
  const one = await events.subscribe('one')
  await soon(async () => expect((await stateNow()).groups).toHaveLength(1))
  await one.close()
  for (const n of upTo(6)) await changes([`a${n}`, `b${n}`], 3)
  await soon(async () => expect((await stateNow()).length).toBeGreaterThanOrEqual(10))
  await wait(1500)
  expect((await stateNow()).length).toBeLessThan(36)
  await expect(relay.probe()).rejects.toThrow('of at most 10')
  const seen = await lookAtStream(events.redis, 'things', Date.now() + 60_000)
  expect(seen.groups).toMatchObject([{ group: 'one', lag: seen.length, pending: 0, behind: true }])
  expect((await lookAtStream(events.redis, 'things')).groups).toMatchObject([{ behind: false }])
  await events.subscribe('one')
  for (const n of upTo(6)) await soon(async () => expect(await events.handled('one', `b${n}`)).toEqual([1, 2, 3]))
  await soon(async () => expect(await events.waiting()).toBe(0))
  await soon(() => relay.probe())
  expect(await lookAtStream(events.redis, 'things', Date.now() + 60_000)).toMatchObject({
    appended: 36,
    groups: [{ lag: 0, oldestMs: undefined, behind: false }],
  })
})

test('a database that is away for longer than a lease lasts costs no event, and none is doubled', {
  timeout: 60_000,
}, async () => {
  const mongod = await startMongod()
  const own = await startEvents(mongod)
  try {
    own.relay()
    await own.subscribe('one', undefined, 'one-1')
    await own.subscribe('one', undefined, 'one-2')
    for (const n of upTo(2)) {
      for (const thing of ['a', 'b', 'c']) for (const _ of upTo(10)) await own.change(thing)
      await soon(async () => expect(await own.handled('one', 'a')).not.toHaveLength((n - 1) * 10))
      await mongod.kill()
      await wait(n * 2000)
      await mongod.restart()
    }
    for (const thing of ['a', 'b', 'c'])
      await vi.waitFor(async () => expect(await own.handled('one', thing)).toEqual(upTo(20)), { timeout: 20_000 })
    await vi.waitFor(async () => expect(await own.waiting()).toBe(0), { timeout: 20_000 })
  } finally {
    await own.stop()
  }
})
