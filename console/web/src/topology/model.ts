/** What stands in the topology and who calls whom, from the control plane and the traffic. Pure. */
import { HealthStatus } from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import { CallState, type Instance } from '@site11/proto/es/site11/console/v1/registry_service_pb.ts'
import { healthOf, proxyState, registryOf, type State, type StateName } from '../mesh/state.ts'
import type { Mesh } from '../mesh/use-mesh.ts'
import { isOwnWork } from '../ui/why.ts'
import type { Flow } from './flows.ts'

export type Kind = 'clients' | 'edge' | 'service' | 'store' | 'group'

export interface Part {
  /** Unique, and the same for the life of the thing: `service/users`. */
  id: string
  kind: Kind
  name: string
  /** Undefined for what the mesh knows nothing of: the clients. */
  state: State | undefined
  /** Its instances, or proxies. */
  members: { name: string; state: StateName }[]
  /** Requests a second that it answers; undefined when there are no figures. */
  rate: number | undefined
  errors: number | undefined
  p95Ms: number | undefined
  /** Of a group: the names of those that are folded into it. */
  folded?: string[]
}

export interface Link {
  id: string
  from: string
  to: string
  /** Requests a second; undefined when there are no figures, 0 when nobody has called. */
  rate: number | undefined
  errors: number | undefined
  p95Ms: number | undefined
  /** What is wrong with it: a breaker that is open, a store that does not answer. */
  broken?: string
}

export interface Topology {
  parts: Part[]
  links: Link[]
}

export const clientsId = 'clients'
export const edgeId = 'edge'
const serviceId = (name: string) => `service/${name}`
const storeId = (name: string) => `store/${name}`

function stateName(status: HealthStatus): StateName {
  if (status === HealthStatus.HEALTHY) return 'healthy'
  if (status === HealthStatus.DEGRADED) return 'degraded'
  return status === HealthStatus.FAILING ? 'failing' : 'unknown'
}

const severity: readonly StateName[] = ['failing', 'degraded', 'draining', 'starting', 'unknown', 'healthy']
const worst = <T extends { name: StateName }>(states: T[]): T | undefined =>
  states.toSorted((a, b) => severity.indexOf(a.name) - severity.indexOf(b.name))[0]

/**
 * @param flows what the traffic says; undefined when nobody tells.
 * @param routed the services that the edge routes to; undefined when that is not known: then all.
 */
