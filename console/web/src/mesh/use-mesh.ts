/** The mesh as the Console sees it, live: one stream for the whole page. */
import {
  DiagnosticsService,
  type InstanceBeliefs,
  type MeshHealth,
  type WatchMeshResponse,
} from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import type { Proxy as EdgeProxy } from '@site11/proto/es/site11/console/v1/registry_service_pb.ts'
import type { LiveSource } from '../api/live.ts'
import { mayCall } from '../api/policy.ts'
import { useLive } from '../api/use-live.ts'
import { useSession } from '../api/use-session.ts'
import { type MeshSummary, summaryOf } from './state.ts'

export interface Mesh {
  /** By name, sorted by service and name. */
  instances: ReadonlyMap<string, InstanceBeliefs>
  /** By node id, sorted. */
  proxies: ReadonlyMap<string, EdgeProxy>
  health: MeshHealth | undefined
  /** The id of the last change in the journal. */
  lastChange: bigint
  summary: MeshSummary
}

const { watchMesh } = DiagnosticsService.method
const byName = new Intl.Collator('en', { numeric: true }).compare

/** @returns the mesh with what a message says taken in. */
export function meshWith(mesh: Mesh | undefined, message: WatchMeshResponse): Mesh {
  const nothingNew =
    message.instances.length +
      message.removedInstances.length +
      message.proxies.length +
      message.removedProxies.length ===
    0
  if (mesh && nothingNew && !message.health) return { ...mesh, lastChange: message.lastChange }
  const instances = new Map(mesh?.instances)
  for (const name of message.removedInstances) instances.delete(name)
  for (const beliefs of message.instances) instances.set(beliefs.instance?.instance ?? '', beliefs)
  const proxies = new Map(mesh?.proxies)
  for (const nodeId of message.removedProxies) proxies.delete(nodeId)
  for (const proxy of message.proxies) proxies.set(proxy.nodeId, proxy)
  const registered = [...instances.values()].flatMap(({ instance, registered }) =>
    instance && registered ? [instance] : [],
  )
  return {
    instances: new Map(
      [...instances].sort(
        ([a, x], [b, y]) => byName(x.instance?.service ?? '', y.instance?.service ?? '') || byName(a, b),
      ),
    ),
    proxies: new Map([...proxies].sort(([a], [b]) => byName(a, b))),
    health: message.health ?? mesh?.health,
    lastChange: message.lastChange,
    summary: summaryOf(registered, [...proxies.values()]),
  }
}

/** The Console says something at least every five seconds. */
const mesh: LiveSource<typeof watchMesh.input, typeof watchMesh.output, Mesh> = {
  method: watchMesh,
  reduce: meshWith,
  silenceMs: 11_000,
}

/** @returns the mesh; `enabled` is false for those who may not see it. */
export function useMesh() {
  const enabled = mayCall(useSession(), watchMesh)
  return { enabled, ...useLive(mesh, enabled ? {} : undefined) }
}
