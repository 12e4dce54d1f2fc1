/** What each part of the mesh believes of an instance, put side by side. Pure. */
import { EndpointStatus } from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import { consoleService, type InstanceView } from '../mesh/services.ts'
import { dateOf, healthOf, type State, type StateName } from '../mesh/state.ts'

export interface Belief {
  /** `registry`, `health` or the node id of a proxy. */
  who: string
  kind: 'registry' | 'health' | 'proxy'
  state: State
  /** The word for it: what a proxy does is not the same as being healthy. */
  says: Says
  /** Whether it does not go with what the registry says. */
  differs: boolean
}

export type Says =
  | 'notRegistered'
  | 'attached'
  | 'detached'
  | 'drained'
  | 'leaving'
  | 'healthy'
  | 'failing'
  | 'unchecked'
  | 'absent'
  | 'sends'
  | 'sendsNot'
  | 'drains'

const statuses: Partial<Record<EndpointStatus, { says: Says; name: StateName }>> = {
  [EndpointStatus.ABSENT]: { says: 'absent', name: 'unknown' },
  [EndpointStatus.HEALTHY]: { says: 'sends', name: 'healthy' },
  [EndpointStatus.UNHEALTHY]: { says: 'sendsNot', name: 'failing' },
  [EndpointStatus.DRAINING]: { says: 'drains', name: 'draining' },
}

/** @returns registry, health check, then each proxy. */
export function beliefsOf(view: InstanceView): Belief[] {
  const { instance, registered, proxies } = view
  const expected = expectedOf(view)
  return [
    registryBelief(view),
    ...(registered
      ? [
          {
            who: 'health',
            kind: 'health',
            ...checked(healthOf({ ...instance, draining: false, drainedBy: '', dependencies: [] })),
            differs: false,
          } as const,
        ]
      : []),
    ...proxies.map(({ nodeId, status, since }): Belief => {
      const { says, name } = statuses[status] ?? { says: 'absent', name: 'unknown' }
      return {
        who: nodeId,
        kind: 'proxy',
        says,
        state: { name, since: dateOf(since) },
        differs: status !== expected,
      }
    }),
  ]
}

function registryBelief({ instance, registered }: InstanceView): Belief {
  const belief = (says: Says, name: StateName, since: Date | undefined): Belief => ({
    who: 'registry',
    kind: 'registry',
    says,
    state: { name, since },
    differs: says === 'detached',
  })
  const { attached, seenTime, registerTime, drainTime, draining, drainedBy } = instance
  if (!registered) return belief('notRegistered', 'unknown', undefined)
  if (drainedBy) return belief('drained', 'draining', dateOf(drainTime))
  if (draining) return belief('leaving', 'draining', dateOf(drainTime))
  if (!attached) return belief('detached', 'unknown', dateOf(seenTime))
  return belief('attached', 'healthy', dateOf(registerTime))
}

function checked(state: State): { says: Says; state: State } {
  const says = state.name === 'healthy' ? 'healthy' : state.name === 'starting' ? 'unchecked' : 'failing'
  return { says, state }
}

/** What proxies are to do with it by what the registry has. They are always to reach the Console, which is who tells them. */
function expectedOf({ instance, registered }: InstanceView): EndpointStatus {
  if (!registered) return EndpointStatus.ABSENT
  if (instance.service === consoleService) return EndpointStatus.HEALTHY
  if (instance.draining || instance.drainedBy) return EndpointStatus.DRAINING
  const { name } = healthOf(instance)
  return name === 'healthy' || name === 'degraded' ? EndpointStatus.HEALTHY : EndpointStatus.UNHEALTHY
}
