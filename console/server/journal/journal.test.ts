import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createLog } from '@site11/runtime/log.ts'
import { connectStore, type Store } from '@site11/runtime/store/connect.ts'
import { startMongod, storeForTests, type TestMongod } from '@site11/runtime/store/test-mongod.ts'
import type { Collection, Document } from 'mongodb'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Change, type Journal, type JournalOptions, type NewChange, openJournal } from './journal.ts'
import { secretKey } from './test-writer.ts'

const log = createLog('test', 'silent')
const day = 24 * 60 * 60_000
const closers: (() => unknown)[] = []

let shared: Awaited<ReturnType<typeof storeForTests>>
let changes: Collection<Document & { _id: number }>
beforeAll(async () => {
  shared = await storeForTests()
  changes = shared.store.db.collection('changes')
})
beforeEach(async () => {
  await shared.store.db.dropDatabase()
})
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})
afterAll(async () => {
  await shared.stop()
})

async function open(options: Partial<JournalOptions> = {}): Promise<Journal> {
  const journal = await openJournal({ db: shared.store.db, secretKey, log, ...options })
  closers.push(journal.close)
  return journal
}

/** The n-th of many changes of one instance. */
const nth = (n: number, change: Partial<NewChange> = {}): NewChange => ({
  actor: 'console',
  action: 'instance.returned',
  subject: 'instances/users-1',
  before: n > 1 ? { port: n - 1 } : undefined,
  after: { port: n },
  ...change,
})
const ids = (list: Change[]) => list.map(({ id }) => id)
async function first<T>(count: number, source: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const each of source) if (found.push(each) === count) break
  return found
}
const stored = (journal: Journal, id: number) =>
  vi.waitFor(async () => expect(ids(await journal.get([id]))).toEqual([id]))
const forever = new AbortController().signal

