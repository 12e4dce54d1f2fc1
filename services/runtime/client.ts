/**
 * Typed clients for calls between services: `createClient(UsersServiceService, ...)` gives one async function for each method.
 * Time limits and retries come from the contract; instances come from the registry, and those that fail are passed over; a service that
 * fails as a whole is not called for a moment. Deadline, cancellation and trace of the call that a handler has go along. Errors arrive
 * as ServiceError.
 *
 *   invoke.ts ──may it?──► target.ts (breaker.ts, retry-budget.ts)
 *      └─sends─► grpc-js ──which instance?──► balancer.ts (peer-health.ts) ◄──instances── peers.ts
 */
import { Client, type ServiceDefinition } from '@grpc/grpc-js'
import type { MethodPolicy } from '@site11/proto/es/site11/policy/v1/policy_pb.ts'
import { serviceConfigFor } from './balancer.ts'
import { methodAt } from './contract.ts'
import type { Identity } from './identity.ts'
import { type CallOptions, invoke } from './invoke.ts'
import { answerBytes } from './limits.ts'
import { scheme } from './peers.ts'
import { targetOf } from './target.ts'

export type { CallOptions } from './invoke.ts'

interface Unary {
  readonly path: string
  readonly requestStream: false
  readonly responseStream: false
  readonly requestSerialize: (value: never) => Buffer
  readonly responseDeserialize: (bytes: Buffer) => unknown
}

/** The unary methods of a service as async functions. They throw ServiceError. */
export type ClientOf<Definition> = {
  [Name in keyof Definition as Definition[Name] extends Unary ? Name : never]: Definition[Name] extends Unary
    ? (
        request: Parameters<Definition[Name]['requestSerialize']>[0],
        options?: CallOptions,
      ) => Promise<ReturnType<Definition[Name]['responseDeserialize']>>
    : never
} & { close(): void }

/** For methods whose contract sets no limit. ms. */
const defaultTimeoutMs = 10_000

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
    'grpc.service_config': serviceConfigFor(service),
    'grpc.initial_reconnect_backoff_ms': 100,
    // Only instances that the registry lists as healthy are tried: one that is back is to be found at once.
    'grpc.max_reconnect_backoff_ms': 250,
    'grpc.keepalive_time_ms': 60_000,
    // How large a request may be the server says, as its contract does.
    'grpc.max_receive_message_length': answerBytes,
  })
  const target = targetOf(service)
  const methods: Record<string, unknown> = { close: () => client.close() }
  for (const [name, described] of Object.entries(definition) as unknown as [string, Unary][]) {
    if (described.requestStream || described.responseStream) continue
    const { policy, path } = methodAt(described.path)
    const method = {
      client,
      target,
      token,
      path,
      serialize: described.requestSerialize,
      deserialize: described.responseDeserialize,
      timeoutMs: timeoutMsOf(policy) || defaultTimeoutMs,
      retriesOf: retriesOf(policy),
    }
    methods[name] = async (request: never, options: CallOptions = {}) => invoke(method, request, options)
  }
  return methods as ClientOf<Definition>
}

/** @returns 0 when the contract sets no limit. */
const timeoutMsOf = (policy: MethodPolicy | undefined) =>
  Number(policy?.timeout?.seconds ?? 0) * 1000 + (policy?.timeout?.nanos ?? 0) / 1e6

/** @returns how often a request may be sent again: a write only when it says which request it is. */
function retriesOf(policy: MethodPolicy | undefined): (request: { requestId?: string }) => number {
  const { attempts = 0, requiresRequestId = false } = policy?.retry ?? {}
  return request => (requiresRequestId && !request.requestId ? 0 : attempts)
}
