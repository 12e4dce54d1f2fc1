/** For tests: what the Console saves of a proxy. */
import { join } from 'node:path'
import { writeTrustFiles } from '../console/server/ca/trust-files.ts'
import { saveSnapshots } from '../console/server/control-plane/saved-snapshots.ts'
import { snapshotFrom, typeUrls, withCertificate } from '../console/server/control-plane/snapshot.ts'
import { type MeshState, proxySecret, trustSecret } from '../console/server/control-plane/state.ts'
import { testAuthority } from '../services/runtime/test-identity.ts'
import { failoverPeer } from './trust.ts'

/** Leaves what the Console leaves for those who do not know it yet. @returns the path of ca.pem. `home` is SITE11_HOME. */
export function saveTrust(home: string): string {
  const trust = join(home, 'ca.pem')
  writeTrustFiles({ trust, folder: join(home, 'envoy') }, testAuthority.bundle, testAuthority.certificate(failoverPeer))
  return trust
}

/** Saves what a proxy has once it has accepted all of a state. `home` is SITE11_HOME. */
export function saveState(home: string, nodeId: string, state: MeshState): void {
  const snapshot = withCertificate(snapshotFrom(state), testAuthority.certificate({ proxy: nodeId }))
  const wanted = new Set([proxySecret, trustSecret])
  const accepted = typeUrls.map(typeUrl => {
    const resources = [...snapshot[typeUrl]].filter(([name, resource]) => !resource.onDemand || wanted.has(name))
    return [typeUrl, { version: 'v1', resources: new Map(resources) }] as const
  })
  const log = { info: () => {}, warn: () => {} }
  const saved = saveSnapshots(join(home, 'envoy'), log)
  saved.save(nodeId, 1, Object.fromEntries(accepted))
  saved.close()
}
