/** A Console and its mongod as the mesh runs them, without the rest of the mesh. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { findEngines } from '@site11/mesh/engines.ts'
import { createHome, root } from '@site11/mesh/home.ts'
import { settingsFrom } from '@site11/mesh/mesh.ts'
import { mongodSpec } from '@site11/mesh/mongod.ts'
import { requireFree } from '@site11/mesh/ports.ts'
import { loadSecrets } from '@site11/mesh/secrets.ts'
import { createSupervisor } from '@site11/mesh/supervisor.ts'
import { consoleSpec } from '@site11/mesh/topology.ts'

export interface BareConsole {
  /** `host:port` of its gRPC side. */
  grpc: string
  /** Answers as soon as it has time to. */
  liveUrl: string
  joinToken: string
  /** The authorities of the mesh, PEM. */
  trust: string
  operatorToken: string
  pid(): number
  /** Ends its process as a crash does; another one follows. */
  kill(): void
  stop(): Promise<void>
}

/** @param profile a folder for a CPU profile of the Console, written when it stops. */
export async function startConsole(port: number, folder: string, profile: string | undefined): Promise<BareConsole> {
  const engines = process.env.SITE11_ENGINES ?? join(root, '.site11/engines')
  const env = { ...process.env, SITE11_PORT: String(port), SITE11_HOME: folder, SITE11_ENGINES: engines }
  const settings = settingsFrom(env)
  const { home, ports } = settings
  createHome(home)
  await requireFree(ports)
  const secrets = loadSecrets(home.secrets, ['console'])
  const found = await findEngines(home.engines, env, () => {}, new AbortController().signal)
  const spec = consoleSpec({ ...settings, secrets, engines: found })
  const supervisor = createSupervisor({
    logs: home.logs,
    print() {},
    watched: () => false,
    recorded() {},
    instance: () => Promise.reject(new Error('No services run here.')),
  })
  try {
    await supervisor.startStage([mongodSpec(found.mongod, ports.mongod, home, secrets)])
    const profiling = profile ? ['--cpu-prof', '--cpu-prof-dir', profile] : []
    await supervisor.startStage([
      {
        ...spec,
        args: [...profiling, ...spec.args],
      },
    ])
  } catch (error) {
    await supervisor.stop()
    throw error
  }
  const pid = () => {
    const found = supervisor.statuses().find(({ name }) => name === spec.name)?.pid
    if (found === undefined) throw new Error('The Console does not run.')
    return found
  }
  return {
    grpc: `127.0.0.1:${ports.consoleGrpc}`,
    liveUrl: `http://127.0.0.1:${ports.consoleHttp}/live`,
    joinToken: secrets.joinToken,
    trust: readFileSync(home.trust, 'utf8'),
    operatorToken: secrets.operatorToken,
    pid,
    kill: () => void process.kill(pid(), 'SIGKILL'),
    stop: supervisor.stop,
  }
}
