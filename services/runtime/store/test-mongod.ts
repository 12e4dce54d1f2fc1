/**
 * A real mongod for tests: a one-member replica set in a temporary folder, on a free port of the loopback interface.
 *
 * Name this file as vitest's `globalSetup` and all test files of the run share one; without that, each file starts its own.
 */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { accessSync, constants, globSync } from 'node:fs'
import { mkdtemp, readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { MongoClient } from 'mongodb'
import { freePort } from '../test-ports.ts'
import { connectStore, type Store } from './connect.ts'

const SHARED_URL = 'SITE11_TEST_MONGO_URL'
const START_TIMEOUT_MS = 30_000

/**
 * Runs mongod until standard input has a line or ends, which it does also when the test process is killed: so no mongod is
 * left behind. The data goes too, unless the line says `keep`. Arguments: data folder, mongod and its arguments. Prints its id.
 */
const WATCHDOG = `
  folder=$0; "$@" </dev/null >/dev/null & pid=$!
  echo $pid
  read -r word; kill -9 $pid; wait $pid
  [ "$word" = keep ] || rm -rf "$folder"`

export interface TestMongod {
  url: string
  /** Process id; another one after `restart`. */
  readonly pid: number
  /** Ends it as a crash would (SIGKILL); the data stays. */
  kill(): Promise<void>
  /** Starts it again, on the same port and data. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/**
 * Starts a mongod.
 * @throws Error that says what to do when there is no mongod, or with the end of its log when it does not start.
 */
export async function startMongod(): Promise<TestMongod> {
  const program = mongodPath()
  if (program === undefined) {
    throw new Error(
      'These tests need mongod: start the mesh once (npm start fetches it), put mongod on PATH, or name it in SITE11_MONGOD.',
    )
  }
  if (!isExecutable(program)) throw new Error(`SITE11_MONGOD names ${program}, which cannot be executed.`)
  const folder = await mkdtemp(join(tmpdir(), 'site11-test-mongod-'))
  const port = await freePort()
  let process = await run(program, folder, port)
  return {
    url: urlOf(port),
    get pid() {
      return process.pid
    },
    kill: () => process.end('keep'),
    async restart() {
      process = await run(program, folder, port)
    },
    stop: () => process.end('remove'),
  }
}

/**
 * @returns the mongod of this vitest run, or one of its own for the test file that asks. Files keep apart by the names of
 * their databases; each calls `stop` at its end.
 */
export async function mongodForTests(): Promise<{ url: string; stop(): Promise<void> }> {
  const url = process.env[SHARED_URL]
  return url ? { url, stop: async () => {} } : await startMongod()
}

/** @returns a connection to an empty database, for one test file. `stop` removes it. */
export async function storeForTests(): Promise<{ store: Store; url: string; stop(): Promise<void> }> {
  const mongod = await mongodForTests()
  const url = new URL(mongod.url)
  url.pathname = `test_${randomBytes(6).toString('hex')}`
  const store = connectStore({ url: url.href, appName: 'test' })
  return {
    store,
    url: url.href,
    async stop() {
      await store.db.dropDatabase()
      await store.close()
      await mongod.stop()
    },
  }
}

/** vitest's global setup. Without a mongod it does nothing: the files that need one say so. */
export default async function setup(): Promise<(() => Promise<void>) | undefined> {
  if (mongodPath() === undefined) return undefined
  const mongod = await startMongod()
  // Workers start after this, with this environment.
  process.env[SHARED_URL] = mongod.url
  return mongod.stop
}

const urlOf = (port: number) => `mongodb://127.0.0.1:${port}/?directConnection=true`

async function run(program: string, folder: string, port: number) {
  const where = ['--dbpath', folder, '--logpath', join(folder, 'mongod.log')]
  const how = `--port ${port} --bind_ip 127.0.0.1 --nounixsocket --replSet rs0 --oplogSize 64 --wiredTigerCacheSizeGB 0.25`
  const watchdog = spawn('sh', ['-c', WATCHDOG, folder, program, ...where, ...how.split(' ')], {
    stdio: ['pipe', 'pipe', 'ignore'],
    // Its own process group: an interrupt from the terminal must not end the watchdog before its work is done.
    detached: true,
  })
  const ended = new Promise<void>(done => watchdog.once('exit', () => done()))
  const end = async (data: 'keep' | 'remove') => {
    watchdog.stdin.end(`${data}\n`)
    await ended
  }
  try {
    const pid = Number(await new Promise(done => watchdog.stdout.once('data', done)))
    await becomesPrimary(folder, port, pid)
    return { pid, end }
  } catch (error) {
    await end('remove')
    throw error
  }
}

function mongodPath(): string | undefined {
  const named = process.env.SITE11_MONGOD
  if (named) return named
  const onPath = (process.env.PATH ?? '').split(delimiter).map(folder => join(folder, 'mongod'))
  const home = process.env.SITE11_HOME ?? resolve(import.meta.dirname, '../../../.site11')
  return [...onPath, ...globSync(join(home, 'engines/**/mongod'))].find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Waits until the mongod is the primary of its replica set, which a new one is made into. */
async function becomesPrimary(folder: string, port: number, pid: number): Promise<void> {
  const giveUp = Date.now() + START_TIMEOUT_MS
  const until = async (isSo: () => Promise<boolean>) => {
    while (!(await isSo())) {
      if (Date.now() > giveUp) throw new Error(`mongod does not become ready:\n${await logOf(folder)}`)
      await wait(20)
    }
  }
  await until(() => listens(port))
  const client = new MongoClient(urlOf(port), { serverSelectionTimeoutMS: 2000 })
  try {
    const admin = client.db('admin')
    await admin
      .command({ replSetInitiate: { _id: 'rs0', members: [{ _id: 0, host: `127.0.0.1:${port}` }] } })
      .catch(error => {
        if (error.codeName !== 'AlreadyInitialized') throw error
      })
    await until(async () => (await admin.command({ hello: 1 })).isWritablePrimary === true)
    // Another program may have taken the port that was free.
    if (Number((await admin.command({ serverStatus: 1 })).pid) !== pid)
      throw new Error(`another mongod answers on port ${port}`)
  } finally {
    await client.close()
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise(answer => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => answer(socket.destroy() !== null)).once('error', () => answer(false))
  })
}

async function logOf(folder: string): Promise<string> {
  const log = await readFile(join(folder, 'mongod.log'), 'utf8').catch(() => '(no log)')
  return log.trimEnd().split('\n').slice(-5).join('\n')
}
