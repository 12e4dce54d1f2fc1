/** The Console of the mesh on this machine, called over gRPC with the operator token. */
import { createSecureContext } from 'node:tls'
import { Client, credentials, type ServiceError as GrpcError, Metadata, status } from '@grpc/grpc-js'
import {
  type Change,
  DiagnosticsServiceService as diagnostics,
} from '@site11/proto/grpc/site11/console/v1/diagnostics_service.ts'
import {
  RegistryServiceService as registry,
  type SecretKind,
  type TrafficWeight,
} from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import { isConsole } from '@site11/runtime/identity.ts'
import { operatorTokenHeader } from '../console/server/operator.ts'
import { MeshError } from './errors.ts'
import { printable } from './render.ts'

/** What is over when the Console, or what it needs, is back. */
export class Unavailable extends MeshError {
  override name = 'Unavailable'
}

/** The Console does not answer; `why` says why not. */
export class ConsoleAway extends Unavailable {
  override name = 'ConsoleAway'
  readonly why: string

  constructor(address: string, why: string) {
    super(`The Console does not answer at ${address} (${why}). See what is wrong: npm run mesh -- diagnose`)
    this.why = why
  }
}

/** As long as the Console takes at most, or somewhat longer. ms. */
const answerMs = 5000
const operateMs = 12_000
const proofMs = 60_000
/** Added to how long the Console itself is to wait. ms. */
const roundTripMs = 2000

interface Method<Request, Response> {
  path: string
  requestSerialize(request: Request): Buffer
  responseDeserialize(bytes: Buffer): Response
}

export type ConsoleClient = ReturnType<typeof connectConsole>

/**
 * @param address of its gRPC port.
 * @param trustBundle the authorities of the mesh (PEM), so that the token goes to nobody else. Without it nobody is believed.
 * Every call throws ConsoleAway when nobody answers, and MeshError with the Console's sentence when it refuses.
 */
export function connectConsole(address: string, operatorToken: string, trustBundle: Buffer | undefined) {
  const context = createSecureContext({ ca: trustBundle ? [trustBundle] : [] })
  const transport = credentials.createFromSecureContext(context, { checkServerIdentity: isConsole })
  const client = new Client(address, transport, {
    'grpc.enable_channelz': 0,
    // An address is no name that a certificate is for.
    'grpc.ssl_target_name_override': 'console',
    'grpc.max_receive_message_length': -1,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 500,
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 5000,
  })
  const metadata = () => {
    const headers = new Metadata()
    headers.set(operatorTokenHeader, operatorToken)
    return headers
  }

  function call<Request, Response>(method: Method<Request, Response>, request: Request, timeoutMs = answerMs) {
    const { path, requestSerialize, responseDeserialize } = method
    return new Promise<Response>((resolve, reject) => {
      client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        metadata(),
        { deadline: Date.now() + timeoutMs },
        (error, response) => (error ? reject(meshError(error, address)) : resolve(response as Response)),
      )
    })
  }

  return {
    diagnose: () => call(diagnostics.diagnose, {}),
    beliefs: async () => (await call(diagnostics.listBeliefs, { service: '' })).instances,
    proxies: async () => (await call(registry.listProxies, {})).proxies,
    drain: (instance: string, reason: string) => call(registry.drainInstance, { instance, reason }, operateMs),
    resume: (instance: string) => call(registry.resumeInstance, { instance }, operateMs),
    remove: (instance: string) => call(registry.removeInstance, { instance }, operateMs),
    forget: (service: string) => call(registry.removeService, { service }, operateMs),
    instances: async (service: string) => (await call(registry.listInstances, { service })).instances,
    traffic: (service: string) => call(registry.getTraffic, { service }),
    setTraffic: (service: string, weights: TrafficWeight[]) =>
      call(registry.setTraffic, { service, weights }, operateMs),
    waitForAcks: (change: number, seconds: number) =>
      call(diagnostics.waitForAcks, { change, timeout: { seconds, nanos: 0 } }, seconds * 1000 + roundTripMs),
    changes: async (filter: string, pageSize: number): Promise<Change[]> =>
      (await call(diagnostics.listChanges, { filter, pageSize, pageToken: '' })).changes,
    rotate: (kind: SecretKind) => call(registry.rotateSecrets, { kind }, operateMs),
    verify: () => call(diagnostics.verifyChanges, {}, proofMs),
    /** Every change after this one, as it happens; the first value, undefined, says that the stream is set up. Ends with the signal. */
    async *watchChanges(after: number, signal: AbortSignal): AsyncGenerator<Change | undefined> {
      const { path, requestSerialize, responseDeserialize } = diagnostics.watchChanges
      const stream = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, { after }, metadata())
      const cancel = () => stream.cancel()
      signal.addEventListener('abort', cancel)
      try {
        for await (const { change } of stream) yield change
      } catch (error) {
        if (!signal.aborted) throw meshError(error as GrpcError, address)
      } finally {
        signal.removeEventListener('abort', cancel)
        stream.cancel()
      }
    },
    close: () => client.close(),
  }
}

/** What our own servers say carries details; without them it is the transport that speaks. */
function meshError(error: GrpcError, address: string): MeshError {
  const own = (error.metadata?.get('grpc-status-details-bin').length ?? 0) > 0
  if (own && error.code === status.UNAVAILABLE) return new Unavailable(printable(error.details))
  if (own) return new MeshError(printable(error.details))
  // grpc-js wraps what the system says in words of its own.
  const said = /Error: (.*?)\. Resolution note/.exec(error.details)?.[1] ?? error.details
  const why = error.code === status.DEADLINE_EXCEEDED ? 'no answer in time' : printable(said)
  return new ConsoleAway(address, why)
}
