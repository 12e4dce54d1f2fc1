/** Envoy: the edge. The first one listens on the edge's port, further ones on ports of their own. */
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { envoyBootstrap } from '../envoy/bootstrap.ts'
import { engineEnv } from './environment.ts'
import { writePrivate } from './files.ts'
import type { ProcessSpec } from './process.ts'
import { httpGet, httpPost, requireOk, until } from './ready.ts'
import type { MeshConfig } from './topology.ts'

const loopback = '127.0.0.1'

/** One Envoy. `name` is its node id, too. */
export function envoySpec(
  { home, ports, secrets, engines, env, bind, healthUrl }: MeshConfig,
  name: string,
  { edge, admin }: { edge: number; admin: number },
): ProcessSpec {
  const bootstrap = envoyBootstrap({
    nodeId: name,
    adminPort: admin,
    consoleHost: loopback,
    consolePort: ports.consoleGrpc,
    joinToken: secrets.joinToken,
    trustFile: home.trust,
    failover: { host: loopback, port: ports.failover },
    // The Console names the port of the first.
    tellAdminPort: true,
    edge: edge === ports.edge ? undefined : { host: bind, port: edge },
  })
  const file = join(home.envoy, `${name}.json`)
  writePrivate(file, JSON.stringify(bootstrap, null, 2))
  const adminUrl = `http://${loopback}:${admin}`
  const ownHealthUrl = Object.assign(new URL(healthUrl), { port: edge }).href
  return {
    name,
    command: engines.envoy,
    args: [
      ...['-c', file, '--concurrency', '1', '--log-level', 'warn'],
      ...['--log-format', '{"time":"%Y-%m-%dT%T.%e%z","level":"%l","logger":"%n","msg":"%j"}'],
      // Hot restart needs shared memory that only one Envoy of a machine may have.
      '--disable-hot-restart',
    ],
    cwd: home.folder,
    env: engineEnv(env),
    address: `${bind}:${edge}`,
    ready: signal =>
      until(async () => {
        await requireOk(`${adminUrl}/ready`)
        // Any answer will do: what it says concerns the whole mesh, not Envoy.
        await httpGet(ownHealthUrl)
      }, signal),
    drain: signal => drainEnvoy(adminUrl, signal),
    terminal: 'warn',
  }
}

const requestsUnderWay = 'http.edge.downstream_rq_active'

/** Lets clients go elsewhere, refuses new connections, and resolves when no request is under way. */
async function drainEnvoy(adminUrl: string, signal: AbortSignal): Promise<void> {
  await httpPost(`${adminUrl}/healthcheck/fail`)
  await httpPost(`${adminUrl}/drain_listeners`)
  while (!signal.aborted) {
    const { body } = await httpGet(`${adminUrl}/stats?filter=^${requestsUnderWay}$`)
    if (/: 0\s*$/.test(body)) return
    await delay(20)
  }
}
