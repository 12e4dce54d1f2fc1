/**
 * Runs a service instance: gRPC server with health and reflection, attached to the Console, drained in order when it ends.
 */
import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import type { ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js'
import { ReflectionService } from '@grpc/reflection'
import { MetricsServiceService } from '@site11/proto/grpc/site11/statistics/v1/metrics_service.ts'
import { StatisticsServiceService } from '@site11/proto/grpc/site11/statistics/v1/statistics_service.ts'
import { attach } from './attach.ts'
import type { Cache } from './cache.ts'
import type { Handlers } from './call.ts'
import { authenticateWith, createVerifier } from './caller.ts'
import { createClient } from './client.ts'
import { trustFileOf } from './config.ts'
import { contractOf } from './contract.ts'
import { countCalls } from './count-calls.ts'
import { addHealth, type Health, type HealthOptions, type Probe } from './health.ts'
import { createIdentity, type Identity } from './identity.ts'
import type { Log } from './log.ts'
import { addService, closeServer, createServer, listen, type ServerOptions } from './server.ts'
import { logBreakers } from './target.ts'
import { startTelemetry } from './telemetry/telemetry.ts'

type Definition = ServiceDefinition<UntypedServiceImplementation>

export interface Service {
  definition: Definition
  add(server: ReturnType<typeof createServer>, options: ServerOptions): void
}

/** Ties a service of the contracts to its handlers. */
export function service<D extends Definition>(definition: D, handlers: Handlers<D>): Service {
  return { definition, add: (server, options) => addService(server, definition, handlers, options) }
}

/**
 * A service of somebody else's contract, such as one that Envoy calls. It has no policy, so it sees to it itself who calls; the Console
 * is not told of it.
 */
export type ForeignService = (server: ReturnType<typeof createServer>) => void

/** What of the configuration a server needs; `platformConfig` has it. */
export interface ServeConfig {
  SITE11_INSTANCE: string
  SITE11_LISTEN: { text: string }
  SITE11_ADVERTISE?: { text: string } | undefined
  SITE11_CONSOLE: { text: string }
  SITE11_JOIN_TOKEN: string
  SITE11_ZONE: string
  SITE11_HOME: string
  SITE11_CA?: string | undefined
  SITE11_METRICS_LISTEN?: { host: string; port: number; text: string } | undefined
}

export interface ServeOptions {
  /** The name of the service, such as `users`. */
  name: string
  version: string
  /** The version of the API that it serves, which callers choose with `X-API-Version`; 1.0 when it is not said. */
  apiVersion?: string
  config: ServeConfig
  log: Log
  /** Made with what calls to other services take: the token, once there is one, and who calls. */
  services(token: () => string, identity: Identity): Service[]
  foreign?: ForeignService[]
  /** For answers that are kept, where a policy says so. Whoever made it closes it. */
  cache?: Cache
  /** What the instance stands on; it serves only while all of it answers. */
  probes: Record<string, Probe>
  /** What the instance uses and can do without: shown in its health, and it serves whether or not these answer. */
  dispensable?: Record<string, Probe>
}

/** No connection outlives its certificates for long. Longer than Envoy keeps one by itself. ms. */
const connectionMs = 60 * 60_000

/** How long a stopping instance waits for the proxies, and then for its calls under way. Both ms. */
const drainMs = 3000
const graceMs = 5000

/** @returns a function that takes the instance out of service, finishes what is under way and closes. */
export async function serve(options: ServeOptions): Promise<() => Promise<void>> {
  const { config, log, name, version } = options
  const verifier = createVerifier()
  let token = (): string => {
    throw new Error('Not attached to the Console yet.')
  }
  const stopLogging = logBreakers(log)
  const identity = createIdentity()
  const services = options.services(() => token(), identity)
  const server = createServer(connectionMs)
  const authenticate = authenticateWith(verifier)
  const calls = countCalls({
    instance: config.SITE11_INSTANCE,
    version,
    send: createClient(StatisticsServiceService, 'statistics', () => token(), identity).reportCalls,
  })
  const telemetry = startTelemetry({
    service: name,
    instance: config.SITE11_INSTANCE,
    version,
    listen: config.SITE11_METRICS_LISTEN,
    send: createClient(MetricsServiceService, 'statistics', () => token(), identity).reportMetrics,
    log,
  })
  for (const each of services) each.add(server, { authenticate, log, onCall: calls.count, cache: options.cache })
  for (const add of options.foreign ?? []) add(server)
  const keys: Probe = async () => {
    if (!verifier.hasKeys()) throw new Error('no verification keys received yet')
  }
  const definitions = services.map(({ definition }) => definition)
  const health = addReflectionAndHealth(
    server,
    definitions,
    { ...options.probes, keys },
    { log, dispensable: options.dispensable ?? {} },
  )
  const port = await listen(server, config.SITE11_LISTEN.text, identity.server())
  const attachment = attach({
    console: config.SITE11_CONSOLE.text,
    joinToken: config.SITE11_JOIN_TOKEN,
    identity,
    trustFile: trustFileOf(config),
    log,
    hello: {
      service: name,
      instance: config.SITE11_INSTANCE,
      version,
      apiVersion: options.apiVersion ?? '1.0',
      address: (config.SITE11_ADVERTISE ?? config.SITE11_LISTEN).text.replace(/:0$/, `:${port}`),
      zone: config.SITE11_ZONE,
      startTime: new Date(Date.now() - process.uptime() * 1000),
      contract: Buffer.from(contractOf(definitions)),
    },
    // Keys come from the Console itself: it need not be told of them.
    dependencies: () => health.dependencies().filter(({ name }) => name !== 'keys'),
    onKeys(keys) {
      verifier.setKeys(keys)
      health.probeNow()
    },
    metrics: telemetry.page,
  })
  token = attachment.token
  log.info({ address: config.SITE11_LISTEN.text, version }, `${name} listens`)

  return async () => {
    health.leave()
    await attachment.drain(drainMs)
    await closeServer(server, graceMs)
    await calls.close()
    await telemetry.close()
    attachment.close()
    health.close()
    stopLogging()
  }
}

/** Adds reflection of the contracts, and health that follows the probes. */
export function addReflectionAndHealth(
  server: ReturnType<typeof createServer>,
  definitions: Definition[],
  probes: Record<string, Probe>,
  options: HealthOptions,
): Health {
  new ReflectionService(reflectable(contractOf(definitions))).addToServer(server)
  const names = definitions.map(definition => Object.values(definition)[0]?.path.split('/')[1] ?? '')
  return addHealth(server, names, probes, options)
}

/**
 * What ReflectionService takes. Not by way of proto-loader, which spoils the names of types in other packages; and without the
 * comments, which stand there without their places in the source, as clients in Go do not accept them.
 */
function reflectable(contract: Uint8Array): ConstructorParameters<typeof ReflectionService>[0] {
  const { file } = fromBinary(FileDescriptorSetSchema, contract)
  const fileDescriptorProtos = file.map(each =>
    Buffer.from(toBinary(FileDescriptorProtoSchema, { ...each, sourceCodeInfo: undefined })),
  )
  return { contract: { format: 'Protocol Buffer 3 DescriptorProto', type: {}, fileDescriptorProtos } }
}

/** Calls `close` once at SIGTERM or SIGINT and ends the process: code 0, or 1 when closing fails. */
export function closeOnSignal(log: Log, close: () => Promise<void>): void {
  let closing = false
  const end = async (signal: string) => {
    if (closing) return
    closing = true
    log.info({ signal }, 'stopping')
    try {
      await close()
      log.info('stopped')
      process.exitCode = 0
    } catch (error) {
      log.error({ err: error }, 'did not stop cleanly')
      process.exitCode = 1
    }
    log.flush()
    process.exit()
  }
  process.on('SIGTERM', end)
  process.on('SIGINT', end)
}
