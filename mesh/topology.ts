/** What the mesh consists of on one machine: every process with its arguments, environment and readiness. */
import { join } from 'node:path'
import type { EngineName } from './engines.ts'
import { consoleEnv, serviceEnv } from './environment.ts'
import { type Home, root } from './home.ts'
import { mongodSpec } from './mongod.ts'
import type { Ports } from './ports.ts'
import type { ProcessSpec } from './process.ts'
import { requireListed, requireOk, requireOpen, until } from './ready.ts'
import { redisSpec } from './redis.ts'
import { metricsTokenOf, type Secrets, serviceKeyOf } from './secrets.ts'
import type { Service } from './services.ts'

export type MeshConfig = {
  home: Home
  ports: Ports
  /** Address the edge listens on. */
  bind: string
  publicUrl: string
  /** Where this machine asks the edge for the mesh's health. */
  healthUrl: string
  /** PEM files of the edge's certificate and key. */
  tls: { certificate: string; key: string } | undefined
  secrets: Secrets
  engines: Record<EngineName, string>
  services: Service[]
  /** The control socket of the supervisor, for the Console. */
  socket?: string
  /** What the operator has set. */
  env: NodeJS.ProcessEnv
}

/** Semi-spaces as small as the work allows, in MiB: they are resident, and a scavenge of a large one stretches the tail of latencies. */
const nodeFlags = (semiSpace: number) => ['--disable-warning=ExperimentalWarning', `--max-semi-space-size=${semiSpace}`]
const loopback = '127.0.0.1'

export function engineSpecs({ engines, ports, home, secrets }: MeshConfig): ProcessSpec[] {
  return [
    mongodSpec(engines.mongod, ports.mongod, home, secrets),
    redisSpec(engines.redis, ports.redis, home, secrets.redisPassword),
  ]
}

/** The Console, of this checkout or of another. */
export function consoleSpec(config: MeshConfig, folder = join(root, 'console/server')): ProcessSpec {
  const { ports, env, secrets, tls, socket } = config
  const http = `${loopback}:${ports.consoleHttp}`
  return {
    name: 'console',
    command: process.execPath,
    args: [...nodeFlags(2), 'main.ts'],
    cwd: folder,
    env: {
      ...consoleEnv(env),
      ...platformEnv(config, 'console', 'console-1', `${loopback}:${ports.consoleGrpc}`),
      SITE11_HTTP_LISTEN: http,
      SITE11_PORT: String(ports.edge),
      SITE11_EDGE_ADDRESS: config.bind,
      SITE11_SECRET_KEY: secrets.secretKey,
      SITE11_OPERATOR_TOKEN: secrets.operatorToken,
      SITE11_METRICS_TOKEN: env.SITE11_METRICS_TOKEN || metricsTokenOf(config.home.metricsToken),
      ...(socket && { SITE11_SUPERVISOR: socket }),
      ...(tls && { SITE11_TLS_CERTIFICATE: tls.certificate, SITE11_TLS_KEY: tls.key }),
    },
    address: http,
    ready: signal => until(() => requireOk(`http://${http}/live`), signal),
    terminal: 'info',
  }
}

/** One instance of a service, listening on `port`. */
export function instanceSpec(config: MeshConfig, service: Service, instance: string, port: number): ProcessSpec {
  const address = `${loopback}:${port}`
  return {
    name: instance,
    command: process.execPath,
    args: [...nodeFlags(16), 'main.ts'],
    cwd: service.folder,
    env: {
      ...serviceEnv(config.env),
      ...platformEnv(config, service.name, instance, address),
      SITE11_SECRET_KEY: serviceKeyOf(config.secrets, service.name),
    },
    address,
    ready: signal =>
      until(async () => {
        await requireOpen(port)
        // The Console asks it for its health, and others only with a certificate. From then on it is sent requests: the next one of
        // a rolling restart may go.
        await requireListed(`http://${loopback}:${config.ports.consoleHttp}/health`, instance)
      }, signal),
    terminal: 'info',
  }
}

/** What every process of ours is told. Secrets go this way and never among the arguments, which all users of a machine can read. */
function platformEnv(
  { home, ports, secrets, publicUrl, env }: MeshConfig,
  owner: string,
  instance: string,
  listen: string,
): NodeJS.ProcessEnv {
  const database = `${owner}_db`
  const mongo = `${owner}:${secrets.mongo.passwords[owner]}@${loopback}:${ports.mongod}`
  return {
    SITE11_INSTANCE: instance,
    SITE11_LISTEN: listen,
    SITE11_CONSOLE: `${loopback}:${ports.consoleGrpc}`,
    SITE11_JOIN_TOKEN: secrets.joinToken,
    SITE11_MONGO_URL: `mongodb://${mongo}/${database}?replicaSet=rs0&authSource=${database}`,
    SITE11_REDIS_URL: `redis://:${secrets.redisPassword}@${loopback}:${ports.redis}`,
    SITE11_HOME: home.folder,
    SITE11_CA: home.trust,
    SITE11_PUBLIC_URL: publicUrl,
    SITE11_LOG_LEVEL: env.SITE11_LOG_LEVEL || 'info',
  }
}
