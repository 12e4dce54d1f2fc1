/** A mesh for tests in which nothing is wrong, to be changed by each. */
import {
  Instance,
  InstanceHealth,
  Proxy as ProxyMessage,
  ProxyProgress,
} from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import { instanceBeliefs, type ProxyEndpoints } from './beliefs.ts'
import type { DiagnosisInput } from './finding.ts'

export const nowMs = Date.UTC(2026, 0, 1, 12)
/** A time before now. */
export const ago = (seconds: number) => new Date(nowMs - seconds * 1000)

/** An attached, healthy instance, registered an hour ago, of the service that its name begins with. */
export function instance(name: string, change: Partial<Instance> = {}): Instance {
  return Instance.fromPartial({
    service: name.slice(0, name.lastIndexOf('-')),
    instance: name,
    version: '1.0.0',
    address: '127.0.0.1:8110',
    startTime: ago(3600),
    registerTime: ago(3600),
    seenTime: ago(1),
    leaseExpireTime: ago(-9),
    contractHash: 'a'.repeat(64),
    health: InstanceHealth.INSTANCE_HEALTH_HEALTHY,
    healthSince: ago(3500),
    attached: true,
    clockOffset: { seconds: 0, nanos: 0 },
    ...change,
  })
}

export const failing = (healthReason: string, change: Partial<Instance> = {}): Partial<Instance> => ({
  health: InstanceHealth.INSTANCE_HEALTH_FAILING,
  healthReason,
  healthSince: ago(60),
  ...change,
})

const typeUrl = 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment'
export const listenerType = 'type.googleapis.com/envoy.config.listener.v3.Listener'

type ResourceType = ProxyMessage['types'][number]
/** What a proxy was sent and has accepted, ten minutes ago. */
export const accepted = (change: Partial<ResourceType> = {}): ResourceType => ({
  typeUrl,
  sentVersion: 'v1',
  ackedVersion: 'v1',
  nackedVersion: '',
  nackReason: '',
  sentTime: ago(600),
  ackedTime: ago(600),
  nackedTime: undefined,
  nackedResources: [],
  nackChanges: [],
  ...change,
})

/** A proxy that has taken everything. */
export function proxy(nodeId: string, change: Partial<ProxyMessage> = {}): ProxyMessage {
  return ProxyMessage.fromPartial({
    nodeId,
    connectTime: ago(3600),
    client: 'envoy 1.40.0',
    types: [accepted()],
    progress: ProxyProgress.PROXY_PROGRESS_ACCEPTED,
    progressSince: ago(600),
    takenChange: 7,
    ...change,
  })
}

type Status = 'healthy' | 'unhealthy' | 'draining'
/** What a proxy has: endpoints by `<service>/<instance>`. */
export const endpoints = (nodeId: string, of: Record<string, Status>): ProxyEndpoints => ({
  nodeId,
  endpoints: new Map(Object.entries(of).map(([key, status]) => [key, { status, since: ago(600), version: 'v1' }])),
})

/** @returns what is diagnosed, with these instances, and proxies that have nothing but what is given. */
export function mesh(
  instances: Instance[],
  {
    accepted: has = [],
    proxies = [proxy('envoy-1')],
    ...change
  }: Partial<DiagnosisInput> & { accepted?: ProxyEndpoints[] } = {},
): DiagnosisInput {
  const services = [...new Set(instances.map(({ service }) => service))]
  return {
    beliefs: instanceBeliefs(instances, proxies, has),
    services: new Map(
      services.map(name => [name, { emptySinceMs: undefined, acceptedHash: 'a'.repeat(64), refused: undefined }]),
    ),
    expected: [],
    proxies,
    changes: [],
    refusals: [],
    deadLetters: [],
    journalProblem: undefined,
    controlPlaneProblems: [],
    configurationProblems: [],
    nowMs,
    ...change,
  }
}
