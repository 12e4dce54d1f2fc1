/** The health of the whole mesh as `/health` shows it: pure, from what registry and control plane know. */
import { type Proxy as ProxyMessage, ProxyProgress } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import type { Instance, State } from '../registry/registry.ts'
import { reasonOf } from './reason.ts'

/** Nobody could sign in without it: expected even before it was seen once. */
const indispensable = ['users']

/** How long a proxy may take to answer before that is worth telling. ms. */
const lagMs = 5000

type Status = 'healthy' | 'degraded' | 'failing'

interface InstanceReport {
  name: string
  status: 'healthy' | 'failing' | 'unknown' | 'draining'
  since: Date
  reason: string
  address: string
  version: string
}

export interface HealthReport {
  /** `degraded`: everything is served, but not all is as it should be. */
  status: Status
  services: { name: string; status: Status; reason: string; instances: InstanceReport[] }[]
  dependencies: { name: string; status: 'healthy' | 'failing'; reason: string; neededBy: string[] }[]
  proxies: { name: string; status: 'healthy' | 'degraded'; reason: string }[]
  /** What else is wrong. */
  problems: string[]
  checkedAt: Date
}

export interface HealthInput {
  registry: State
  /** The Console as one of the services. */
  own: Instance
  proxies: ProxyMessage[]
  /** Why the configuration of the proxies is not what the registry says, if so. */
  problems: string[]
  nowMs: number
}

export function healthReport({ registry, own, proxies, problems, nowMs }: HealthInput): HealthReport {
  const instances = [...registry.instances.values(), own]
  const names = [...new Set([...indispensable, ...registry.services.keys(), own.service])].sort()
  const services = names.map(name =>
    serviceReport(
      name,
      instances.filter(({ service }) => service === name),
    ),
  )
  const dependencies = dependenciesOf(instances)
  const proxyReports = proxies.map(proxy => proxyReport(proxy, nowMs))
  const all = [
    ...(proxies.length === 0 ? ['No proxy is connected: nothing reaches the services from outside.'] : []),
    ...problems,
  ]
  const failing = services.some(({ status }) => status === 'failing') || proxies.length === 0
  const green =
    all.length === 0 && [...services, ...dependencies, ...proxyReports].every(({ status }) => status === 'healthy')
  return {
    status: failing ? 'failing' : green ? 'healthy' : 'degraded',
    services,
    dependencies,
    proxies: proxyReports,
    problems: all,
    checkedAt: new Date(nowMs),
  }
}

function serviceReport(name: string, instances: Instance[]): HealthReport['services'][number] {
  const reports = instances.map(instanceReport).sort((a, b) => (a.name < b.name ? -1 : 1))
  // An instance that leaves is no fault as long as others serve.
  const staying = reports.filter(({ status }) => status !== 'draining')
  const healthy = staying.filter(({ status }) => status === 'healthy').length
  if (healthy === 0) {
    const reason =
      instances.length === 0
        ? 'no instance'
        : staying.length === 0
          ? 'every instance is drained'
          : 'no healthy instance'
    return { name, status: 'failing', reason, instances: reports }
  }
  const ill = staying.length - healthy
  return {
    name,
    status: ill > 0 ? 'degraded' : 'healthy',
    reason: ill > 0 ? `${ill} of ${staying.length} not healthy` : '',
    instances: reports,
  }
}

function instanceReport(instance: Instance): InstanceReport {
  const { health, draining, drained, address, version } = instance
  const status = draining || drained ? 'draining' : health.status
  return { name: instance.instance, status, since: health.since, reason: reasonOf(instance), address, version }
}

/** Each dependency once, as those who need it see it: failing when it is for any of them. */
function dependenciesOf(instances: Instance[]): HealthReport['dependencies'] {
  const seen = instances.flatMap(({ service, dependencies }) =>
    dependencies.map(dependency => ({ service, ...dependency })),
  )
  return [...Map.groupBy(seen, ({ name }) => name)]
    .map(([name, views]) => {
      const failing = views.find(({ healthy }) => !healthy)
      const neededBy = [...new Set(views.map(({ service }) => service))].sort()
      return {
        name,
        status: failing ? ('failing' as const) : ('healthy' as const),
        reason: failing?.reason ?? '',
        neededBy,
      }
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

function proxyReport(
  { nodeId, types, progress, progressSince }: ProxyMessage,
  nowMs: number,
): HealthReport['proxies'][number] {
  const refused = types.find(({ nackedVersion }) => nackedVersion !== '')
  if (refused) return { name: nodeId, status: 'degraded', reason: refused.nackReason }
  const waitingMs = progress === ProxyProgress.PROXY_PROGRESS_WAITING ? nowMs - (progressSince?.getTime() ?? nowMs) : 0
  if (waitingMs <= lagMs) return { name: nodeId, status: 'healthy', reason: '' }
  const seconds = Math.round(waitingMs / 1000)
  return { name: nodeId, status: 'degraded', reason: `has not taken its configuration for ${seconds} s` }
}
