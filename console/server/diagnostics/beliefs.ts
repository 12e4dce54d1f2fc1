/** What registry, health check and every proxy believe of each instance, side by side. Pure. */
import {
  EndpointStatus,
  type InstanceBeliefs,
  type ProxyBelief,
} from '@site11/proto/grpc/site11/console/v1/diagnostics_service.ts'
import {
  Instance,
  InstanceHealth,
  type Proxy as ProxyMessage,
} from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import { dashboardCluster } from '../control-plane/clusters.ts'
import { consoleService } from '../own.ts'
import { compare, listed } from './words.ts'

const {
  ENDPOINT_STATUS_ABSENT: absent,
  ENDPOINT_STATUS_HEALTHY: healthy,
  ENDPOINT_STATUS_UNHEALTHY: unhealthy,
  ENDPOINT_STATUS_DRAINING: draining,
} = EndpointStatus
const statuses = { healthy, unhealthy, draining }

/** What a proxy has accepted: endpoints by `<service>/<instance>`. */
export interface ProxyEndpoints {
  nodeId: string
  endpoints: ReadonlyMap<string, { status: keyof typeof statuses; since: Date; version: string }>
}

/**
 * @param instances all that the registry has, the Console among them.
 * @returns one entry for each instance that the registry or a proxy knows, sorted by service and name.
 */
export function instanceBeliefs(
  instances: readonly Instance[],
  proxies: readonly Pick<ProxyMessage, 'nodeId' | 'client'>[],
  accepted: readonly ProxyEndpoints[],
): InstanceBeliefs[] {
  const clients = new Map(proxies.map(({ nodeId, client }) => [nodeId, client]))
  const views = accepted
    .filter(({ nodeId }) => clients.has(nodeId))
    .map(view => ({ ...view, services: servicesToJudge(view, clients.get(view.nodeId) ?? '') }))
    .sort((a, b) => compare(a.nodeId, b.nodeId))
  const known = new Map(instances.map(instance => [keyOf(instance), instance]))
  const keys = new Set([...known.keys(), ...views.flatMap(({ endpoints }) => [...endpoints.keys()].filter(isInstance))])
  return [...keys].sort(compare).map(key => {
    const [service = '', name = ''] = key.split('/')
    const registered = known.get(key)
    const beliefs = views.flatMap(({ nodeId, endpoints, services }): ProxyBelief[] => {
      const endpoint = endpoints.get(key)
      if (endpoint) return [{ ...endpoint, nodeId, status: statuses[endpoint.status] }]
      return services === 'all' || services.has(service)
        ? [{ nodeId, status: absent, since: undefined, version: '' }]
        : []
    })
    const disagreement = disagreementOf(registered, beliefs)
    return {
      instance: registered ?? Instance.fromPartial({ service, instance: name }),
      proxies: beliefs,
      agreed: disagreement === '',
      disagreement,
      registered: registered !== undefined,
    }
  })
}

const keyOf = ({ service, instance }: Pick<Instance, 'service' | 'instance'>) => `${service}/${instance}`
const isInstance = (key: string) => !key.startsWith(`${dashboardCluster}/`)

/** Envoy is given all services. Another client asks for those it calls: of others it need not know anything. */
function servicesToJudge({ endpoints }: ProxyEndpoints, client: string): 'all' | ReadonlySet<string> {
  if (client.startsWith('envoy')) return 'all'
  return new Set([...endpoints.keys()].map(key => key.split('/')[0] ?? ''))
}

export const isDrained = ({ drainedBy }: Instance) => drainedBy !== ''
export const isLeaving = ({ draining, drainedBy }: Instance) => draining && drainedBy === ''
export const isServing = ({ health, draining, drainedBy }: Instance) =>
  health === InstanceHealth.INSTANCE_HEALTH_HEALTHY && !draining && drainedBy === ''

/** @returns what a proxy is to do with an instance by what the registry has. */
function expectedOf(instance: Instance | undefined): EndpointStatus {
  if (!instance) return absent
  // Proxies are always to reach the Console, which is who tells them.
  if (instance.service === consoleService) return healthy
  if (instance.draining || isDrained(instance)) return draining
  return isServing(instance) ? healthy : unhealthy
}

/**
 * @returns `stale` when the proxy sends requests to an instance that is not to have any, `lacks` when it sends none to one that
 * serves; undefined when what it does is right.
 */
export function mistakeOf(
  { instance, registered }: InstanceBeliefs,
  { status }: ProxyBelief,
): 'stale' | 'lacks' | undefined {
  const expected = expectedOf(registered ? instance : undefined)
  if ((expected === healthy) === (status === healthy)) return undefined
  return expected === healthy ? 'lacks' : 'stale'
}

const registryHas: Record<number, string> = {
  [absent]: 'does not have it',
  [healthy]: 'has it serving',
  [unhealthy]: 'has it as not healthy',
  [draining]: 'has it as drained or leaving',
}
const asSeen: Record<number, string> = {
  [absent]: 'unknown',
  [healthy]: 'healthy and gets requests',
  [unhealthy]: 'failing',
  [draining]: 'draining',
}

function disagreementOf(instance: Instance | undefined, beliefs: ProxyBelief[]): string {
  const expected = expectedOf(instance)
  const others = beliefs.filter(({ status }) => status !== expected)
  const parts = [...Map.groupBy(others, ({ status }) => status)].map(
    ([status, some]) => `for ${listed(some.map(({ nodeId }) => nodeId))} it is ${asSeen[status]}`,
  )
  return parts.length === 0 ? '' : `The registry ${registryHas[expected]}; ${parts.join('; ')}.`
}