describe('a change', () => {
  test('has its id at once, and is read back as it was put down', async () => {
    const time = new Date('2026-01-01T00:00:00.123Z')
    const journal = await open({ now: () => time.getTime() })
    expect(journal.last()).toBe(0)
    const change = {
      reason: 'asked for',
      durationMs: 5,
      after: { text: '가', flag: true, time, port: 1, gone: undefined },
    }
    expect(journal.record(nth(1, { actor: 'users/1', ...change }))).toBe(1)
    expect(journal.record(nth(2, { subject: 'instances/users-2' }))).toBe(2)
    expect(journal.last()).toBe(2)
    await journal.saved()
    const [second, whole] = await journal.list({ filter: '', limit: 10 })
    expect(whole).toEqual({
      id: 1,
      time,
      actor: 'users/1',
      action: 'instance.returned',
      subject: 'instances/users-1',
      fields: [
        { field: 'flag', after: true },
        { field: 'port', after: 1 },
        { field: 'text', after: '가' },
        { field: 'time', after: time },
      ],
      reason: 'asked for',
      durationMs: 5,
      previousHash: '',
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
    expect(second?.previousHash).toBe(whole?.hash)
  })

  test('is known after a restart, with the state that all of them lead to', async () => {
    const before = await open()
    for (let n = 1; n <= 5; n++) before.record(nth(n))
    before.record(nth(1, { subject: 'keys/a' }))
    before.record({ ...nth(1, { subject: 'keys/a' }), before: { port: 1 }, after: undefined })
    await before.close()
    const journal = await open()
    expect(journal.last()).toBe(7)
    expect(journal.subjects()).toEqual(new Map([['instances/users-1', { port: 5 }]]))
    expect(journal.record(nth(6))).toBe(8)
    expect(await journal.verify()).toMatchObject({ valid: true, count: 8, subjects: journal.subjects() })
  })
})

describe('a list', () => {
  test('is newest first, filtered, and goes on before an id', async () => {
    const journal = await open()
    for (let n = 1; n <= 6; n++) journal.record(nth(n, { subject: `instances/users-${n % 2}` }))
    await journal.saved()
    const filter = 'subject = "instances/users-0" AND action = "instance.returned" AND id > 1'
    expect(ids(await journal.list({ filter, limit: 2 }))).toEqual([6, 4])
    expect(ids(await journal.list({ filter, limit: 2, before: 4 }))).toEqual([2])
    expect(ids(await journal.list({ filter: 'actor:*', limit: 1 }))).toEqual([6])
    await expect(journal.list({ filter: 'hash = 1', limit: 1 })).rejects.toMatchObject({
      details: { reason: 'INVALID_FILTER' },
    })
  })

  test('of ids has those that there are, whether or not they are still in memory', async () => {
    const journal = await open()
    for (let n = 1; n <= 2500; n++) journal.record(nth(n))
    await journal.saved()
    expect(ids(await journal.get([2500, 3, 99_999]))).toEqual([3, 2500])
    expect(await journal.get([])).toEqual([])
  })
})

describe('a watch', () => {
  test('from now on has what comes, once it is stored', async () => {
    const journal = await open()
    journal.record(nth(1))
    const watching = first(2, journal.watch(0, forever))
    journal.record(nth(2))
    journal.record(nth(3))
    const seen = await watching
    expect(ids(seen)).toEqual([2, 3])
    expect(seen[0]?.hash).not.toBe('')
  })

  test('from long ago has all of it without a hole, however slow the reader is', async () => {
    const journal = await open()
    for (let n = 1; n <= 2500; n++) journal.record(nth(n))
    await journal.saved()
    const seen: number[] = []
    for await (const { id } of journal.watch(3, forever)) {
      seen.push(id)
      if (id === 2000) for (let n = 2501; n <= 5000; n++) journal.record(nth(n))
      if (id === 2100) await journal.saved()
      if (id === 5000) break
    }
    expect(seen).toEqual(Array.from({ length: 4997 }, (_, n) => n + 4))
  })

  test('ends when it is aborted, and when the journal is closed', async () => {
    const journal = await open()
    const ending = new AbortController()
    const watching = first(1, journal.watch(0, ending.signal))
    ending.abort()
    expect(await watching).toEqual([])
    const other = first(1, journal.watch(0, forever))
    await journal.close()
    expect(await other).toEqual([])
  })
})

describe('what was done behind the back of the Console is found', () => {
  let journal: Journal
  beforeEach(async () => {
    journal = await open()
    for (let n = 1; n <= 9; n++) journal.record(nth(n))
    await journal.saved()
  })

  test.each<[string, () => Promise<unknown>, number]>([
    ['a changed field', () => changes.updateOne({ _id: 4 }, { $set: { 'fields.0.after': 99 } }), 4],
    ['a changed actor', () => changes.updateOne({ _id: 4 }, { $set: { actor: 'operator' } }), 4],
    ['a removed change', () => changes.deleteOne({ _id: 4 }), 4],
    ['a removed beginning', () => changes.deleteMany({ _id: { $lt: 4 } }), 1],
    ['a removed end', () => changes.deleteMany({ _id: { $gt: 7 } }), 8],
    [
      'two that changed places',
      async () => {
        const [a, b] = await changes.find({ _id: { $in: [4, 5] } }).toArray()
        await changes.deleteMany({ _id: { $in: [4, 5] } })
        await changes.insertMany([
          { ...b, _id: 4 },
          { ...a, _id: 5 },
        ])
      },
      4,
    ],
    ['one put in between', async () => changes.insertOne({ ...(await changes.findOne({ _id: 4 })), _id: 4.5 }), 5],
  ])('%s', async (_, tamper, brokenChange) => {
    await tamper()
    expect(await journal.verify()).toMatchObject({ valid: false, brokenChange })
    const other = await open()
    // The end is known to the one that has written it.
    const expected = brokenChange === 8 ? { valid: true } : { valid: false, brokenChange }
    expect(await other.verify()).toMatchObject(expected)
  })

  test('one added at the end, which the Console then takes for that of another one', async () => {
    await changes.insertOne({ ...(await changes.findOne({ _id: 9 })), _id: 10 })
    expect(await journal.verify()).toMatchObject({ valid: true, count: 9 })
    journal.record(nth(10))
    await journal.saved()
    expect(await journal.verify()).toMatchObject({ valid: false, brokenChange: 10 })
  })
})

test('two writers on one database lose nothing, and the chain stays whole', async () => {
  const [one, two] = [await open(), await open()]
  for (let n = 1; n <= 30; n++) {
    one.record(nth(n, { actor: 'services/one', subject: 'instances/one' }))
    two.record(nth(n, { actor: 'services/two', subject: 'instances/two' }))
    if (n % 10 === 0) await Promise.all([one.saved(), two.saved()])
  }
  for (const name of ['one', 'two']) {
    const mine = await one.list({ filter: `actor = "services/${name}"`, limit: 100 })
    const ports = mine.map(({ fields }) => fields[0]?.after)
    expect(ports).toEqual(Array.from({ length: 30 }, (_, n) => 30 - n))
  }
  const third = await open()
  expect(await third.verify()).toMatchObject({ valid: true, brokenChange: 0 })
})

describe('checkpoints', () => {
  test('are made now and then; a start reads from the last one', async () => {
    const before = await open()
    before.record(nth(1, { subject: 'services/users' }))
    for (let n = 1; n <= 4500; n++) before.record(nth(n))
    await before.close()
    const found = await before.list({ filter: 'action = "journal.checkpoint"', limit: 9 })
    expect(ids(found)).toEqual([4002, 2001])
    expect(found[0]).toMatchObject({ actor: 'console', subject: 'journal', fields: [] })
    // What is before the checkpoint is not needed, and not looked at.
    await changes.updateMany({ _id: { $lt: 4002 } }, { $set: { fields: 'nonsense' } })
    const journal = await open()
    expect(journal.last()).toBe(4503)
    expect(journal.subjects()).toEqual(
      new Map([
        ['services/users', { port: 1 }],
        ['instances/users-1', { port: 4500 }],
      ]),
    )
  })

  test('that cannot be read are passed over: the state is made from all changes', async () => {
    const before = await open()
    for (let n = 1; n <= 2500; n++) before.record(nth(n))
    await before.close()
    await changes.updateMany({ action: 'journal.checkpoint' }, { $set: { state: Buffer.from('nonsense') } })
    const journal = await open()
    expect(journal.subjects()).toEqual(new Map([['instances/users-1', { port: 2500 }]]))
    expect(await journal.verify()).toMatchObject({ valid: false, brokenChange: 2001 })
  })

  test('are what changes older than 90 days are trimmed up to', async () => {
    const longAgo = Date.now() - 91 * day
    const before = await open({ now: () => longAgo })
    for (let n = 1; n <= 4500; n++) before.record(nth(n))
    await before.close()
    const journal = await open()
    await vi.waitFor(async () => expect(await changes.findOne({}, { sort: { _id: 1 } })).toMatchObject({ _id: 4002 }))
    expect(journal.subjects()).toEqual(new Map([['instances/users-1', { port: 4500 }]]))
    journal.record(nth(4501))
    expect(await journal.verify()).toMatchObject({ valid: true, count: 502 })
    // Trimmed further than it may be.
    await changes.deleteOne({ _id: 4002 })
    expect(await journal.verify()).toMatchObject({ valid: false, brokenChange: 1 })
  })
})

describe('while the store refuses to write', () => {
  /** As one does whose disk is full: reading works. */
  const refuse = (how: Document) => shared.store.db.command({ collMod: 'changes', validator: how })

  test('it says why, keeps everything, and goes on when it is over', async () => {
    const journal = await open()
    journal.record(nth(1))
    await journal.saved()
    expect(journal.problem()).toBeUndefined()
    await refuse({ $expr: false })
    const begun = Date.now()
    for (let n = 2; n <= 700; n++) journal.record(nth(n))
    await vi.waitFor(() => expect(journal.problem()).toMatchObject({ reason: expect.stringContaining('refuses') }))
    expect(journal.problem()?.since.getTime()).toBeGreaterThanOrEqual(begun)
    await expect(journal.verify()).rejects.toMatchObject({ details: { reason: 'DEPENDENCY_UNAVAILABLE' } })
    expect(ids(await journal.list({ filter: '', limit: 5 }))).toEqual([1])
    await refuse({})
    await journal.saved()
    expect(journal.problem()).toBeUndefined()
    expect(await journal.verify()).toMatchObject({ valid: true, count: 700 })
  })

  test('no more wait than there is room for; how many were lost is said, and the state is right all the same', async () => {
    const journal = await open({ maxWaiting: 10 })
    journal.record(nth(1))
    await journal.saved()
    await refuse({ $expr: false })
    for (let n = 2; n <= 20; n++) journal.record(nth(n))
    // Its place is that of the gap.
    expect(journal.last()).toBe(12)
    await refuse({})
    await journal.saved()
    journal.record(nth(21))
    await journal.saved()
    const found = await journal.list({ filter: 'id > 10', limit: 9 })
    expect(found.map(({ action }) => action)).toEqual([
      'instance.returned',
      'journal.checkpoint',
      'journal.gap',
      'instance.returned',
    ])
    expect(found[2]?.reason).toMatch(/^9 /)
    expect(await journal.verify()).toMatchObject({
      valid: true,
      subjects: new Map([['instances/users-1', { port: 21 }]]),
    })
    expect((await open()).subjects()).toEqual(journal.subjects())
  })
})

test('nothing is stored before what it refers to', async () => {
  let ready = () => {}
  const prepared = new Promise<void>(resolve => {
    ready = resolve
  })
  const journal = await open({ prepare: () => prepared })
  journal.record(nth(1))
  await new Promise(resolve => setImmediate(resolve))
  expect(await changes.countDocuments()).toBe(0)
  ready()
  await journal.saved()
  expect(await changes.countDocuments()).toBe(1)
})

describe('a mongod of its own', () => {
  let mongod: TestMongod
  let store: Store
  beforeEach(async () => {
    mongod = await startMongod()
    const url = new URL(mongod.url)
    url.pathname = 'console_db'
    store = connectStore({ url: url.href, appName: 'test' })
    await vi.waitFor(store.ping, 20_000)
    closers.push(mongod.stop, store.close)
  })

  test.each<[string, () => unknown, () => unknown]>([
    ['killed', () => mongod.kill(), () => mongod.restart()],
    ['frozen', () => process.kill(mongod.pid, 'SIGSTOP'), () => process.kill(mongod.pid, 'SIGCONT')],
  ])(
    'that is %s while changes come loses none of them, and none is there twice',
    async (_, stop, goOn) => {
      const journal = await open({ db: store.db })
      let n = 0
      const recording = setInterval(() => journal.record(nth(++n)), 1)
      closers.push(() => clearInterval(recording))
      await stored(journal, 50)
      await stop()
      await vi.waitFor(() => expect(journal.problem()?.reason).toBe('MongoDB does not answer'), 20_000)
      await goOn()
      await vi.waitFor(() => expect(journal.problem()).toBeUndefined(), 20_000)
      clearInterval(recording)
      await journal.saved()
      const { valid, count } = await journal.verify()
      expect({ valid, count }).toEqual({ valid: true, count: journal.last() })
      expect(journal.subjects()).toEqual(new Map([['instances/users-1', { port: n }]]))
    },
    60_000,
  )
})

test('a Console that is killed at any moment loses only what was not stored, and the chain goes on', async () => {
  let known = 0
  for (const after of [1, 40, 300]) {
    const writer = spawn(process.execPath, [join(import.meta.dirname, 'test-writer.ts'), shared.url], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let lines = 0
    for await (const line of createInterface(writer.stdout)) {
      known = Number(line)
      if (++lines === after) writer.kill('SIGKILL')
    }
    expect(lines).toBeGreaterThanOrEqual(after)
    if (writer.exitCode === null && writer.signalCode === null) await once(writer, 'exit')
    const journal = await open()
    expect(journal.last()).toBeGreaterThanOrEqual(known)
    expect(await journal.verify()).toMatchObject({ valid: true, count: journal.last() })
    await journal.close()
  }
})
