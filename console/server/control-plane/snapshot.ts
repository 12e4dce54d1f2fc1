/** state -> snapshot: everything that any proxy can be sent, encoded, each resource with a hash of its content. */
import { createHash } from 'node:crypto'
import { clustersFrom } from './clusters.ts'
import { contractsFrom } from './contract.ts'
import { encode, type Json } from './encode.ts'
import { assignment, endpointsFrom } from './endpoints.ts'
import { extensionsFrom } from './filters.ts'
import { listenersFrom } from './listeners.ts'
import { routesFrom } from './routes.ts'
import type { MeshState } from './state.ts'

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
] as const

export type TypeUrl = (typeof typeUrls)[number]

export const [clusterType, endpointType, listenerType, extensionType, routeType] = typeUrls

/** `value` is the binary message, `hash` that of its bytes. */
export type Resource = { name: string; value: Uint8Array; hash: string }

/** The resources of each type by name. */
export type Snapshot = Record<TypeUrl, ReadonlyMap<string, Resource>>

/** Pure: equal states give equal snapshots, in whatever order they list things. Throws a StateError. */
export function snapshotFrom(state: MeshState): Snapshot {
  const contracts = contractsFrom(state.services)
  return {
    [clusterType]: resources(clustersFrom(state)),
    [endpointType]: resources(endpointsFrom(state)),
    [listenerType]: resources(listenersFrom(state)),
    [extensionType]: resources(extensionsFrom(state, contracts)),
    [routeType]: resources(routesFrom(state, contracts)),
  }
}

/** The assignment of a cluster that nobody knows. */
export function emptyAssignment(cluster: string): Resource {
  return resource(assignment(cluster, []))
}

/** The version of a set of resources: a hash of what is in it. */
export function versionOf(set: Iterable<Resource>): string {
  const lines = [...set].map(({ name, hash }) => `${name} ${hash}`).sort()
  return sha256(lines.join('\n')).slice(0, 16)
}

function resources(list: Json[]): ReadonlyMap<string, Resource> {
  return new Map(list.map(resource).map(each => [each.name, each]))
}

function resource(json: Json): Resource {
  const name = String(json.name ?? json.cluster_name)
  const { value } = encode(name, json)
  return { name, value, hash: sha256(value) }
}

function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}
