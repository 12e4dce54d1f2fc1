import type { CommandStartedEvent } from 'mongodb'
import { MongoClient } from 'mongodb'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createGroupInserter, createPointReader } from './coalesce.ts'
import { DuplicateKeyError } from './store-error.ts'
import { storeForTests } from './test-mongod.ts'

interface Thing {
  _id: string
  name?: string
  secret?: string
  bytes?: string
}

let database: Awaited<ReturnType<typeof storeForTests>>
let client: MongoClient
let sent: CommandStartedEvent[] = []

beforeAll(async () => {
  database = await storeForTests()
  client = new MongoClient(database.url, { monitorCommands: true, writeConcern: { w: 'majority', journal: true } })
  client.on('commandStarted', event => sent.push(event))
  await client.connect()
})

beforeEach(async () => {
  await things().drop()
  await things().createIndex({ name: 1 }, { unique: true, sparse: true, name: 'name~v1' })
  sent = []
})

afterAll(async () => {
  await client?.close()
  await database?.stop()
})

const things = () => client.db().collection<Thing>('things')
const commands = (name: string) => sent.filter(({ commandName }) => commandName === name)
const numbered = (count: number) => Array.from({ length: count }, (_, n) => ({ _id: `id${n}`, name: `name${n}` }))
const reasonOf = (result: PromiseSettledResult<unknown>) => (result.status === 'rejected' ? result.reason : undefined)

test('Reads of the same moment are one query, and each caller gets its own document', async () => {
  await things().insertMany(numbered(30))
  const read = createPointReader(things())
  const ids = [...numbered(30).map(({ _id }) => _id), 'none', 'id3', 'id3']
  const found = await Promise.all(ids.map(read))
  expect(found.map(thing => thing?._id)).toEqual(ids.map(id => (id === 'none' ? undefined : id)))
  expect(found[30]).toBe(null)
  expect(commands('find')).toHaveLength(1)
  expect(commands('find')[0]?.command.filter._id.$in).toHaveLength(31)
})

test('A read alone asks for one id, and takes no longer for being alone', async () => {
  await things().insertOne({ _id: 'a', name: 'x' })
  const read = createPointReader(things())
  expect(await read('a')).toEqual({ _id: 'a', name: 'x' })
  expect(commands('find')[0]?.command.filter).toEqual({ _id: 'a' })
})

test('A projection keeps fields in the database', async () => {
  await things().insertOne({ _id: 'a', name: 'x', secret: 's' })
  expect(await createPointReader(things(), { projection: { secret: 0 } })('a')).toEqual({ _id: 'a', name: 'x' })
})

test('A read sees every write acknowledged before it, also while other reads of the document are under way', async () => {
  const read = createPointReader(things())
  const insert = createGroupInserter(things())
  await Promise.all(
    Array.from({ length: 200 }, async (_, n) => {
      const early = read(`id${n}`)
      await insert({ _id: `id${n}` })
      expect(await read(`id${n}`)).toEqual({ _id: `id${n}` })
      await early
    }),
  )
})

test('Documents that do not fit into one answer are all found', async () => {
  const bytes = 'x'.repeat(7_000_000)
  for (const _id of ['a', 'b', 'c', 'd']) await things().insertOne({ _id, bytes })
  const found = await Promise.all(['a', 'b', 'c', 'd', 'none'].map(createPointReader(things())))
  expect(found.map(thing => thing?.bytes?.length)).toEqual([7_000_000, 7_000_000, 7_000_000, 7_000_000, undefined])
})

test('Inserts of the same moment go in few commands, each acknowledged', async () => {
  const insert = createGroupInserter(things())
  await Promise.all(numbered(500).map(insert))
  expect(await things().countDocuments()).toBe(500)
  expect(commands('insert').length).toBeLessThan(10)
})

test('A duplicate fails alone, and tells which index it ran into', async () => {
  const insert = createGroupInserter(things())
  await insert({ _id: 'first', name: 'taken' })
  const results = await Promise.allSettled([
    insert({ _id: 'a', name: 'free' }),
    insert({ _id: 'b', name: 'taken' }),
    insert({ _id: 'first' }),
    insert({ _id: 'c', name: 'free too' }),
  ])
  expect(results.map(reasonOf).map(reason => reason?.index)).toEqual([undefined, 'name', '_id_', undefined])
  expect(reasonOf(results[1] as PromiseSettledResult<void>)).toBeInstanceOf(DuplicateKeyError)
  expect(String(reasonOf(results[1] as PromiseSettledResult<void>))).not.toContain('taken')
  expect(await things().countDocuments()).toBe(3)
})

test('Of many inserts of one name at the same time one succeeds', async () => {
  const insert = createGroupInserter(things())
  const results = await Promise.allSettled(
    Array.from({ length: 200 }, (_, n) => insert({ _id: `id${n}`, name: 'one' })),
  )
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  expect(results.map(reasonOf).filter(reason => reason?.index === 'name')).toHaveLength(199)
})

test('A document that cannot be sent fails alone', async () => {
  const insert = createGroupInserter(things())
  const results = await Promise.allSettled([
    insert({ _id: 'a' }),
    insert({ _id: 'huge', bytes: 'x'.repeat(17_000_000) }),
    insert({ _id: 'b' }),
  ])
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
})

test('A fault of the whole command is told to every caller', async () => {
  const insert = createGroupInserter(client.db().collection<Thing>('system.profile'))
  const results = await Promise.allSettled([insert({ _id: 'a' }), insert({ _id: 'b' })])
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
})
