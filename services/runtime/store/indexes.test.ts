import type { Collection, Document } from 'mongodb'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createLog } from '../log.ts'
import { ensureIndexes, type IndexSpec } from './indexes.ts'
import { DuplicateKeyError, storeError } from './store-error.ts'
import { storeForTests } from './test-mongod.ts'

const log = createLog('test', 'silent')
const email: IndexSpec = {
  name: 'email',
  key: { email: 1 },
  unique: true,
  partialFilterExpression: { deleteTime: null },
}
const expiry: IndexSpec = { name: 'expiry', key: { expireTime: 1 }, expireAfterSeconds: 0 }

let database: Awaited<ReturnType<typeof storeForTests>>
let people: Collection<Document & { _id: string }>

beforeAll(async () => {
  database = await storeForTests()
  people = database.store.db.collection('people')
})

beforeEach(async () => {
  await people.drop()
})

afterAll(async () => {
  await database?.stop()
})

/** The definitions by own name, without what the server adds. */
async function made() {
  const indexes = await people.indexes()
  return indexes.slice(1).map(({ v, name, ...definition }) => ({ name: name?.split('~')[0], ...definition }))
}

test('What is missing is made, also in a collection that is not there yet; a second run changes nothing', async () => {
  await ensureIndexes(people, [email, expiry], log)
  expect(await made()).toEqual([email, expiry])
  const before = await people.indexes()
  await ensureIndexes(people, [email, expiry], log)
  expect(await people.indexes()).toEqual(before)
})

test('Several instances may start at the same moment', async () => {
  await Promise.all(Array.from({ length: 5 }, () => ensureIndexes(people, [email, expiry], log)))
  expect(await made()).toHaveLength(2)
})

test.each<[string, IndexSpec]>([
  ['its key', { ...email, key: { email: 1, tenant: 1 } }],
  ['its condition', { name: 'email', key: { email: 1 }, unique: true }],
  ['being unique', { ...email, unique: false }],
])('An index that changes in %s is replaced', async (_, changed) => {
  await ensureIndexes(people, [email], log)
  await ensureIndexes(people, [changed], log)
  const { unique, ...rest } = changed
  expect(await made()).toEqual([{ ...rest, ...(unique && { unique }) }])
})

test('An index that changes in its expiry, or loses it, is replaced', async () => {
  for (const expireAfterSeconds of [0, 60, undefined, 3600]) {
    const { expireAfterSeconds: _, ...plain } = expiry
    const spec = expireAfterSeconds === undefined ? plain : { ...plain, expireAfterSeconds }
    await ensureIndexes(people, [spec], log)
    expect(await made()).toEqual([spec])
  }
})

test('When the new definition cannot be made, the old one stays', async () => {
  await ensureIndexes(people, [email], log)
  await people.insertMany([
    { _id: 'a', email: 'x@example.com', deleteTime: new Date() },
    { _id: 'b', email: 'x@example.com', deleteTime: null },
  ])
  const strict: IndexSpec = { name: 'email', key: { email: 1 }, unique: true }
  const failure = await ensureIndexes(people, [strict], log).catch(error => error)
  expect(failure.message).toMatch(/index email of the collection people .* documents a and b have the same email/i)
  expect(failure.message).not.toContain('x@example.com')
  expect(await made()).toEqual([email])
})

test('An index made otherwise is left alone, and named when it is in the way', async () => {
  await people.createIndex({ age: 1 }, { name: 'by-hand' })
  await ensureIndexes(people, [email], log)
  expect((await made()).map(({ name }) => name)).toEqual(['by-hand', 'email'])
  await expect(ensureIndexes(people, [{ name: 'age', key: { age: 1 } }], log)).rejects.toThrow(/index age .* by-hand/)
})

test('An error about a duplicate names the index by its own name', async () => {
  await ensureIndexes(people, [email], log)
  await people.insertOne({ _id: 'a', email: 'x@example.com', deleteTime: null })
  const living = { $set: { email: 'x@example.com', deleteTime: null } }
  const failing = [
    () => people.insertOne({ _id: 'b', email: 'x@example.com', deleteTime: null }),
    () => people.updateOne({ _id: 'c' }, living, { upsert: true }),
    () => people.findOneAndUpdate({ _id: 'd' }, living, { upsert: true }),
  ]
  for (const write of failing) {
    const error = storeError(await write().catch(reason => reason))
    expect(error).toBeInstanceOf(DuplicateKeyError)
    expect(error).toMatchObject({ index: 'email' })
  }
})
