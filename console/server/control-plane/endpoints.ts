import { isIP } from 'node:net'
import { endpointLabels } from './access-log-export.ts'
import { clusterNames, dashboardCluster } from './clusters.ts'
import type { Json } from './encode.ts'
import { type InstanceState, type MeshState, StateError } from './state.ts'
import { endpointChoice, type Member, membersFrom } from './versions.ts'

/** The instances of each cluster, sorted by name. */
export function instancesFrom(state: MeshState): Map<string, Member[]> {
  const services = new Map(state.services.map(service => [service.name, membersFrom(service)]))
  services.set(dashboardCluster, [dashboardInstance(state)])
  const sorted = (name: string) => (services.get(name) ?? []).toSorted((a, b) => order(a.instance, b.instance))
  return new Map(clusterNames(state).map(name => [name, sorted(name)]))
}

/** All that the endpoints of these instances are made from, as text: made often, so by hand. */
export function endpointsKey(instances: readonly Member[]): string {
  let key = ''
  for (const { instance, host, port, zone, version, apiVersion, weight, healthy, draining } of instances) {
    const lengths = `${instance.length} ${zone.length} ${version.length} ${apiVersion.length}`
    const free = `${lengths} ${instance}${zone}${version}${apiVersion} ${weight}`
    key += `${free} ${host} ${port} ${healthy ? 'h' : ''}${draining ? 'd' : ''};`
  }
  return key
}

/**
 * The assignment of a cluster, empty when it has no instance: so Envoy does not wait for one. An instance that fails or leaves is
 * listed as such, not dropped, so that Envoy can tell "all unhealthy" from "unknown". Throws a StateError for an instance whose host is
 * not an IP address: Envoy would refuse the endpoints of all services for it.
 */
export function assignment(name: string, instances: Member[]): Json {
  for (const { instance, host, port } of instances) {
    if (isIP(host) === 0)
      throw new StateError(name, `the instance ${instance} has the host "${host}", which is not an IP address`)
    if (!(port >= 1 && port <= 65_535)) throw new StateError(name, `the instance ${instance} has the port ${port}`)
  }
  const zones = Map.groupBy(instances, instance => instance.zone)
  return {
    '@type': 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
    cluster_name: name,
    endpoints: [...zones.keys()].sort(order).map(zone => {
      const members = zones.get(zone) ?? []
      return {
        locality: { zone },
        // Without a weight, gRPC's own xDS clients leave a locality out.
        load_balancing_weight: members.length,
        lb_endpoints: members.map(endpoint),
      }
    }),
  }
}

function endpoint(member: Member): Json {
  const { instance, host, port, healthy, draining } = member
  return {
    endpoint: { address: { socket_address: { address: host, port_value: port } }, hostname: instance },
    health_status: draining ? 'DRAINING' : healthy ? 'HEALTHY' : 'UNHEALTHY',
    metadata: { filter_metadata: { ...endpointChoice(member), ...endpointLabels(member) } },
    ...(member.weight && { load_balancing_weight: member.weight }),
  }
}

function dashboardInstance({ dashboard }: MeshState): InstanceState {
  const instance = {
    instance: 'console',
    host: dashboard.address,
    port: dashboard.port,
    zone: '',
    version: '',
    apiVersion: '',
  }
  return { ...instance, healthy: true, draining: false }
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
