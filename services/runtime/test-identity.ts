/** For tests: an authority of its own, and the identities that it makes. */
import { createPublicKey } from 'node:crypto'
import { Client } from '@grpc/grpc-js'
import { createAuthority, issueLeaf, newKeyPair } from '../../console/server/ca/x509.ts'
import { createIdentity, type Identity } from './identity.ts'
import { type Peer, spiffeIdOf } from './spiffe.ts'

const minute = 60_000

export function createTestAuthority(name = 'test') {
  const validity = { from: new Date(Date.now() - minute), until: new Date(Date.now() + 60 * minute) }
  const authority = createAuthority(name, validity)
  /** PEM. `untilMs`: when it ends, from now. */
  const certificate = (peer: Peer | string, untilMs = 10 * minute, commonName = 'test') => {
    const { privateKey } = newKeyPair()
    const uri = typeof peer === 'string' ? peer : spiffeIdOf(peer)
    const leaf = { from: new Date(Date.now() - minute), until: new Date(Date.now() + untilMs) }
    const publicKey = createPublicKey(privateKey)
    const certificateChain = issueLeaf(authority, name, { name: commonName, uri, publicKey, validity: leaf })
    return { certificateChain, privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }
  }
  return {
    bundle: authority.certificate,
    certificate,
    /** A process that shows a certificate of this authority, and believes it or another bundle. */
    identity(peer: Peer | string, { trust = authority.certificate, untilMs = 10 * minute } = {}): Identity {
      const identity = createIdentity()
      const { certificateChain, privateKey } = certificate(peer, untilMs)
      identity.setTrust(trust)
      identity.setCertificate({ chain: certificateChain, privateKey })
      return identity
    },
  }
}

/** One for tests that need nothing but some. */
export const testAuthority = createTestAuthority()
export const testProxy = testAuthority.identity({ proxy: 'edge-1' })
export const testService = (service: string) => testAuthority.identity({ service, instance: `${service}-1` })

/** A client of the one server at an address, which has to be an instance of the service. */
export const clientTo = (address: string, service: string, identity = testProxy, options = {}) =>
  new Client(address, identity.channelTo(service), { 'grpc.ssl_target_name_override': service, ...options })
