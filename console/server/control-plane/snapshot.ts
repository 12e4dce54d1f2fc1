/** state -> snapshot: everything that any proxy can be sent, encoded, each resource with a hash of its content. */
import { createHash } from 'node:crypto'
import { clusterFrom } from './clusters.ts'
import { contractsFrom } from './contract.ts'
import { encode, type Json } from './encode.ts'
import { assignment, endpointsKey, instancesFrom } from './endpoints.ts'
import { jwtFrom, transcoderFrom, unknownFieldsFrom } from './filters.ts'
import { grpcClusterFrom, grpcListenerFrom, grpcRoutesFrom } from './grpc-clients.ts'
import { listenerFrom, proxySecretFrom, secretFrom, trustSecretFrom } from './listeners.ts'
import { routesFrom } from './routes.ts'
import { type Address, edgeName, type InstanceState, type MeshState, proxySecret } from './state.ts'
import { otlpClusterFrom } from './tracing.ts'
import { versionsFrom } from './versions.ts'

/**
 * In the order in which a change must reach a proxy: a cluster, its endpoints, then what refers to it.
 * Take care: the protocol (ads.ts) sends in this order.
 */
export const typeUrls = [
  'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
  'type.googleapis.com/envoy.config.listener.v3.Listener',
  'type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig',
  'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
  'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
] as const

export type TypeUrl = (typeof typeUrls)[number]

export const [clusterType, endpointType, listenerType, extensionType, routeType, secretType] = typeUrls

/** `value` is the binary message, `hash` that of its bytes. `onDemand`: only for who asks for it by name. */
export type Resource = { name: string; value: Uint8Array; hash: string; onDemand?: boolean }

/** The resources of each type by name. */
export type Snapshot = Record<TypeUrl, ReadonlyMap<string, Resource>>

type EndpointsKey = { instances: readonly InstanceState[]; key: string }

/**
 * The resources of the last snapshot, by all that each is made from, and its maps. What did not change is not made again: an
 * instance that comes or goes costs its own service's endpoints, whatever the size of the mesh.
 */
let last: {
  resources: Map<string, Resource>
  endpointKeys: Map<string, EndpointsKey>
  snapshot: Snapshot | undefined
} = {
  resources: new Map(),
  endpointKeys: new Map(),
  snapshot: undefined,
}

/**
 * Pure: equal states give equal snapshots, in whatever order they list things. What is equal to the snapshot before is the same
 * object, down to the whole map of a type. Throws a StateError.
 */
export function snapshotFrom(state: MeshState): Snapshot {
  const { jwks, issuer, audience, tls, tracing } = state
  const resources = new Map<string, Resource>()
  const make = (key: string, json: () => Json, onDemand = false) => {
    const made = last.resources.get(key) ?? resource(json(), onDemand)
    resources.set(key, made)
    return made
  }
  const endpointKeys = new Map<string, EndpointsKey>()
  const keyOf = (name: string, instances: readonly InstanceState[]) => {
    const before = last.endpointKeys.get(name)
    const made =
      before?.instances.length === instances.length && instances.every((each, at) => each === before.instances[at])
        ? before
        : { instances, key: `endpoints ${name} ${endpointsKey(instances)}` }
    endpointKeys.set(name, made)
    return made.key
  }
  const contracts = contractsFrom(state.services)
  const clusters = instancesFrom(state)
  const services = state.services.map(({ name }) => name).sort()
  const versions = versionsFrom(state.services)
  const origins = [...new Set(state.corsOrigins)].sort()
  const onDemand = (kind: string, from: (service: string) => Json) =>
    services.map(name => make(`${kind} ${name}`, () => from(name), true))
  const lists: Record<TypeUrl, Resource[]> = {
    [clusterType]: [
      ...[...clusters.keys()].map(name => make(`cluster ${name}`, () => clusterFrom(name))),
      ...(tracing ? [make(`otlp ${JSON.stringify(tracing)}`, () => otlpClusterFrom(tracing))] : []),
      ...onDemand('grpc cluster', grpcClusterFrom),
    ],
    [endpointType]: [...clusters].map(([name, instances]) =>
      make(keyOf(name, instances), () => assignment(name, instances)),
    ),
    [listenerType]: [
      make(`listener ${state.edge.address} ${state.edge.port} ${tls !== undefined} ${JSON.stringify(tracing)}`, () =>
        listenerFrom(state.edge, tls !== undefined, tracing),
      ),
      ...onDemand('grpc listener', grpcListenerFrom),
    ],
    [extensionType]: [
      make(`unknown fields ${contracts.hash}`, () => unknownFieldsFrom(contracts)),
      make(`transcoder ${contracts.hash}`, () => transcoderFrom(contracts)),
      make(`jwt ${JSON.stringify([jwks, issuer, audience])}`, () => jwtFrom(state)),
    ],
    [routeType]: [
      make(`routes ${contracts.hash} ${JSON.stringify([origins, versions])}`, () =>
        routesFrom(state, contracts, versions),
      ),
      ...onDemand('grpc routes', grpcRoutesFrom),
    ],
    [secretType]: [
      ...(tls ? [make(`secret ${sha256(JSON.stringify(tls))}`, () => secretFrom(tls))] : []),
      make(`trust ${sha256(state.trustBundle)}`, () => trustSecretFrom(state.trustBundle), true),
    ],
  }
  const entries = typeUrls.map(type => [type, asBefore(last.snapshot?.[type], lists[type])])
  const snapshot = Object.fromEntries(entries) as Snapshot
  last = { resources, endpointKeys, snapshot }
  return snapshot
}

