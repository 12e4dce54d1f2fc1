/** Our mesh for the bench: on ports and in a folder of its own, started and stopped as an operator does it. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { homeOf, root } from '@site11/mesh/home.ts'
import { portsFrom } from '@site11/mesh/ports.ts'
import { readRecord } from '@site11/mesh/record.ts'
import { loadSecrets } from '@site11/mesh/secrets.ts'
import type { BenchProcess } from './process-usage.ts'

export interface BenchMesh {
  /** `http://host:port` of the edge. */
  base: string
  /** The issuer that its tokens name. */
  issuer: string
  /** `host:port` of the Console's gRPC side, and what instances and operators show it. */
  console: string
  joinToken: string
  operatorToken: string
  /** The authorities of the mesh, PEM. */
  trust: string
  /** Every process of it. */
  processes(): BenchProcess[]
  /** `mongodb://` URL of its mongod, with the rights to read and copy everything. */
  storeUrl: string
  /** `redis://` URL of its Redis. */
  redisUrl: string
  /** @returns a new access token of the first admin. */
  login(): Promise<string>
  stop(): Promise<void>
}

/** What each process of the mesh is called in the report. */
const roles: Record<string, string> = {
  'envoy-1': 'edge',
  mongod: 'store',
  redis: 'redis',
  console: 'console',
  'statistics-1': 'statistics',
}

const run = promisify(execFile)

/** Starts a mesh at `port` and the ports that follow from it. Rejects with what the mesh says when it does not start. */
export async function startMesh(port: number, folder: string): Promise<BenchMesh> {
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    SITE11_PORT: String(port),
    SITE11_HOME: folder,
    // Engines that `npm start` has fetched are not fetched again.
    SITE11_ENGINES: process.env.SITE11_ENGINES ?? join(root, '.site11/engines'),
  }
  const mesh = (command: 'start' | 'main', ...args: string[]) =>
    run(process.execPath, [join(root, `mesh/${command}.ts`), ...args], { env, cwd: root })
  await mesh('start', '--detach').catch(error => {
    throw new Error(`The mesh did not start.\n${error.stdout}${error.stderr}`)
  })
  const home = homeOf(env)
  const ports = portsFrom(String(port))
  const { mongo, joinToken, operatorToken, redisPassword } = loadSecrets(home.secrets, [])
  const base = `http://127.0.0.1:${port}`
  const login = async () => {
    const response = await fetch(`${base}/api/v1/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: readFileSync(home.admin),
    })
    const session = await response.json()
    if (!response.ok) throw new Error(`The first admin cannot log in: ${JSON.stringify(session)}`)
    return session.accessToken
  }
  return {
    base,
    issuer: `http://localhost:${port}`,
    console: `127.0.0.1:${ports.consoleGrpc}`,
    joinToken,
    operatorToken,
    trust: readFileSync(home.trust, 'utf8'),
    storeUrl: `mongodb://site11-admin:${mongo.adminPassword}@127.0.0.1:${ports.mongod}/?directConnection=true`,
    redisUrl: `redis://:${redisPassword}@127.0.0.1:${ports.redis}`,
    processes() {
      const record = readRecord(home.record)
      if (!record) throw new Error('The mesh of the bench has stopped.')
      const children = record.processes.map(({ name, pid }) => ({ role: roles[name] ?? 'service', pid }))
      return [...children, { role: 'supervisor', pid: record.supervisor.pid }]
    },
    login,
    async stop() {
      await mesh('main', 'stop')
      await rm(folder, { recursive: true, force: true })
    },
  }
}
