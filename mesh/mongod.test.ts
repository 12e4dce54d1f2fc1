import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MongoClient } from 'mongodb'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { findEngines } from './engines.ts'
import { createHome, homeOf } from './home.ts'
import { mongodSpec } from './mongod.ts'
import { slotFor } from './ports.ts'
import { redisSpec } from './redis.ts'
import { loadSecrets, type Secrets } from './secrets.ts'
import { createSupervisor, type Supervisor } from './supervisor.ts'

const folder = mkdtempSync(join(tmpdir(), 'site11-mongod-'))
const home = homeOf({ SITE11_HOME: folder })
let secrets: Secrets
let binaries: Awaited<ReturnType<typeof findEngines>>
let supervisor: Supervisor | undefined

beforeAll(async () => {
  createHome(home)
  secrets = loadSecrets(home.secrets, ['users', 'images'])
  binaries = await findEngines(homeOf(process.env).engines, process.env, console.error, AbortSignal.timeout(240_000))
})
afterEach(() => supervisor?.stop())
afterAll(() => rmSync(folder, { recursive: true }))

/** Starts mongod on these data and a free port. */
async function start(withSecrets = secrets): Promise<number> {
  const port = await slotFor(23_300 + Math.floor(Math.random() * 900), [])
  const instance = async () => {
    throw new Error('there are no services here')
  }
  supervisor = createSupervisor({
    logs: home.logs,
    print: () => {},
    watched: () => false,
    recorded: () => {},
    instance,
  })
  await supervisor.startStage([mongodSpec(binaries.mongod, port, home, withSecrets)])
  return port
}

async function as(owner: string, port: number): Promise<MongoClient> {
  const url = `mongodb://${owner}:${secrets.mongo.passwords[owner]}@127.0.0.1:${port}/${owner}_db?replicaSet=rs0&authSource=${owner}_db`
  return new MongoClient(url, { serverSelectionTimeoutMS: 5000 }).connect()
}

test('an owner has indexes, transactions and change streams in its database, and nothing of another one', async () => {
  const client = await as('users', await start())
  const users = client.db().collection('users')
  await users.createIndex({ email: 1 }, { unique: true })
  await client.withSession(session =>
    session.withTransaction(() => users.insertOne({ email: 'a@example.com' }, { session })),
  )
  const changes = users.watch([], { maxAwaitTimeMS: 10 })
  // The first look opens the stream.
  expect(await changes.tryNext()).toBeNull()
  await users.insertOne({ email: 'b@example.com' })
  expect(await changes.next()).toMatchObject({ operationType: 'insert', fullDocument: { email: 'b@example.com' } })
  await changes.close()
  await expect(client.db('images_db').collection('images').findOne()).rejects.toMatchObject({ code: 13 })
  await expect(client.db('admin').command({ usersInfo: 1 })).rejects.toMatchObject({ code: 13 })
  await client.close()
})

test('data made on other ports are there on new ones', async () => {
  const client = await as('users', await start())
  expect(await client.db().collection('users').countDocuments()).toBe(2)
  await client
    .db()
    .collection('users')
    .insertOne({ email: 'c@example.com' }, { writeConcern: { w: 'majority' } })
  await client.close()
})

test('a new owner gets its database at a later start', async () => {
  secrets = loadSecrets(home.secrets, ['users', 'images', 'data'])
  const client = await as('data', await start())
  await client.db().collection('things').insertOne({})
  await client.close()
})

test('data made with other secrets stop the start with what to do', async () => {
  const other = { ...secrets, mongo: { ...secrets.mongo, adminPassword: 'another password altogether' } }
  await expect(start(other)).rejects.toThrow(/secrets\.json/)
})

test('Redis is ready when it answers to its password', async () => {
  const port = await slotFor(24_400 + Math.floor(Math.random() * 900), [])
  const instance = async () => {
    throw new Error('there are no services here')
  }
  supervisor = createSupervisor({
    logs: home.logs,
    print: () => {},
    watched: () => false,
    recorded: () => {},
    instance,
  })
  await supervisor.startStage([redisSpec(binaries.redis, port, home, secrets.redisPassword)])
  expect(supervisor.statuses()).toMatchObject([{ name: 'redis', state: 'healthy' }])
})
