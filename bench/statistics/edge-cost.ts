/** What the record of each request costs the edge: two Envoys of one mesh, one of which writes none, take turns. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { JsonObject } from '@bufbuild/protobuf'
import { testAuthority } from '@site11/runtime/test-identity.ts'
import { envoyBootstrap } from '../../envoy/bootstrap.ts'
import { envoyTrust, envoyTrustFileOf } from '../../envoy/trust.ts'
import type { Started } from '../cleanup.ts'
import { type System, startDriver } from '../measure.ts'
import type { BenchMesh } from '../mesh.ts'
import type { Operation } from '../operations.ts'
import { type Spread, spreadOf } from '../stats.ts'
import { startRelay } from './relay.ts'

export interface EdgeCost {
  operation: Operation
  /** CPU of Envoy, us a request. */
  withUs: Spread
  withoutUs: Spread
  /** Of the same round, with / without. */
  ratio: Spread
}

const exported = 'envoy.access_loggers.open_telemetry'

/** Takes the access log that is sent to Statistics out of a listener, and leaves all else. */
function withoutExport(listener: JsonObject): void {
  for (const chain of (listener.filterChains ?? []) as JsonObject[])
    for (const { typedConfig } of (chain.filters ?? []) as { typedConfig: JsonObject }[])
      typedConfig.accessLog = (typedConfig.accessLog as JsonObject[]).filter(({ name }) => name !== exported)
}

async function startEnvoy(mesh: BenchMesh, folder: string, port: number, isLogging: boolean, started: Started) {
  const nodeId = isLogging ? 'bench-with' : 'bench-without'
  const relay = await startRelay(mesh, isLogging ? () => {} : withoutExport)
  started(relay.stop)
  const own = join(folder, nodeId)
  mkdirSync(own)
  const trustFile = join(own, 'ca.pem')
  writeFileSync(envoyTrustFileOf(trustFile), envoyTrust(testAuthority.bundle))
  const config = join(own, 'envoy.json')
  const bootstrap = envoyBootstrap({
    nodeId,
    adminPort: 0,
    consoleHost: '127.0.0.1',
    consolePort: relay.port,
    joinToken: mesh.joinToken,
    trustFile,
    edge: { host: '127.0.0.1', port },
  })
  writeFileSync(config, JSON.stringify(bootstrap), { mode: 0o600 })
  const edge = mesh.processes().find(({ role }) => role === 'edge')
  const args = ['-c', config, '--concurrency', '1', '--disable-hot-restart', '--log-level', 'error']
  const child = spawn(readlinkSync(`/proc/${edge?.pid}/exe`), args, { stdio: 'ignore' })
  started(async () => {
    child.kill()
    await once(child, 'exit')
  })
  const base = `http://127.0.0.1:${port}`
  for (const deadline = Date.now() + 20_000; ; await delay(100)) {
    if (
      await fetch(`${base}/health`).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      break
    if (Date.now() > deadline) throw new Error(`The Envoy ${nodeId} does not listen.`)
  }
  const system: System = {
    name: nodeId,
    base,
    operations: ['read', 'grpc-read'],
    processes: () => [{ role: 'edge', pid: child.pid ?? 0 }],
  }
  return system
}

/** @param ids of users to read. @param port two from here on are free. */
export async function measureEdgeCost(
  mesh: BenchMesh,
  {
    ids,
    folder,
    port,
    rounds,
    seconds,
  }: { ids: string[]; folder: string; port: number; rounds: number; seconds: number },
  started: Started,
): Promise<EdgeCost[]> {
  const systems = [
    await startEnvoy(mesh, folder, port, true, started),
    await startEnvoy(mesh, folder, port + 1, false, started),
  ]
  const driver = startDriver()
  started(driver.stop)
  const costs: EdgeCost[] = []
  for (const operation of ['read', 'grpc-read'] as const) {
    const used: number[][] = systems.map(() => [])
    for (let round = -1; round < rounds; round++) {
      for (let turn = 0; turn < systems.length; turn++) {
        const index = (turn + round + 2) % systems.length
        const token = await mesh.login()
        const job = { operation, token, ids, load: { concurrency: 32 }, warmMs: 300, measureMs: seconds * 1000 }
        const { cpuUs, failures } = await driver.measure(systems[index] as System, job)
        if (Object.keys(failures).length > 0) throw new Error(`Requests failed: ${JSON.stringify(failures)}`)
        // The first is to warm up.
        if (round >= 0) used[index]?.push(cpuUs.edge ?? 0)
      }
    }
    const [having = [], lacking = []] = used
    costs.push({
      operation,
      withUs: spreadOf(having),
      withoutUs: spreadOf(lacking),
      ratio: spreadOf(having.map((us, round) => us / (lacking[round] ?? us))),
    })
  }
  return costs
}