export function topologyFrom(
  mesh: Pick<Mesh, 'instances' | 'proxies' | 'health'>,
  flows: readonly Flow[] | undefined,
  routed: ReadonlySet<string> | undefined,
): Topology {
  const instances = [...mesh.instances.values()].flatMap(({ instance, registered }) =>
    instance && registered ? [instance] : [],
  )
  const byService = Map.groupBy(instances, ({ service }) => service)
  const health = new Map(mesh.health?.services.map(each => [each.service, each]))
  const services = [...new Set([...health.keys(), ...byService.keys()])].sort()
  const stores = mesh.health?.dependencies.filter(({ name }) => !isOwnWork(name)) ?? []

  const figures = (matches: (flow: Flow) => boolean) => (flows ? sumOf(flows.filter(matches)) : noFigures)
  const fromEdge = ({ caller }: Flow) => !services.includes(caller)
  const proxies = [...mesh.proxies.values()].map(proxy => ({ name: proxy.nodeId, state: proxyState(proxy) }))

  const parts: Part[] = [
    { id: clientsId, kind: 'clients', name: '', state: undefined, members: [], ...figures(fromEdge) },
    {
      id: edgeId,
      kind: 'edge',
      name: '',
      state: worst(proxies.map(({ state }) => state)) ?? { name: 'failing', since: undefined },
      members: proxies.map(({ name, state }) => ({ name, state: state.name })),
      ...figures(fromEdge),
    },
    ...services.map((name): Part => {
      const own = byService.get(name) ?? []
      return {
        id: serviceId(name),
        kind: 'service',
        name,
        state: serviceState(own, health.get(name)),
        members: own.map(instance => ({ name: instance.instance, state: memberState(instance) })),
        ...figures(({ service }) => service === name),
      }
    }),
    ...stores.map(
      ({ name, status, reason }): Part => ({
        id: storeId(name),
        kind: 'store',
        name,
        state: { name: stateName(status), since: undefined, ...(reason && { why: { text: reason } }) },
        members: [],
        ...noFigures,
      }),
    ),
  ]

  const links: Link[] = [
    linkOf(clientsId, edgeId, figures(fromEdge)),
    ...services
      .filter(name => !routed || routed.has(name) || flows?.some(flow => fromEdge(flow) && flow.service === name))
      .map(name =>
        linkOf(
          edgeId,
          serviceId(name),
          figures(flow => fromEdge(flow) && flow.service === name),
        ),
      ),
    ...callsBetween(instances, services, flows).map(([caller, callee, broken]) => {
      const found = figures(flow => flow.caller === caller && flow.service === callee)
      return { ...linkOf(serviceId(caller), serviceId(callee), found), ...(broken && { broken }) }
    }),
    ...stores.flatMap(({ name, neededBy }) =>
      neededBy
        .filter(service => services.includes(service))
        .map(service => {
          const missed = byService.get(service)?.flatMap(({ dependencies }) => dependencies)
          const broken = missed?.find(each => each.name === name && !each.healthy)?.reason
          return { ...linkOf(serviceId(service), storeId(name), noFigures), ...(broken && { broken }) }
        }),
    ),
  ]
  return { parts, links }
}

type Figures = Pick<Link, 'rate' | 'errors' | 'p95Ms'>
const noFigures: Figures = { rate: undefined, errors: undefined, p95Ms: undefined }

/** Of several flows: the sum of the rates, the share of all errors, the worst duration. */
function sumOf(flows: readonly Pick<Flow, 'rate' | 'errors' | 'p95Ms'>[]): Figures {
  const rate = flows.reduce((sum, flow) => sum + flow.rate, 0)
  const failed = flows.reduce((sum, flow) => sum + flow.rate * flow.errors, 0)
  const durations = flows.flatMap(({ p95Ms }) => p95Ms ?? [])
  return {
    rate,
    errors: rate > 0 ? failed / rate : 0,
    p95Ms: durations.length > 0 ? Math.max(...durations) : undefined,
  }
}

const linkOf = (from: string, to: string, figures: Figures): Link => ({ id: `${from}>${to}`, from, to, ...figures })

function serviceState(
  instances: readonly Instance[],
  health: { status: HealthStatus; reason: string } | undefined,
): State {
  const states = instances.map(healthOf)
  const worstOne = worst(states)
  if (!health) return worstOne ?? { name: 'unknown', since: undefined }
  const name = stateName(health.status)
  // As long as the worst of its instances is as it is; a healthy one as long as the last that became so.
  const since = states.filter(state => (name === 'healthy' ? state.name === name : state === worstOne))
  const times = since.flatMap(state => state.since?.getTime() ?? [])
  return {
    name,
    since: times.length > 0 ? new Date(Math.max(...times)) : undefined,
    ...(health.reason ? { why: { text: health.reason } } : worstOne?.why && { why: worstOne.why }),
  }
}

const memberState = (instance: Instance): StateName => {
  const { name } = healthOf(instance)
  return name === 'healthy' && registryOf(instance) ? 'unknown' : name
}