/** The snapshot for a proxy whose public listener is elsewhere than those of the others. Pure; equal arguments give the same maps. */
export function withEdge(snapshot: Snapshot, edge: Address, tls: boolean): Snapshot {
  const base = snapshot[listenerType]
  const moved = movedListeners.get(base) ?? new Map<string, ReadonlyMap<string, Resource>>()
  movedListeners.set(base, moved)
  const key = JSON.stringify([edge, tls])
  const listeners = moved.get(key) ?? new Map([...base, [edgeName, resource(listenerFrom(edge, tls), false)]])
  moved.set(key, listeners)
  return { ...snapshot, [listenerType]: listeners }
}

const movedListeners = new WeakMap<ReadonlyMap<string, Resource>, Map<string, ReadonlyMap<string, Resource>>>()

/** The snapshot for a proxy with the certificate that it is to show to instances. Pure; equal arguments give the same maps. */
export function withCertificate(snapshot: Snapshot, certificate: NonNullable<MeshState['tls']>): Snapshot {
  const base = snapshot[secretType]
  const known = certified.get(base) ?? new Map<string, ReadonlyMap<string, Resource>>()
  certified.set(base, known)
  const secrets =
    known.get(certificate.certificateChain) ??
    new Map([...base, [proxySecret, resource(proxySecretFrom(certificate), true)]])
  known.set(certificate.certificateChain, secrets)
  return { ...snapshot, [secretType]: secrets }
}

const certified = new WeakMap<ReadonlyMap<string, Resource>, Map<string, ReadonlyMap<string, Resource>>>()

/** The assignment of a cluster that nobody knows. */
export function emptyAssignment(cluster: string): Resource {
  return resource(assignment(cluster, []), false)
}

/** The version of a set of resources: a hash of what is in it. */
export function versionOf(set: Iterable<Resource>): string {
  const lines = [...set].map(({ name, hash }) => `${name} ${hash}`).sort()
  return sha256(lines.join('\n')).slice(0, 16)
}

function asBefore(before: ReadonlyMap<string, Resource> | undefined, list: Resource[]): ReadonlyMap<string, Resource> {
  if (before?.size === list.length && list.every(each => before.get(each.name) === each)) return before
  return new Map(list.map(each => [each.name, each]))
}

function resource(json: Json, onDemand: boolean): Resource {
  const name = String(json.name ?? json.cluster_name)
  const { value } = encode(name, json)
  return { name, value, hash: sha256(value), ...(onDemand && { onDemand }) }
}

function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}
