import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
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

/** Passes connections on to a port, until it is told to end all that there are. */
async function startProxy(port: number) {
  const open = new Set<Socket>()
  const server = createServer(inbound => {
    const outbound = connect(port, '127.0.0.1')
    open.add(inbound)
    inbound.on('close', () => open.delete(inbound) && outbound.destroy())
    for (const socket of [inbound, outbound]) socket.on('error', () => {})
    inbound.pipe(outbound)
    outbound.pipe(inbound)
  })
  await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening))
  return {
    port: (server.address() as AddressInfo).port,
    endAll() {
      for (const socket of open) socket.end()
    },
    close: () => server.close(),
  }
}

test('Operations under way when the server closes their connections settle, and the pool loses no place', async () => {
  await answers(store)
  const proxy = await startProxy(Number(new URL(mongod.url).port))
  const proxied = connected(withDatabase(mongod.url, 'proxied_db').replace(/:\d+\//, `:${proxy.port}/`))
  const collection = proxied.db.collection<{ _id: string; n?: number }>('counters')
  const update = () => collection.updateOne({ _id: 'a' }, { $inc: { n: 1 } }, { upsert: true })
  await answers(proxied)
  await update()
  for (let round = 0; round < 20; round++) {
    await Promise.all(Array.from({ length: 10 }, () => collection.findOne({ _id: 'a' })))
    proxy.endAll()
    const failures: Promise<unknown>[] = []
    for (let turn = 0; turn < 8; turn++) {
      await new Promise(setImmediate)
      failures.push(update().then(() => undefined, storeError))
    }
    for (const failure of await Promise.all(failures)) if (failure) expect(failure).toEqual(unavailable)
    await answers(proxied)
  }
  proxy.close()
}, 60_000)

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
