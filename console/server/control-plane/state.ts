/** What the control plane is told of the mesh. Everything Envoy is given follows from this value and from nothing else. */
import type { JSONWebKeySet } from 'jose'
import type { Tracing } from './tracing.ts'

export type MeshState = {
  services: ServiceState[]
  /** The keys that access tokens are verified with, public parts only. */
  jwks: JSONWebKeySet
  /** The `iss` and `aud` that an access token must carry. */
  issuer: string
  audience: string
  /** Where the public listener is. */
  edge: Address
  /** Makes the public listener one of TLS. PEM; the chain begins with the edge's own certificate. */
  tls?: { certificateChain: string; privateKey: string } | undefined
  /** The authorities that certificates inside the mesh are signed by. PEM. */
  trustBundle: string
  /** The origins that browsers may call from, such as `http://localhost:8000`. */
  corsOrigins: string[]
  /** The Console's plain HTTP port: dashboard, health, keys, documentation. */
  dashboard: Address
  /** Where spans go; requests are not traced without it. */
  tracing?: Tracing | undefined
}

/** The name of the public listener, its routes and its certificate. No service can have it. */
export const edgeName = 'edge'

/** The secrets that proxies show to instances, each its own, and know instances by. */
export const proxySecret = 'proxy'
export const trustSecret = 'trust'

export type ServiceState = {
  /** Such as `users`: the middle of its proto package, and the name of its cluster. */
  name: string
  /** A serialized google.protobuf.FileDescriptorSet of its own services, with all imports. */
  contract: Uint8Array
  instances: InstanceState[]
  /** How requests are spread over its versions; none when all instances get the same. */
  traffic?: readonly TrafficWeight[] | undefined
}

/** The share of one version, in percent. */
export type TrafficWeight = { version: string; percent: number }

export type InstanceState = {
  /** Such as `users-1`. */
  instance: string
  /** An IP address: endpoint discovery resolves no names. */
  host: string
  port: number
  zone: string
  version: string
  /** The version of the API that it serves, such as `1.0`. */
  apiVersion: string
  healthy: boolean
  draining: boolean
}

/** `address` is an IP address. */
export type Address = { address: string; port: number }

/** The state holds something that no configuration can be made of. The message says what, and whose it is. */
export class StateError extends Error {
  readonly service: string

  constructor(service: string, problem: string, cause?: unknown) {
    super(`${service}: ${problem}`, { cause })
    this.name = 'StateError'
    this.service = service
  }
}
