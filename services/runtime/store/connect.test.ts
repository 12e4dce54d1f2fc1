import { afterAll, beforeAll, expect, test } from 'vitest'
import { createGroupInserter, createPointReader } from './coalesce.ts'
import { connectStore, type Store } from './connect.ts'
import { storeError } from './store-error.ts'
import { startMongod, type TestMongod } from './test-mongod.ts'

const unavailable = expect.objectContaining({
  code: 14,
  details: expect.objectContaining({ reason: 'DEPENDENCY_UNAVAILABLE' }),
})

let mongod: TestMongod
let store: Store
const open: Store[] = []

function connected(url: string): Store {
  const opened = connectStore({ url, appName: 'test' })
  open.push(opened)
  return opened
}

const withDatabase = (url: string, name: string) => Object.assign(new URL(url), { pathname: name }).href

beforeAll(async () => {
  mongod = await startMongod()
  store = connected(withDatabase(mongod.url, 'connect_db'))
})

afterAll(async () => {
  for (const opened of open) await opened.close()
  await mongod?.stop()
})

async function answers({ ping }: Store) {
  await expect.poll(() => ping().then(() => 'up'), { timeout: 20_000, interval: 100 }).toBe('up')
}

test('The database is the one that the URL names, and a URL that names none is refused', async () => {
  await store.ping()
  expect(store.db.databaseName).toBe('connect_db')
  for (const url of [mongod.url, 'mongodb://localhost', 'mongodb://a,b:2/?replicaSet=rs0']) {
    expect(() => connectStore({ url, appName: 'test' })).toThrow(/names no database/)
  }
})

test('Writes wait for the journal of a majority, and reads see what a majority has', () => {
  expect(store.db.writeConcern).toMatchObject({ w: 'majority', journal: true })
  expect(store.db.readConcern).toMatchObject({ level: 'majority' })
})

test('A killed database is an error within seconds, and the connection heals when it is back', async () => {
  const collection = store.db.collection<{ _id: string }>('things')
  const read = createPointReader(collection)
  const insert = createGroupInserter(collection)
  await insert({ _id: 'before' })
  await mongod.kill()

  const since = Date.now()
  await expect(store.ping()).rejects.toThrow(unavailable)
  await expect(read('before')).rejects.toThrow(unavailable)
  await expect(insert({ _id: 'lost' })).rejects.toThrow(unavailable)
  await expect(
    collection.updateOne({ _id: 'before' }, { $set: { n: 1 } }).catch(error => Promise.reject(storeError(error))),
  ).rejects.toThrow(unavailable)
  expect(Date.now() - since).toBeLessThan(15_000)

  await mongod.restart()
  await answers(store)
  expect(await read('before')).toEqual({ _id: 'before' })
})

test('However often the database is killed under load, nothing hangs and every connection of the pool comes back', async () => {
  const collection = store.db.collection<{ _id: string; n?: number }>('counters')
  const read = createPointReader(collection)
  await answers(store)
  for (let round = 0; round < 3; round++) {
    let running = true
    let failures = 0
    const workers = Array.from({ length: 20 }, async (_, worker) => {
      while (running) {
        const update = collection.updateOne({ _id: `${worker}` }, { $inc: { n: 1 } }, { upsert: true })
        for (const result of await Promise.allSettled([update, read(`${worker}`)])) {
          if (result.status === 'fulfilled') continue
          failures++
          expect(storeError(result.reason)).toEqual(unavailable)
        }
      }
    })
    await expect.poll(() => read('0')).not.toBe(null)
    await mongod.kill()
    await expect.poll(() => failures, { timeout: 20_000 }).toBeGreaterThan(0)
    await mongod.restart()
    await answers(store)
    running = false
    await Promise.all(workers)
  }
}, 120_000)

test('A frozen database fails what is under way within seconds', async () => {
  const read = createPointReader(store.db.collection<{ _id: string }>('things'))
  await answers(store)
  process.kill(mongod.pid, 'SIGSTOP')
  try {
    const since = Date.now()
    await expect(store.ping()).rejects.toThrow(unavailable)
    expect(Date.now() - since).toBeLessThan(5000)
    await expect(read('before')).rejects.toThrow(unavailable)
    expect(Date.now() - since).toBeLessThan(15_000)
  } finally {
    process.kill(mongod.pid, 'SIGCONT')
  }
  await answers(store)
})

test('A service that starts before its database connects once that is there', async () => {
  await mongod.kill()
  const early = connected(withDatabase(mongod.url, 'early_db'))
  await expect(early.ping()).rejects.toThrow(unavailable)
  await mongod.restart()
  await answers(early)
})
