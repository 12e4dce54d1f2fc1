/** What the registry means for those who route: proxies (the control plane's state) and services (their peers). */
import type { Peer } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import { accessAudience } from '@site11/runtime/caller.ts'
import type { JSONWebKeySet } from 'jose'
import type { ConsoleConfig } from './config.ts'
import type { InstanceState, MeshState } from './control-plane/state.ts'
import type { Tracing } from './control-plane/tracing.ts'
import { consoleService, type Own } from './own.ts'
import { defaultApiVersion } from './registry/model.ts'
import { type Instance, isServing, type State } from './registry/registry.ts'
import { contractInForce } from './trial.ts'

export interface MeshStateOptions {
  registry: State
  /** By their hash. */
  contracts: ReadonlyMap<string, Uint8Array>
  /** The services whose newest contract does not count yet. */
  waiting: ReadonlySet<string>
  jwks: JSONWebKeySet
  /** The certificate of the edge; without one it speaks plain HTTP. */
  tls: MeshState['tls'] | undefined
  trustBundle: string
  tracing?: Tracing | undefined
  config: ConsoleConfig
  own: Own
}

/** @returns the state that the proxies' configuration is made from. A service whose contract is not at hand is left out. */
export function meshStateFrom(options: MeshStateOptions): MeshState {
  const { registry, contracts, waiting, jwks, tls, trustBundle, tracing, config, own } = options
  const instances = Map.groupBy(registry.instances.values(), instance => instance.service)
  const services = [...registry.services].flatMap(([name, known]) => {
    const contract = contracts.get(contractInForce(name, known, waiting) ?? '')
    const own = (instances.get(name) ?? []).map(instanceState)
    return contract ? [{ name, contract, instances: own, traffic: known.traffic }] : []
  })
  return {
    services: [...services, { name: consoleService, contract: own.contract, instances: [ownInstance(config, own)] }],
    jwks,
    issuer: config.SITE11_PUBLIC_URL,
    audience: accessAudience,
    trustBundle,
    edge: { address: config.SITE11_EDGE_ADDRESS, port: config.SITE11_PORT },
    corsOrigins: originsOf(config),
    dashboard: { address: own.http.ip, port: own.http.port },
    ...(tls && { tls }),
    ...(tracing && { tracing }),
  }
}

/** @returns the instances that services may call, the Console among them. */
export function peersFrom(registry: State, own: Pick<Own, 'grpc'>): Peer[] {
  const serving = [...registry.instances.values()].filter(isServing)
  const peers = serving.map(({ service, ip, port }) => ({ service, address: `${ip}:${port}` }))
  return [...peers, { service: consoleService, address: `${own.grpc.ip}:${own.grpc.port}` }].sort((a, b) =>
    a.service === b.service ? compare(a.address, b.address) : compare(a.service, b.service),
  )
}

/** @returns the origins that a browser may call from: the edge's own, the dashboard in development, and those configured. */
export function originsOf(config: ConsoleConfig): string[] {
  const { SITE11_PUBLIC_URL, SITE11_PORT, SITE11_CORS_ORIGINS } = config
  const loopback = ['localhost', '127.0.0.1'].flatMap(host => [`http://${host}:${SITE11_PORT}`, `http://${host}:5173`])
  return [...new Set([new URL(SITE11_PUBLIC_URL).origin, ...loopback, ...SITE11_CORS_ORIGINS])]
}

const instanceStates = new WeakMap<Instance, InstanceState>()

/** The same object for the same instance: to see that nothing changed is cheap then. */
function instanceState(instance: Instance): InstanceState {
  const state = instanceStates.get(instance) ?? stateOf(instance)
  instanceStates.set(instance, state)
  return state
}

const stateOf = ({
  instance,
  ip,
  port,
  zone,
  version,
  apiVersion,
  health,
  draining,
  drained,
}: Instance): InstanceState => ({
  instance,
  host: ip,
  port,
  zone,
  version,
  apiVersion,
  healthy: health.status === 'healthy',
  draining: draining || drained !== undefined,
})

const ownInstance = (config: ConsoleConfig, { version, grpc }: Own): InstanceState => ({
  instance: config.SITE11_INSTANCE,
  host: grpc.ip,
  port: grpc.port,
  zone: config.SITE11_ZONE,
  version,
  apiVersion: defaultApiVersion,
  healthy: true,
  draining: false,
})

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
