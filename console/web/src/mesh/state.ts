/** From what the Console reports to what the pages say: pure, and the same everywhere. */
import type { Timestamp } from '@bufbuild/protobuf/wkt'
import {
  type Proxy as EdgeProxy,
  type Instance,
  InstanceHealth,
  ProxyProgress,
} from '@site11/proto/es/site11/console/v1/registry_service_pb.ts'

export type StateName = 'healthy' | 'degraded' | 'failing' | 'draining' | 'starting' | 'unknown'

/** A state is never shown without since when, and, when not healthy, why. */
export interface State {
  name: StateName
  since: Date | undefined
  /** A sentence of the Console's, or the name of one of ours (`mesh.why.*`). */
  why?: { text: string } | { key: WhyKey; values?: { name?: string; reason?: string; type?: string } }
}
type WhyKey =
  | 'draining'
  | 'drained'
  | 'drainedWhy'
  | 'notChecked'
  | 'noReason'
  | 'noStream'
  | 'notRegistered'
  | 'noInstance'
  | 'dependency'
  | 'pending'
  | 'refused'

export const dateOf = (time: Timestamp | undefined) => time && new Date(Number(time.seconds) * 1000 + time.nanos / 1e6)

/** @returns what the health check says of an instance, with what the instance says of itself. */
export function healthOf(instance: Instance): State {
  const { health, healthReason, healthSince, startTime, draining, drainTime, drainedBy, drainReason, dependencies } =
    instance
  const since = dateOf(healthSince)
  if (drainedBy) {
    const values = { name: drainedBy, reason: drainReason }
    return { name: 'draining', since: dateOf(drainTime), why: { key: drainReason ? 'drainedWhy' : 'drained', values } }
  }
  if (draining) return { name: 'draining', since, why: { key: 'draining' } }
  if (health === InstanceHealth.UNSPECIFIED) {
    return { name: 'starting', since: dateOf(startTime), why: { key: 'notChecked' } }
  }
  if (health === InstanceHealth.FAILING) {
    return { name: 'failing', since, why: healthReason ? { text: healthReason } : { key: 'noReason' } }
  }
  const missing = dependencies.find(({ healthy }) => !healthy)
  if (!missing) return { name: 'healthy', since }
  const values = { name: missing.name, reason: missing.reason }
  return { name: 'degraded', since, why: { key: 'dependency', values } }
}

/**
 * @returns what the registry believes where that differs from the health check: an instance that it has no stream to.
 * The two are shown side by side; neither overrules the other.
 */
export function registryOf({ attached, seenTime }: Instance): State | undefined {
  return attached ? undefined : { name: 'unknown', since: dateOf(seenTime), why: { key: 'noStream' } }
}

/** @returns whether a proxy has taken what it was sent. */
export function proxyState({ types, connectTime, progress, progressSince }: EdgeProxy): State {
  const since = dateOf(connectTime)
  const refused = types.find(({ nackedVersion }) => nackedVersion !== '')
  if (refused) {
    const values = { type: typeName(refused.typeUrl), reason: refused.nackReason }
    return { name: 'failing', since, why: { key: 'refused', values } }
  }
  if (progress === ProxyProgress.WAITING) {
    const pending = types.find(({ sentVersion, ackedVersion }) => sentVersion !== ackedVersion)
    const values = { type: typeName(pending?.typeUrl ?? '') }
    return { name: 'starting', since: dateOf(progressSince), why: { key: 'pending', values } }
  }
  return { name: 'healthy', since }
}

/** `type.googleapis.com/envoy.config.cluster.v3.Cluster` -> `Cluster`. */
export const typeName = (typeUrl: string) => typeUrl.slice(typeUrl.lastIndexOf('.') + 1)

export interface MeshSummary {
  name: StateName
  services: number
  instances: number
  proxies: number
  /** What is not as it should be, the worst first: names of services, instances and proxies. */
  failing: string[]
  degraded: string[]
  refusing: string[]
}

/** @returns the state of the whole: failing when a service has no instance that serves or no proxy is connected. */
export function summaryOf(instances: readonly Instance[], proxies: readonly EdgeProxy[]): MeshSummary {
  const services = Map.groupBy(instances, ({ service }) => service)
  const serves = (instance: Instance) => ['healthy', 'degraded'].includes(healthOf(instance).name)
  const failing = [...services].filter(([, members]) => !members.some(serves)).map(([service]) => service)
  const degraded = instances
    .filter(instance => !failing.includes(instance.service))
    .filter(instance => registryOf(instance) || ['degraded', 'failing'].includes(healthOf(instance).name))
    .map(({ instance }) => instance)
  const refusing = proxies.filter(proxy => proxyState(proxy).name === 'failing').map(({ nodeId }) => nodeId)
  const name =
    failing.length > 0 || proxies.length === 0
      ? 'failing'
      : degraded.length > 0 || refusing.length > 0
        ? 'degraded'
        : 'healthy'
  return {
    name,
    services: services.size,
    instances: instances.length,
    proxies: proxies.length,
    failing,
    degraded,
    refusing,
  }
}
