/** For tests: a whole edge, that is control plane, Envoy, a users service and a dashboard, and clients for each of its protocols. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fromBinary } from '@bufbuild/protobuf'
import { anyUnpack } from '@bufbuild/protobuf/wkt'
import { ConnectError, createClient } from '@connectrpc/connect'
import { createGrpcWebTransport } from '@connectrpc/connect-web'
import { credentials, Metadata, type ServiceError } from '@grpc/grpc-js'
import { ErrorInfoSchema } from '@site11/proto/es/google/rpc/error_details_pb.ts'
import { StatusSchema } from '@site11/proto/es/google/rpc/status_pb.ts'
import { UsersService } from '@site11/proto/es/site11/users/v1/users_service_pb.ts'
import { UsersServiceClient } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import type { BootstrapOptions } from '../../../envoy/bootstrap.ts'
import type { MeshState } from './state.ts'
import {
  consoleContract,
  instance,
  meshState,
  signingKey,
  startControlPlane,
  startEnvoy,
  startUsers,
  usersContract,
} from './testbed.ts'

/** The origin that browsers may call from. */
export const origin = 'http://localhost:8000'

/** What a refusal says, the same over all protocols. */
export type Outcome = { code: number; reason: string; message: string }

export type Edge = Awaited<ReturnType<typeof startEdge>>

type Sent = { method?: string; token?: string; body?: string; headers?: Record<string, string> }

/** Starts it all; `reader` is a token that may read and write users. */
export async function startEdge(envoyOptions: Partial<BootstrapOptions> = {}, first: Partial<MeshState> = {}) {
  const joinToken = 'secret'
  const key = await signingKey('k1')
  const reader = await key.token('profile users:read users:write')
  const users = await startUsers('users-1')
  const dashboard = createServer((request, response) => response.end(`dashboard ${request.url}`))
  await once(dashboard.listen(0, '127.0.0.1'), 'listening')
  let plane = await startControlPlane(joinToken)

  /** The state that the edge starts with, with changes. */
  const state = (more: Partial<MeshState> = {}) =>
    meshState({
      services: [
        { name: 'users', contract: usersContract, instances: [instance('users-1', users.port)] },
        { name: 'console', contract: consoleContract, instances: [] },
      ],
      jwks: { keys: [key.jwk] },
      corsOrigins: [origin],
      dashboard: { address: '127.0.0.1', port: (dashboard.address() as AddressInfo).port },
      ...more,
    })

  let change = 0
  /** Publishes, and waits until Envoy has taken or refused it. */
  const publish = (more: Partial<MeshState> = {}) => {
    plane.controlPlane.publish(state(more), ++change)
    return plane.controlPlane.waitForAcks({ timeoutMs: 5_000 })
  }

  plane.controlPlane.publish(state(first), ++change)
  const envoy = await startEnvoy('edge-1', plane.port, joinToken, envoyOptions)
  await plane.controlPlane.waitForAcks({ timeoutMs: 5_000 })
  const url = (path: string) => `http://127.0.0.1:${envoy.edge}${path}`
  const grpc = new UsersServiceClient(`127.0.0.1:${envoy.edge}`, credentials.createInsecure())

  return {
    key,
    reader,
    users,
    envoy,
    grpc,
    url,
    state,
    publish,
    plane: () => plane,
    lastChange: () => change,
    rest: (path: string, sent?: Sent) => rest(url(path), sent),
    web: (token: string | undefined) => webClient(url(''), token),
    grpcCall: (token: string | undefined, id = 'u1', headers = {}) => grpcCall(grpc, token, id, headers),
    webCall: (token: string | undefined, id = 'u1') => webCall(url(''), token, id),
    /** Ends the control plane, runs what is given without one, and starts another in its place. */
    withoutControlPlane: async (meanwhile: () => Promise<void>) => {
      plane.stop()
      await meanwhile()
      plane = await startControlPlane(joinToken, { wantedPort: plane.port })
      plane.controlPlane.publish(state(), ++change)
      return plane.controlPlane
    },
    stop: async () => {
      grpc.close()
      await envoy.stop()
      plane.stop()
      users.stop()
      dashboard.close()
    },
  }
}

export function bearer(token: string | undefined): Record<string, string> {
  return token ? { authorization: `Bearer ${token}` } : {}
}

/** The metadata of a gRPC call. */
export function metadataOf(token: string | undefined, headers: Record<string, string> = {}): Metadata {
  const metadata = new Metadata()
  for (const [name, value] of Object.entries({ ...bearer(token), ...headers })) metadata.set(name, value)
  return metadata
}

export function restOutcome(body: {
  code: number
  message: string
  details: { reason: string; domain: string }[]
}): Outcome {
  const [info] = body.details
  if (info?.domain !== 'site11') throw new Error(`not an error of ours: ${JSON.stringify(body)}`)
  return { code: body.code, reason: info.reason, message: body.message }
}

async function rest(url: string, { method = 'GET', token, body, headers }: Sent = {}) {
  const all = { ...bearer(token), ...(body && { 'content-type': 'application/json' }), ...headers }
  const response = await fetch(url, { method, body: body ?? null, headers: all, redirect: 'manual' })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, json: () => JSON.parse(text) }
}

function grpcCall(client: UsersServiceClient, token: string | undefined, id: string, headers: Record<string, string>) {
  return new Promise<Outcome | { id: string }>(resolve => {
    client.getUser({ id }, metadataOf(token, headers), (error, response) =>
      resolve(error ? grpcOutcome(error) : { id: response.user?.id ?? '' }),
    )
  })
}

function grpcOutcome({ code, details, metadata }: ServiceError): Outcome {
  const [bytes] = metadata.get('grpc-status-details-bin')
  if (!(bytes instanceof Buffer)) return { code, reason: '', message: details }
  const [any] = fromBinary(StatusSchema, bytes).details
  return { code, reason: (any && anyUnpack(any, ErrorInfoSchema)?.reason) ?? '', message: details }
}

function webClient(baseUrl: string, token: string | undefined) {
  const send: typeof fetch = (input, init) => {
    const headers = new Headers(init?.headers)
    for (const [name, value] of Object.entries(bearer(token))) headers.set(name, value)
    return fetch(input, { ...init, headers })
  }
  return createClient(UsersService, createGrpcWebTransport({ baseUrl, fetch: send }))
}

async function webCall(baseUrl: string, token: string | undefined, id: string): Promise<Outcome | { id: string }> {
  try {
    return { id: (await webClient(baseUrl, token).getUser({ id })).user?.id ?? '' }
  } catch (cause) {
    const error = ConnectError.from(cause)
    return { code: error.code, reason: error.findDetails(ErrorInfoSchema)[0]?.reason ?? '', message: error.rawMessage }
  }
}