/** Who calls whom: what instances say of their calls, and what the traffic shows. With why calls are held back, if they are. */
function callsBetween(
  instances: readonly Instance[],
  services: readonly string[],
  flows: readonly Flow[] | undefined,
): [caller: string, callee: string, broken: string | undefined][] {
  const calls = new Map<string, [string, string, string | undefined]>()
  for (const { service: caller, calls: own } of instances) {
    for (const { service: callee, state, reason } of own) {
      if (!services.includes(callee) || callee === caller) continue
      const key = `${caller}>${callee}`
      const broken = state === CallState.OPEN ? reason || callee : undefined
      calls.set(key, [caller, callee, calls.get(key)?.[2] ?? broken])
    }
  }
  for (const { caller, service } of flows ?? []) {
    const key = `${caller}>${service}`
    if (services.includes(caller) && services.includes(service) && caller !== service && !calls.has(key))
      calls.set(key, [caller, service, undefined])
  }
  return [...calls.values()]
}

export interface Wanted {
  /** A part of the name of a service. */
  service?: string | undefined
  /** Only what is not healthy, and what leads there. */
  failing?: boolean | undefined
}

const isWell = ({ state }: Part) => state === undefined || state.name === 'healthy'
const isSound = ({ broken, errors }: Link) => !broken && !errors

/** @returns what is asked for, with what is linked to it. */
export function filtered({ parts, links }: Topology, { service, failing }: Wanted): Topology {
  if (!service && !failing) return { parts, links }
  const text = service?.toLowerCase() ?? ''
  const ill = new Set(links.filter(link => !isSound(link)).flatMap(({ from, to }) => [from, to]))
  const chosen = new Set(
    parts
      .filter(part => !failing || !isWell(part) || ill.has(part.id))
      .filter(({ kind, name }) => !text || (kind === 'service' && name.toLowerCase().includes(text)))
      .map(({ id }) => id),
  )
  const kept = links.filter(({ from, to }) => chosen.has(from) || chosen.has(to))
  const shown = new Set([...chosen, ...kept.flatMap(({ from, to }) => [from, to])])
  // What leads to the edge is only of interest with it.
  const entry = links.filter(({ from, to }) => from === clientsId && shown.has(to))
  for (const { from } of entry) shown.add(from)
  const linked = links.filter(({ from, to }) => shown.has(from) && shown.has(to))
  return { parts: parts.filter(({ id }) => shown.has(id)), links: linked }
}

/** More than this many at once nobody reads. */
export const mostParts = 50
const keptServices = 20
export const groupId = 'group'

/** @returns the same with the healthy services that have the least traffic folded into one part, when there are too many parts. */
export function folded(topology: Topology): Topology {
  const { parts, links } = topology
  if (parts.length <= mostParts) return topology
  const services = parts
    .filter(({ kind }) => kind === 'service')
    .toSorted((a, b) => Number(isWell(a)) - Number(isWell(b)) || (b.rate ?? 0) - (a.rate ?? 0))
  const away = services.slice(keptServices)
  const ids = new Set(away.map(({ id }) => id))
  const group: Part = {
    id: groupId,
    kind: 'group',
    name: '',
    state: worst(away.flatMap(({ state }) => state ?? [])),
    members: [],
    folded: away.map(({ name }) => name).sort(),
    ...(away.some(({ rate }) => rate !== undefined)
      ? sumOf(away.map(({ rate = 0, errors = 0, p95Ms }) => ({ rate, errors, p95Ms })))
      : noFigures),
  }
  const place = (id: string) => (ids.has(id) ? groupId : id)
  const merged = Map.groupBy(
    links.map(link => ({ ...link, from: place(link.from), to: place(link.to) })).filter(({ from, to }) => from !== to),
    ({ from, to }) => `${from}>${to}`,
  )
  return {
    parts: [...parts.filter(({ id }) => !ids.has(id)), group],
    links: [...merged].map(([id, [first, ...others]]) => {
      const all = [first as Link, ...others]
      const broken = all.find(link => link.broken)?.broken
      const figures = all.some(({ rate }) => rate !== undefined)
        ? sumOf(all.map(({ rate = 0, errors = 0, p95Ms }) => ({ rate, errors, p95Ms })))
        : noFigures
      const { from, to } = first as Link
      return { id, from, to, ...figures, ...(broken && { broken }) }
    }),
  }
}
