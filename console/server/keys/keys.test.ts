import { randomBytes } from 'node:crypto'
import { createLog } from '@site11/runtime/log.ts'
import { mongodForTests } from '@site11/runtime/store/test-mongod.ts'
import { calculateJwkThumbprint } from 'jose'
import { type Db, MongoClient } from 'mongodb'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { StartError } from '../start-error.ts'
import { loadKeys } from './keys.ts'
import { rotation } from './ring.ts'

const secretKey = randomBytes(32)
const log = createLog('test', 'silent')
let mongod: Awaited<ReturnType<typeof mongodForTests>>
let client: MongoClient
let db: Db

beforeAll(async () => {
  mongod = await mongodForTests()
  client = await new MongoClient(mongod.url).connect()
  db = client.db('keys_test')
})
beforeEach(() => db.dropDatabase())
afterAll(async () => {
  await client.close()
  await mongod.stop()
})

test('the first start makes one key, and later starts find it', async () => {
  const first = await loadKeys({ db, secretKey, log })
  const again = await loadKeys({ db, secretKey, log })
  expect(first.jwks().keys).toHaveLength(1)
  expect(again.jwks()).toEqual(first.jwks())
  expect(again.signer().kid).toBe(first.signer().kid)
})

test('what is published is public only, and the kid is the thumbprint', async () => {
  const [key] = (await loadKeys({ db, secretKey, log })).jwks().keys
  expect(Object.keys(key ?? {}).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
  expect(key?.kid).toBe(await calculateJwkThumbprint(key ?? {}))
})

test('the private key is not readable in the database', async () => {
  await loadKeys({ db, secretKey, log })
  const stored = JSON.stringify(await db.collection('keys').find().toArray())
  expect(stored).not.toMatch(/"d"/)
  expect(stored).not.toContain(secretKey.toString('base64'))
})

test('another secret key stops the start and leaves the stored keys alone', async () => {
  const first = await loadKeys({ db, secretKey, log })
  await expect(loadKeys({ db, secretKey: randomBytes(32), log })).rejects.toThrow(StartError)
  expect((await loadKeys({ db, secretKey, log })).jwks()).toEqual(first.jwks())
})

test('an old key is followed by another: published, then signing, then alone; each start sees the same', async () => {
  let nowMs = Date.now()
  const keys = await loadKeys({ db, secretKey, log, now: () => nowMs })
  let changes = 0
  keys.onChange(() => changes++)
  const old = keys.signer().kid
  await keys.rotate()
  expect(changes).toBe(0)

  nowMs += rotation.maxAgeMs
  await keys.rotate()
  expect(keys.jwks().keys).toHaveLength(2)
  expect(keys.signer().kid).toBe(old)

  nowMs += rotation.publishMs
  await keys.rotate()
  const young = keys.signer().kid
  expect(young).not.toBe(old)
  expect(keys.jwks().keys.map(({ kid }) => kid)).toEqual([young, old])
  const restarted = await loadKeys({ db, secretKey, log, now: () => nowMs })
  expect(restarted.signer().kid).toBe(young)
  expect(restarted.jwks()).toEqual(keys.jwks())

  nowMs += rotation.retireMs
  await keys.rotate()
  expect(keys.jwks().keys.map(({ kid }) => kid)).toEqual([young])
  expect(changes).toBe(3)
  expect((await loadKeys({ db, secretKey, log, now: () => nowMs })).jwks()).toEqual(keys.jwks())
})
