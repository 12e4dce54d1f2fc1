/** Certificates of the mesh that the tests use, for whoever a test poses as behind the edge. */
import type { Identity } from '@site11/runtime/identity.ts'
import type { Peer } from '@site11/runtime/spiffe.ts'
import { identityIn } from '../console/server/ca/test-peer.ts'
import { homeOf } from '../mesh/home.ts'
import { portsFrom } from '../mesh/ports.ts'
import { loadSecrets } from '../mesh/secrets.ts'
import { mesh } from './api.ts'

/** Somebody with a certificate of this mesh, which ends in `lifeMs`. */
export function identityOf(peer: Peer, lifeMs?: number): Promise<Identity> {
  const { secretKey, mongo } = loadSecrets(homeOf(mesh.settings).secrets, [])
  const url = `mongodb://127.0.0.1:${portsFrom(String(mesh.port)).mongod}/console_db`
  return identityIn(url, Buffer.from(secretKey, 'base64'), peer, {
    auth: { username: 'console', password: mongo.passwords.console ?? '' },
    authSource: 'console_db',
    directConnection: true,
    ...(lifeMs !== undefined && { lifeMs }),
  })
}
