/**
 * Makes a fresh mongod usable, and proves that a used one is: replica set of one, administrator, one user per database owner.
 * Reads a MongodSetup from standard input; exits 0 when mongod is primary and everything is there. Run by mongod.ts at every start.
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { MongoClient, MongoServerError } from 'mongodb'
import type { MongodSetup } from './mongod.ts'

const codes = { unauthorized: 13, authenticationFailed: 18, alreadyInitialized: 23, notYetInitialized: 94 }
const administrator = 'site11-admin'

// Whoever started this may be gone.
setTimeout(() => process.exit(1), 60_000).unref()

const otherSecrets =
  'the data was made with another password than secrets.json has: put that secrets.json back, or remove data/mongod, which deletes all data'

const setup: MongodSetup = JSON.parse(await text(process.stdin))
const address = `127.0.0.1:${setup.port}`
const options = { directConnection: true, serverSelectionTimeoutMS: 10_000, maxPoolSize: 1 }

const anonymous = new MongoClient(`mongodb://${address}`, options)
const admin = new MongoClient(`mongodb://${address}`, {
  ...options,
  auth: { username: administrator, password: setup.adminPassword },
  authSource: 'admin',
})

try {
  await untilAnswers()
  const { setName } = await anonymous.db('admin').command({ hello: 1 })
  if (!setName) await initiate()
  await untilPrimary()
  if (!(await isAdministrator())) await createAdministrator()
  await createOwners()
} catch (error) {
  process.stderr.write(
    isCode(error, codes.authenticationFailed) ? otherSecrets : error instanceof Error ? error.message : String(error),
  )
  process.exitCode = 1
} finally {
  await Promise.all([anonymous.close(), admin.close()])
}

/**
 * Until it accepts connections at all; the supervisor ends this process when mongod is gone or takes too long. Not by the driver: a
 * MongoClient whose first connection failed stays closed.
 */
async function untilAnswers() {
  for (;;) {
    const socket = connect(setup.port, '127.0.0.1')
    const answers = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (answers) return
    await delay(25)
  }
}

async function initiate() {
  try {
    // Allowed without a password as long as there is no user, and from this machine only (the localhost exception).
    await anonymous.db('admin').command({ replSetInitiate: { _id: 'rs0', members: [{ _id: 0, host: address }] } })
  } catch (error) {
    if (isCode(error, codes.unauthorized)) await readdress()
    else if (!isCode(error, codes.alreadyInitialized)) throw error
  }
}

/** A used mongod that names no set has either not read its configuration yet, or does not find itself in it: made on another port. */
async function readdress() {
  for (;;) {
    try {
      const { config } = await admin.db('admin').command({ replSetGetConfig: 1 })
      if (config.members[0].host === address) return
      config.members[0].host = address
      config.version++
      await admin.db('admin').command({ replSetReconfig: config, force: true })
      return
    } catch (error) {
      if (!isCode(error, codes.notYetInitialized)) throw error
      await delay(25)
    }
  }
}

async function untilPrimary() {
  for (;;) {
    const hello = await anonymous.db('admin').command({ hello: 1 })
    if (hello.isWritablePrimary) return
    await delay(25)
  }
}

async function isAdministrator() {
  try {
    await admin.db('admin').command({ connectionStatus: 1 })
    return true
  } catch (error) {
    if (isCode(error, codes.authenticationFailed)) return false
    throw error
  }
}

function isCode(error: unknown, code: number): boolean {
  return error instanceof MongoServerError && error.code === code
}

async function createAdministrator() {
  try {
    await anonymous.db('admin').command({ createUser: administrator, pwd: setup.adminPassword, roles: ['root'] })
  } catch (error) {
    throw isCode(error, codes.unauthorized) ? new Error(otherSecrets) : error
  }
}

/** Each owner reads and writes its own database only. readWrite covers indexes, transactions and change streams. */
async function createOwners() {
  const { users } = await admin.db('admin').command({ usersInfo: { forAllDBs: true } })
  const existing = new Set(users.map((user: { user: string; db: string }) => `${user.db}.${user.user}`))
  for (const [owner, password] of Object.entries(setup.passwords)) {
    const database = `${owner}_db`
    if (existing.has(`${database}.${owner}`)) continue
    await admin.db(database).command({ createUser: owner, pwd: password, roles: [{ role: 'readWrite', db: database }] })
  }
}
