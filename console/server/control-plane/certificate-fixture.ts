/** For tests: a certificate that no authority has signed. */
import { createAuthority } from '../ca/x509.ts'

/** PEM. Valid from yesterday until tomorrow. */
export function selfSigned(commonName: string): { certificateChain: string; privateKey: string } {
  const day = (offset: number) => new Date(Date.now() + offset * 86_400_000)
  const { certificate, privateKey } = createAuthority(commonName, { from: day(-1), until: day(1) })
  return {
    certificateChain: certificate,
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}
