/** What the Envoys of this machine themselves say: whether they are ready, and which endpoints they hold. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { reasonOf } from './errors.ts'
import { httpGet } from './ready.ts'

export interface EnvoyView {
  nodeId: string
  /** `host:port` of its admin page. */
  admin: string
  /** What it says of itself, such as `LIVE`; empty when it does not answer. */
  state: string
  /** Why it does not answer; empty when it does. */
  problem: string
  /** By service, the instances that it holds. */
  services: ReadonlyMap<string, ReadonlyMap<string, EnvoyEndpoint>>
}

export interface EnvoyEndpoint {
  address: string
  /** What it was told of it. */
  status: 'healthy' | 'unhealthy' | 'draining'
  /** Whether it sends it nothing for a while because requests to it failed. */
  ejected: boolean
}

type Bootstrap = {
  node?: { id?: unknown }
  admin?: { address?: { socket_address?: { address?: unknown; port_value?: unknown } } }
}

/** The Envoys that were started from this folder: their node ids and admin pages, by the bootstraps they were given. */
export function knownEnvoys(folder: string): { nodeId: string; admin: string }[] {
  const files = filesIn(folder).filter(name => name.endsWith('.json') && !name.endsWith('.snapshot.json'))
  return files.sort().flatMap(name => {
    try {
      const { node, admin }: Bootstrap = JSON.parse(readFileSync(join(folder, name), 'utf8'))
      const { address, port_value: port } = admin?.address?.socket_address ?? {}
      return typeof node?.id === 'string' && typeof address === 'string' && typeof port === 'number'
        ? [{ nodeId: node.id, admin: `${address}:${port}` }]
        : []
    } catch {
      // No bootstrap.
      return []
    }
  })
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/** Asks an Envoy. Never rejects: no answer is an answer. */
export async function askEnvoy({ nodeId, admin }: { nodeId: string; admin: string }): Promise<EnvoyView> {
  try {
    const ready = await httpGet(`http://${admin}/ready`)
    const clusters = await httpGet(`http://${admin}/clusters?format=json`)
    return { nodeId, admin, state: ready.body.trim(), problem: '', services: servicesIn(clusters.body) }
  } catch (error) {
    return { nodeId, admin, state: '', problem: reasonOf(error), services: new Map() }
  }
}

type Host = {
  hostname?: string
  address?: { socket_address?: { address?: string; port_value?: number } }
  health_status?: { eds_health_status?: string; failed_outlier_check?: boolean }
}
type Clusters = { cluster_statuses?: { name?: string; host_statuses?: Host[] }[] }

/** Clusters of services have the name of their service; the instances are the host names. */
const isService = (name: string) => /^[a-z][a-z0-9_]*$/.test(name)

/** Reads `/clusters?format=json`. */
export function servicesIn(body: string): EnvoyView['services'] {
  const { cluster_statuses: clusters = [] }: Clusters = JSON.parse(body)
  return new Map(
    clusters
      .filter(({ name = '' }) => isService(name))
      .map(({ name = '', host_statuses: hosts = [] }) => [
        name,
        new Map(hosts.map(host => [host.hostname ?? '', endpointOf(host)])),
      ]),
  )
}

function endpointOf({ address, health_status: health }: Host): EnvoyEndpoint {
  const { address: host = '', port_value: port = 0 } = address?.socket_address ?? {}
  const told = health?.eds_health_status
  return {
    address: `${host}:${port}`,
    status: told === 'DRAINING' ? 'draining' : told === 'UNHEALTHY' ? 'unhealthy' : 'healthy',
    ejected: health?.failed_outlier_check === true,
  }
}
