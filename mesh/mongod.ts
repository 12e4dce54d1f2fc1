import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { engineEnv } from './environment.ts'
import { writePrivate } from './files.ts'
import type { Home } from './home.ts'
import type { ProcessSpec } from './process.ts'
import type { Secrets } from './secrets.ts'

/** What mongod-setup.ts reads from its standard input. */
export type MongodSetup = { port: number; adminPassword: string; passwords: Record<string, string> }

/** A replica set of one, for transactions and change streams. Its members and clients must know a password. */
export function mongodSpec(binary: string, port: number, home: Home, secrets: Secrets): ProcessSpec {
  rmSync(home.mongodKey, { force: true })
  writePrivate(home.mongodKey, `${secrets.mongo.keyFile}\n`)
  const setup = { port, adminPassword: secrets.mongo.adminPassword, passwords: secrets.mongo.passwords }
  return {
    name: 'mongod',
    command: binary,
    args: [
      ...['--dbpath', home.mongodData, '--port', String(port), '--bind_ip', '127.0.0.1', '--nounixsocket'],
      ...['--replSet', 'rs0', '--auth', '--keyFile', home.mongodKey, '--quiet'],
      ...['--wiredTigerCacheSizeGB', '0.25', '--oplogSize', '256'],
      ...['--setParameter', 'diagnosticDataCollectionEnabled=false'],
      // There is no other member that could take over: waiting for one at the end is time lost.
      ...['--setParameter', 'shutdownTimeoutMillisForSignaledShutdown=100'],
    ],
    cwd: home.folder,
    env: engineEnv(process.env),
    address: `127.0.0.1:${port}`,
    ready: signal => setUp(setup, signal),
    terminal: 'error',
  }
}

/**
 * Resolves once mongod is primary and every owner has a user. In a process of its own, because the driver would cost the supervisor
 * 30 MB for a second's work. Passwords go through standard input.
 */
function setUp(setup: MongodSetup, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const script = join(import.meta.dirname, 'mongod-setup.ts')
    const child = spawn(process.execPath, [script], {
      env: engineEnv(process.env),
      stdio: ['pipe', 'ignore', 'pipe'],
      signal,
    })
    let problem = ''
    child.stderr.on('data', chunk => {
      problem += chunk
    })
    child.on('error', () => {})
    child.on('close', code => {
      if (code === 0) resolve()
      else reject(new Error(problem.trim() || 'mongod did not become primary'))
    })
    child.stdin.on('error', () => {})
    child.stdin.end(JSON.stringify(setup))
  })
}
