/** What a proxy believes of the instances, by the endpoints that it has accepted. */
import { fromBinary, type Message } from '@bufbuild/protobuf'
import { dashboardCluster } from './clusters.ts'
import { messageType } from './encode.ts'
import type { Resource } from './snapshot.ts'

export type EndpointBelief = { status: 'healthy' | 'unhealthy' | 'draining'; since: Date; version: string }

/** `accepted`: the assignments by cluster. `services`: what follows, by service and instance. */
export type Beliefs = {
  accepted: ReadonlyMap<string, Resource>
  services: ReadonlyMap<string, ReadonlyMap<string, EndpointBelief>>
}

export const noBeliefs: Beliefs = { accepted: new Map(), services: new Map() }

/** The beliefs once these assignments are accepted. Only what differs from before is looked at, and gets a new time. */
export function withAccepted(
  before: Beliefs,
  accepted: ReadonlyMap<string, Resource>,
  version: string,
  since: Date,
): Beliefs {
  if (accepted === before.accepted) return before
  const services = new Map(before.services)
  for (const name of before.accepted.keys()) if (!accepted.has(name)) services.delete(name)
  for (const [name, resource] of accepted) {
    if (name === dashboardCluster || before.accepted.get(name) === resource) continue
    const known = before.services.get(name)
    const beliefs = [...statusesOf(resource)].map(([instance, status]): [string, EndpointBelief] => {
      const belief = known?.get(instance)
      return [instance, belief?.status === status ? belief : { status, since, version }]
    })
    services.set(name, new Map(beliefs))
  }
  return { accepted, services }
}

/** By `<service>/<instance>`. */
export function endpointsOf({ services }: Beliefs): ReadonlyMap<string, EndpointBelief> {
  const all = [...services].flatMap(([service, instances]) =>
    [...instances].map(([instance, belief]): [string, EndpointBelief] => [`${service}/${instance}`, belief]),
  )
  return new Map(all)
}

/** The part of a ClusterLoadAssignment that is read. */
type Assignment = Message & {
  endpoints: { lbEndpoints: { healthStatus: number; hostIdentifier: { value?: { hostname: string } } }[] }[]
}

const assignmentType = messageType('envoy.config.endpoint.v3.ClusterLoadAssignment')
/** Many proxies are sent the same object. */
const read = new WeakMap<Resource, ReadonlyMap<string, EndpointBelief['status']>>()

/** By the instance's name. */
function statusesOf(resource: Resource): ReadonlyMap<string, EndpointBelief['status']> {
  const known = read.get(resource)
  if (known) return known
  const { endpoints } = fromBinary(assignmentType, resource.value) as Assignment
  const all = endpoints.flatMap(({ lbEndpoints }) => lbEndpoints)
  const statuses = new Map(all.map(each => [each.hostIdentifier.value?.hostname ?? '', statusOf(each.healthStatus)]))
  read.set(resource, statuses)
  return statuses
}

/** envoy.config.core.v3.HealthStatus: UNKNOWN, HEALTHY, UNHEALTHY, DRAINING. */
function statusOf(healthStatus: number): EndpointBelief['status'] {
  if (healthStatus === 3) return 'draining'
  return healthStatus <= 1 ? 'healthy' : 'unhealthy'
}
