import type { Collection } from 'mongodb'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createLog } from '../log.ts'
import { createGroupInserter } from './coalesce.ts'
import { insertOnce, type Marked, type RequestMark, requestIndex, requestMark } from './idempotency.ts'
import { ensureIndexes } from './indexes.ts'
import { DuplicateKeyError } from './store-error.ts'
import { storeForTests } from './test-mongod.ts'

interface Person extends Marked {
  name: string
}

const HOUR = 3_600_000
const now = new Date('2026-03-01T12:00:00Z')
const requestId = '6dd2a4d0-6f6d-4f0a-9c2c-93d1f0f0a001'
const reused = expect.objectContaining({ code: 3, details: expect.objectContaining({ reason: 'REQUEST_ID_REUSED' }) })

let database: Awaited<ReturnType<typeof storeForTests>>
let people: Collection<Person>
let insert: (person: Person) => Promise<void>
let lastId = 0

beforeAll(async () => {
  database = await storeForTests()
  people = database.store.db.collection<Person>('people')
  insert = createGroupInserter(people)
})

beforeEach(async () => {
  await people.drop()
  const name = { name: 'name', key: { name: 1 as const }, unique: true }
  await ensureIndexes(people, [name, requestIndex], createLog('test', 'silent'))
})

afterAll(async () => {
  await database?.stop()
})

const mark = (request: object, { at = now, subject = 'alice', id = requestId } = {}) =>
  requestMark({ subject, method: 'CreatePerson', requestId: id, request }, 'secret', at)

/** Makes a person as a handler would: with an id of its own for every attempt. */
function create(name: string, request: RequestMark | undefined) {
  return insertOnce<Person>(people, insert, { _id: `p${++lastId}`, name, ...(request && { request }) })
}

test('A repeated request returns what the first one made, and makes nothing', async () => {
  const first = await create('Kim', mark({ name: 'Kim' }))
  expect(first.repeated).toBe(false)
  const again = await create('Kim', mark({ name: 'Kim' }, { at: new Date(now.getTime() + 23 * HOUR) }))
  expect(again).toEqual({ document: first.document, repeated: true })
  expect(await people.countDocuments()).toBe(1)
})

test('Of many equal requests at the same moment one makes the document, and all return it', async () => {
  const results = await Promise.all(Array.from({ length: 100 }, () => create('Kim', mark({ name: 'Kim' }))))
  expect(new Set(results.map(({ document }) => document._id)).size).toBe(1)
  expect(results.filter(({ repeated }) => !repeated)).toHaveLength(1)
  expect(await people.countDocuments()).toBe(1)
})

test('A request_id used with another request is refused', async () => {
  await create('Kim', mark({ name: 'Kim' }))
  await expect(create('Lee', mark({ name: 'Lee' }))).rejects.toThrow(reused)
  await expect(create('Kim', mark({ name: 'Kim', password: 'other' }))).rejects.toThrow(reused)
})

test('Callers and methods do not share request_ids', async () => {
  await create('Kim', mark({ name: 'Kim' }))
  expect((await create('Lee', mark({ name: 'Lee' }, { subject: 'bob' }))).repeated).toBe(false)
})

test('After 24 hours a request_id is new again', async () => {
  await create('Kim', mark({ name: 'Kim' }))
  const later = new Date(now.getTime() + 25 * HOUR)
  const second = await create('Lee', mark({ name: 'Lee' }, { at: later }))
  expect(second.repeated).toBe(false)
  expect(await people.countDocuments()).toBe(2)
  expect(await create('Lee', mark({ name: 'Lee' }, { at: later }))).toEqual({
    document: second.document,
    repeated: true,
  })
  await expect(create('Lee', mark({ name: 'Lee' }, { at: new Date(later.getTime() + 25 * HOUR) }))).rejects.toThrow(
    DuplicateKeyError,
  )
})

test('Another unique index refuses a new request, with or without a request_id', async () => {
  await create('Kim', undefined)
  await expect(create('Kim', undefined)).rejects.toThrow(expect.objectContaining({ index: 'name' }))
  await expect(create('Kim', mark({ name: 'Kim' }))).rejects.toThrow(expect.objectContaining({ index: 'name' }))
})

test('The order of keys makes no other request; a changed value does', () => {
  const hash = (request: object) => mark(request)?.hash
  expect(hash({ a: 1, b: { c: [1, 2], d: now } })).toBe(hash({ b: { d: new Date(now), c: [1, 2] }, a: 1 }))
  expect(hash({ a: [1, 2] })).not.toBe(hash({ a: [2, 1] }))
  expect(hash({ a: '1' })).not.toBe(hash({ a: 1 }))
})

test('The hash cannot be made without the secret', () => {
  const other = requestMark({ subject: 'alice', method: 'CreatePerson', requestId, request: {} }, 'another', now)
  expect(other?.hash).not.toBe(mark({})?.hash)
})
