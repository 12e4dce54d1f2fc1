/** The services of the mesh, each with its instances and one state. Pure. */
import {
  HealthStatus,
  type InstanceBeliefs,
  type MeshHealth,
} from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import type { Instance } from '@site11/proto/es/site11/console/v1/registry_service_pb.ts'
import { healthOf, registryOf, type State, type StateName } from './state.ts'

/** The Console is an instance like others, but nothing takes it out of service. */
export const consoleService = 'console'

export interface InstanceView extends InstanceBeliefs {
  instance: Instance
  name: string
  /** What is shown where there is room for one state only: the worse of what registry and health check say. */
  state: State
}

export interface ServiceView {
  name: string
  state: State
  instances: InstanceView[]
  /** Those that requests are sent to. */
  serving: number
  /** Those that are not as they should be, the worst first. */
  ill: InstanceView[]
  /** Sorted. */
  versions: string[]
}

const byName = new Intl.Collator('en', { numeric: true }).compare
const badness: Record<StateName, number> = { failing: 0, degraded: 1, unknown: 2, starting: 3, draining: 4, healthy: 5 }

/** @returns the services sorted by name, those without an instance among them. */
export function servicesOf(instances: Iterable<InstanceBeliefs>, health: MeshHealth | undefined): ServiceView[] {
  const services = Map.groupBy([...instances].flatMap(viewOf), ({ instance }) => instance.service)
  for (const { service } of health?.services ?? []) if (!services.has(service)) services.set(service, [])
  const reasons = new Map(health?.services.map(({ service, status, reason }) => [service, { status, reason }]))
  return [...services]
    .map(([name, members]) => serviceOf(name, members, reasons.get(name)))
    .sort((a, b) => byName(a.name, b.name))
}

/** The same object for the same beliefs: what did not change is not drawn again. */
const views = new WeakMap<InstanceBeliefs, InstanceView>()

/** @returns the view of an instance; nothing for beliefs without one. */
export function viewOf(beliefs: InstanceBeliefs): InstanceView[] {
  const { instance, registered } = beliefs
  if (!instance) return []
  const known = views.get(beliefs)
  if (known) return [known]
  const state: State = registered
    ? worse(healthOf(instance), registryOf(instance))
    : { name: 'unknown', since: undefined, why: { key: 'notRegistered' } }
  const view = { ...beliefs, instance, name: instance.instance, state }
  views.set(beliefs, view)
  return [view]
}

const worse = (a: State, b: State | undefined) => (b && badness[b.name] < badness[a.name] ? b : a)

function serviceOf(
  name: string,
  instances: InstanceView[],
  told: { status: HealthStatus; reason: string } | undefined,
): ServiceView {
  const registered = instances.filter(each => each.registered)
  const serving = registered.filter(isServing).length
  const ill = instances
    .filter(({ state }) => ['failing', 'degraded', 'unknown'].includes(state.name))
    .sort((a, b) => badness[a.state.name] - badness[b.state.name] || byName(a.name, b.name))
  const versions = [...new Set(registered.map(({ instance }) => instance.version))].sort(byName)
  return { name, instances, serving, ill, versions, state: stateOf(registered, ill, serving, told) }
}

/** Requests are sent to those that the health check finds healthy, whether or not their stream is open. */
const isServing = ({ instance }: InstanceView) => ['healthy', 'degraded'].includes(healthOf(instance).name)

function stateOf(
  members: readonly InstanceView[],
  ill: readonly InstanceView[],
  serving: number,
  told: { status: HealthStatus; reason: string } | undefined,
): State {
  const [worst] = ill
  const first = (states: readonly State[]) => states.flatMap(({ since }) => since ?? []).sort((a, b) => +a - +b)[0]
  const why = worst?.state.why && { why: worst.state.why }
  if (members.length === 0) {
    const reason = told?.reason
    return { name: 'failing', since: undefined, why: reason ? { text: reason } : { key: 'noInstance' } }
  }
  if (serving === 0) {
    const states = members.map(({ state }) => state)
    const starting = states.every(({ name }) => name === 'starting')
    const whole = why ?? (states[0]?.why && { why: states[0].why })
    return { name: starting ? 'starting' : 'failing', since: first(states), ...whole }
  }
  if (worst) return { name: 'degraded', since: first(ill.map(({ state }) => state)), ...why }
  if (told?.status === HealthStatus.DEGRADED && told.reason)
    return { name: 'degraded', since: undefined, why: { text: told.reason } }
  const times = members.filter(isServing).flatMap(({ state }) => state.since ?? [])
  return { name: 'healthy', since: times.sort((a, b) => +b - +a)[0] }
}
