/** Instances as the contract has them. */
import {
  InstanceHealth,
  type Instance as InstanceMessage,
} from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import { reasonOf } from '../health/reason.ts'
import { flapWindowMs, type Instance, leaseMs } from './model.ts'

const healths = {
  unknown: InstanceHealth.INSTANCE_HEALTH_UNSPECIFIED,
  healthy: InstanceHealth.INSTANCE_HEALTH_HEALTHY,
  failing: InstanceHealth.INSTANCE_HEALTH_FAILING,
}

export function instanceMessage(instance: Instance, nowMs: number): InstanceMessage {
  const { service, version, apiVersion, address, zone, startTime, registerTime, seenMs, contractHash } = instance
  const { health, healthChangesMs, draining, drainTime, drained, dependencies, calls } = instance
  return {
    service,
    instance: instance.instance,
    version,
    apiVersion,
    address,
    zone,
    startTime,
    seenTime: new Date(seenMs),
    contractHash,
    health: healths[health.status],
    healthSince: health.since,
    healthReason: reasonOf(instance),
    attached: instance.stream !== undefined,
    draining,
    dependencies,
    registerTime,
    leaseExpireTime: new Date(seenMs + leaseMs),
    drainTime: drained?.time ?? drainTime,
    drainedBy: drained?.by ?? '',
    drainReason: drained?.reason ?? '',
    clockOffset: durationOf(instance.clockOffsetMs),
    healthChanges: healthChangesMs.filter(ms => ms > nowMs - flapWindowMs).length,
    calls,
  }
}

/** Both parts of a negative duration are negative. */
const durationOf = (ms: number) => ({ seconds: Math.trunc(ms / 1000), nanos: Math.round(ms % 1000) * 1e6 })
