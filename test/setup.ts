/** Starts the mesh that the tests use, by the command a user starts one with, and stops it after the last test. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { homeOf } from '../mesh/home.ts'
import { portsFrom, requireFree } from '../mesh/ports.ts'
import { readRecord } from '../mesh/record.ts'
import { meshCommand, root, startCommand } from './cli.ts'
import { livingOf, pidsOf } from './processes.ts'

export interface Mesh {
  /** Where the edge is. */
  url: string
  /** The edge port; the others follow from mesh/ports.ts. */
  port: number
  home: string
  /** The first admin. */
  admin: { email: string; password: string }
  /** What the commands of this mesh need in their environment. */
  settings: Record<string, string>
}

declare module 'vitest' {
  interface ProvidedContext {
    mesh: Mesh
  }
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const port = await freePort()
  const home = mkdtempSync(join(tmpdir(), 'site11-mesh-'))
  const settings = {
    SITE11_PORT: String(port),
    SITE11_HOME: home,
    // Shared with the operator's mesh: nothing is fetched twice.
    SITE11_ENGINES: process.env.SITE11_ENGINES || join(root, '.site11/engines'),
    // Webhooks lead to the tests themselves.
    SITE11_WEBHOOK_NETWORKS: '127.0.0.0/8',
  }
  const interrupted = () => {
    // Whoever cuts the tests short waits for nothing; the mesh stops by itself.
    const record = readRecord(homeOf(settings).record)
    if (record) process.kill(record.supervisor.pid, 'SIGTERM')
    process.exit(1)
  }
  for (const signal of signals) process.once(signal, interrupted)
  const started = await startCommand(['--detach'], settings)
  if (started.code !== 0)
    throw new Error(
      `The mesh of the tests did not start; its logs are in ${home}/logs.\n${started.stdout}${started.stderr}`,
    )
  const admin = JSON.parse(readFileSync(join(home, 'admin.json'), 'utf8'))
  project.provide('mesh', { url: `http://localhost:${port}`, port, home, admin, settings })

  return async () => {
    for (const signal of signals) process.off(signal, interrupted)
    const pids = Object.values(await pidsOf(settings))
    const stopped = await meshCommand(['stop'], settings)
    if (stopped.code !== 0) throw new Error(`The mesh of the tests did not stop.\n${stopped.stdout}${stopped.stderr}`)
    const left = livingOf(pids)
    if (left.length > 0) throw new Error(`The mesh left processes behind: ${left.join(', ')}`)
    if (project.vitest.state.getCountOfFailedTests() > 0)
      console.error(`The logs of the mesh are kept in ${home}/logs.`)
    else rmSync(home, { recursive: true })
  }
}

/** The first edge port from 18000 whose whole range is free. */
async function freePort(): Promise<number> {
  for (let port = 18_000; port < 30_000; port += 200) {
    if (
      await requireFree(portsFrom(String(port))).then(
        () => true,
        () => false,
      )
    )
      return port
  }
  throw new Error('No range of ports is free for the mesh of the tests.')
}
