/** For tests: what the Console saves of a proxy. */
import { join } from 'node:path'
import { saveSnapshots } from '../console/server/control-plane/saved-snapshots.ts'
import { snapshotFrom, typeUrls } from '../console/server/control-plane/snapshot.ts'
import type { MeshState } from '../console/server/control-plane/state.ts'

/** Saves what a proxy has once it has accepted all of a state. `home` is SITE11_HOME. */
export function saveState(home: string, nodeId: string, state: MeshState): void {
  const snapshot = snapshotFrom(state)
  const accepted = typeUrls.map(typeUrl => {
    const resources = [...snapshot[typeUrl]].filter(([, resource]) => !resource.onDemand)
    return [typeUrl, { version: 'v1', resources: new Map(resources) }] as const
  })
  const log = { info: () => {}, warn: () => {} }
  const saved = saveSnapshots(join(home, 'envoy'), log)
  saved.save(nodeId, 1, Object.fromEntries(accepted))
  saved.close()
}
