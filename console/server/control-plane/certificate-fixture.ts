/** For tests: a certificate for the public listener, of an authority that nobody knows. */
import { createPublicKey } from 'node:crypto'
import { createAuthority, issueLeaf, newKeyPair } from '../ca/x509.ts'

/** PEM. Valid from yesterday until tomorrow. */
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
