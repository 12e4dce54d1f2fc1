/** For tests: certificates of servers, which those of the mesh are not. */
import { createHash, createPublicKey } from 'node:crypto'
import { der, octets, oid, sequence } from '../ca/der.ts'
import { type Authority, certificateOf, createAuthority, issueLeaf, newKeyPair } from '../ca/x509.ts'

/** For the public listener, of an authority that nobody knows. PEM. Valid from yesterday until tomorrow. */
export function selfSigned(name: string): { certificateChain: string; privateKey: string } {
  const day = (offset: number) => new Date(Date.now() + offset * 86_400_000)
  const validity = { from: day(-1), until: day(1) }
  const { privateKey } = newKeyPair()
  const leaf = { name, uri: 'https://localhost', publicKey: createPublicKey(privateKey), validity }
  return {
    certificateChain: issueLeaf(createAuthority('unknown', validity), 'unknown', leaf),
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

/** For a server known by a DNS name. @param issuer the name that the authority was made with. PEM. Valid until tomorrow. */
export function hostCertificate({ privateKey: issuerKey }: Authority, issuer: string, host: string) {
  const { publicKey, privateKey } = newKeyPair()
  const spki = createPublicKey(issuerKey).export({ type: 'spki', format: 'der' })
  const names = octets(sequence(der(0x82, Buffer.from(host))))
  const cert = certificateOf({
    subject: host,
    issuer: { name: issuer, keyId: createHash('sha256').update(spki).digest().subarray(0, 20), privateKey: issuerKey },
    key: publicKey.export({ type: 'spki', format: 'der' }),
    validity: { from: new Date(Date.now() - 86_400_000), until: new Date(Date.now() + 86_400_000) },
    extensions: [sequence(oid('2.5.29.17'), names)],
  })
  return { cert, key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }
}
