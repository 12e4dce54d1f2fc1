/**
 * A real Redis (or Valkey) for tests, without persistence, on a free port of the loopback interface.
 */
import { spawn } from 'node:child_process'
import { accessSync, constants, globSync } from 'node:fs'
import { connect } from 'node:net'
import { delimiter, join, resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { freePort } from './test-ports.ts'

const startTimeoutMs = 10_000

/** Runs the server until standard input ends, which it does also when the test process is killed: so none is left behind. */
const watchdog = '"$@" </dev/null & pid=$!; read -r _; kill -9 $pid; wait $pid'

export interface TestRedis {
  url: string
  /** Ends it as a crash would. */
  kill(): Promise<void>
  /** Starts it again on the same port, empty. */
  restart(): Promise<void>
}

/**
 * Starts a server.
 * @throws Error that says what to do when there is none, or when it does not start.
 */
export async function startRedis(): Promise<TestRedis> {
  const port = await freePort()
  let kill = await run(port)
  return {
    url: `redis://127.0.0.1:${port}`,
    kill: () => kill(),
    async restart() {
      kill = await run(port)
    },
  }
}

/** @returns the function that ends it. */
async function run(port: number): Promise<() => Promise<void>> {
  const options = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
  const child = spawn('sh', ['-c', watchdog, 'sh', serverPath(), ...options], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  child.unref()
  const ended = new Promise<void>(done => child.once('exit', () => done()))
  const kill = () => {
    child.ref()
    child.stdin.end()
    return ended
  }
  for (const giveUp = Date.now() + startTimeoutMs; !(await listens(port)); await wait(20)) {
    if (Date.now() < giveUp) continue
    await kill()
    throw new Error(`${serverPath()} does not listen on port ${port} after ${startTimeoutMs} ms.`)
  }
  return kill
}

function serverPath(): string {
  const named = process.env.SITE11_REDIS_SERVER
  const names = ['redis-server', 'valkey-server']
  const onPath = (process.env.PATH ?? '').split(delimiter).flatMap(folder => names.map(name => join(folder, name)))
  const home = process.env.SITE11_HOME ?? resolve(import.meta.dirname, '../../.site11')
  const fetched = globSync(names.map(name => join(home, 'engines/**', name)))
  for (const path of named ? [named] : [...onPath, ...fetched]) {
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {}
  }
  throw new Error(
    named
      ? `SITE11_REDIS_SERVER names ${named}, which cannot be executed.`
      : 'These tests need Redis: start the mesh once (npm start fetches it), put redis-server on PATH, or name it in SITE11_REDIS_SERVER.',
  )
}

function listens(port: number): Promise<boolean> {
  return new Promise(answer => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => answer(socket.destroy() !== null)).once('error', () => answer(false))
  })
}
