/** The API as its callers have it: the same typed clients over REST, gRPC and gRPC-Web. */
import { type Client, Code, ConnectError, createClient, type Transport } from '@connectrpc/connect'
import { createGrpcWebTransport } from '@connectrpc/connect-web'
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from '@site11/proto/es/google/rpc/error_details_pb.ts'
import { AuthService } from '@site11/proto/es/site11/console/v1/auth_service_pb.ts'
import { DiagnosticsService } from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import { EventsService } from '@site11/proto/es/site11/console/v1/events_service_pb.ts'
import { OperationsService } from '@site11/proto/es/site11/console/v1/operations_service_pb.ts'
import { RegistryService } from '@site11/proto/es/site11/console/v1/registry_service_pb.ts'
import { MetricsService } from '@site11/proto/es/site11/statistics/v1/metrics_service_pb.ts'
import { ProductService } from '@site11/proto/es/site11/statistics/v1/product_service_pb.ts'
import { StatisticsService } from '@site11/proto/es/site11/statistics/v1/statistics_service_pb.ts'
import { UsersService } from '@site11/proto/es/site11/users/v1/users_service_pb.ts'
import { inject } from 'vitest'
import { grpcTransport } from './grpc.ts'
import { restTransport } from './rest.ts'

/** The mesh that test/setup.ts started. */
export const mesh = inject('mesh')

export const transports = ['REST', 'gRPC', 'gRPC-Web'] as const
export type TransportName = (typeof transports)[number]

/** Gives the access token to send with a call; undefined sends none. */
export type TokenSource = () => Promise<string | undefined>

export interface Api {
  users: Client<typeof UsersService>
  auth: Client<typeof AuthService>
  registry: Client<typeof RegistryService>
  diagnostics: Client<typeof DiagnosticsService>
  events: Client<typeof EventsService>
  operations: Client<typeof OperationsService>
  statistics: Client<typeof StatisticsService>
  metrics: Client<typeof MetricsService>
  product: Client<typeof ProductService>
}

export const nobody: TokenSource = async () => undefined

/** @returns clients of all services over one transport. `headers` go with every call. */
export function apiOver(name: TransportName, token: TokenSource = nobody, headers: Record<string, string> = {}): Api {
  const transport = withHeaders(transportTo(mesh.url, name), async () => {
    const bearer = await token()
    return bearer === undefined ? headers : { ...headers, authorization: `Bearer ${bearer}` }
  })
  return {
    users: createClient(UsersService, transport),
    auth: createClient(AuthService, transport),
    registry: createClient(RegistryService, transport),
    diagnostics: createClient(DiagnosticsService, transport),
    events: createClient(EventsService, transport),
    operations: createClient(OperationsService, transport),
    statistics: createClient(StatisticsService, transport),
    metrics: createClient(MetricsService, transport),
    product: createClient(ProductService, transport),
  }
}

function transportTo(base: string, name: TransportName): Transport {
  if (name === 'REST') return restTransport(base)
  if (name === 'gRPC') return grpcTransport(base)
  return createGrpcWebTransport({ baseUrl: base, defaultTimeoutMs: 20_000 })
}

function withHeaders(inner: Transport, headers: () => Promise<Record<string, string>>): Transport {
  const merged = async (own: HeadersInit | undefined) => {
    const all = new Headers(own)
    for (const [name, value] of Object.entries(await headers())) all.set(name, value)
    return all
  }
  return {
    unary: async (method, signal, timeoutMs, own, ...rest) =>
      inner.unary(method, signal, timeoutMs, await merged(own), ...rest),
    stream: async (method, signal, timeoutMs, own, ...rest) =>
      inner.stream(method, signal, timeoutMs, await merged(own), ...rest),
  }
}

/** An error as a program sees it. */
export interface Refusal {
  code: keyof typeof Code
  /** Of ErrorInfo; empty when there is none. */
  reason: string
  metadata: Record<string, string>
  /** The fields that BadRequest names. */
  fields: string[]
  retryAfterMs: number | undefined
  message: string
}

/** @returns how a call was refused. Throws when it was not, or when what came back is no error of the API. */
export async function refusalOf(call: Promise<unknown>): Promise<Refusal> {
  try {
    await call
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error
    const [info] = error.findDetails(ErrorInfoSchema)
    const [retry] = error.findDetails(RetryInfoSchema)
    return {
      code: Code[error.code] as keyof typeof Code,
      reason: info?.reason ?? '',
      metadata: info?.metadata ?? {},
      fields: error
        .findDetails(BadRequestSchema)
        .flatMap(({ fieldViolations }) => fieldViolations.map(({ field }) => field)),
      retryAfterMs: retry?.retryDelay && Number(retry.retryDelay.seconds) * 1000 + retry.retryDelay.nanos / 1e6,
      message: error.rawMessage,
    }
  }
  throw new Error('The call was not refused.')
}
