/**
 * Typed clients for calls between services: `createClient(UsersServiceService, ...)` gives one async function for each method.
 * Deadlines come from the contract, the trace goes along, and errors of the other service arrive as ServiceError.
 */
import { randomBytes } from 'node:crypto'
import { Client, type ServiceError as GrpcError, Metadata, type ServiceDefinition, status } from '@grpc/grpc-js'
import { methodAt } from './contract.ts'
import { detailsOf, type Reason, ServiceError, unavailable } from './errors.ts'
import type { Identity } from './identity.ts'
import { scheme } from './peers.ts'

export interface CallOptions {
  /** The trace that the call belongs to. */
  traceId?: string
  signal?: AbortSignal
  /** ms; shorter than the contract's. */
  timeoutMs?: number
}

interface Unary {
  readonly path: string
  readonly requestStream: false
  readonly responseStream: false
  readonly requestSerialize: (value: never) => Buffer
  readonly responseDeserialize: (bytes: Buffer) => unknown
}

/** The unary methods of a service as async functions. */
export type ClientOf<Definition> = {
  [Name in keyof Definition as Definition[Name] extends Unary ? Name : never]: Definition[Name] extends Unary
    ? (
        request: Parameters<Definition[Name]['requestSerialize']>[0],
        options?: CallOptions,
      ) => Promise<ReturnType<Definition[Name]['responseDeserialize']>>
    : never
} & { close(): void }

/**
 * @param service the name of the service, found through the registry.
 * @param token gives the internal token to call with.
 * @param identity who calls.
 */
export function createClient<Definition extends ServiceDefinition>(
  definition: Definition,
  service: string,
  token: () => string,
  identity: Pick<Identity, 'channelTo'>,
): ClientOf<Definition> {
  const client = new Client(`${scheme}:${service}`, identity.channelTo(service), {
    'grpc.enable_channelz': 0,
    'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
    'grpc.initial_reconnect_backoff_ms': 100,
    // Only instances that the registry lists as healthy are tried: one that is back is to be found at once.
    'grpc.max_reconnect_backoff_ms': 250,
    'grpc.keepalive_time_ms': 60_000,
  })
  const methods: Record<string, unknown> = { close: () => client.close() }
  for (const [name, described] of Object.entries(definition) as unknown as [string, Unary][]) {
    if (described.requestStream || described.responseStream) continue
    const { policy, path } = methodAt(described.path)
    const contractMs = Number(policy?.timeout?.seconds ?? 10) * 1000
    const attempts = 1 + (policy?.retry && !policy.retry.requiresRequestId ? policy.retry.attempts : 0)
    methods[name] = async (request: never, options: CallOptions = {}) => {
      const deadline = Date.now() + Math.min(contractMs, options.timeoutMs ?? contractMs)
      for (let attempt = 1; ; attempt++) {
        try {
          return await callOnce(client, described, request, { deadline, token: token(), ...options })
        } catch (error) {
          const again = (error as GrpcError).code === status.UNAVAILABLE && attempt < attempts && Date.now() < deadline
          if (!again) throw toServiceError(error as GrpcError, service, path)
          await new Promise(resolve => setTimeout(resolve, 50 * attempt))
        }
      }
    }
  }
  return methods as ClientOf<Definition>
}

function callOnce(
  client: Client,
  { path, requestSerialize, responseDeserialize }: Unary,
  request: never,
  { deadline, token, traceId, signal }: CallOptions & { deadline: number; token: string },
): Promise<unknown> {
  const metadata = new Metadata()
  metadata.set('authorization', `Bearer ${token}`)
  metadata.set('traceparent', `00-${traceId ?? randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-01`)
  return new Promise((resolve, reject) => {
    const call = client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      metadata,
      { deadline },
      (error, value) => (error ? reject(error) : resolve(value)),
    )
    signal?.addEventListener('abort', () => call.cancel(), { once: true })
  })
}

/** What the other service said goes on to our caller; what the transport said becomes UNAVAILABLE naming the service. */
function toServiceError(error: GrpcError, service: string, path: string): ServiceError {
  const found = detailsOf(error)
  if (!found?.info) return unavailable(`The service ${service} cannot be reached now. Try again in a moment.`)
  if (found.info.reason === 'CALLER_NOT_ALLOWED' || found.info.reason.startsWith('TOKEN_')) {
    return new ServiceError(status.INTERNAL, `${path} refused this service: ${error.details}`, { reason: 'INTERNAL' })
  }
  return new ServiceError(error.code, error.details, {
    reason: found.info.reason as Reason,
    metadata: found.info.metadata,
    violations: found.violations.map(({ field, description }) => ({ field, description })),
    ...(found.retryAfterMs !== undefined && { retryAfterMs: found.retryAfterMs }),
  })
}
