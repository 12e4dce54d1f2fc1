/**
 * What others have to read before they can talk to the Console, kept in files:
 *
 *   ca.pem              the authorities to believe: for instances and the command line
 *   ca.envoy.json       the same, as Envoy takes it from a file (SDS)
 *   envoy/failover.pem  certificate and key of the failover, which has no connection to the Console; for its owner only
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { envoyTrust, envoyTrustFileOf } from '../../../envoy/trust.ts'
import type { KeyedCertificate } from './certificates.ts'

export interface TrustFiles {
  /** The path of ca.pem; ca.envoy.json is beside it. */
  trust: string
  /** Where the snapshots of proxies are saved. */
  folder: string
}

/** Writes what differs. Each file is replaced as a whole. @throws Error of the file system. */
export function writeTrustFiles({ trust, folder }: TrustFiles, bundle: string, failover: KeyedCertificate): void {
  writeWhole(trust, bundle, 0o644)
  writeWhole(envoyTrustFileOf(trust), envoyTrust(bundle), 0o644)
  writeWhole(join(folder, 'failover.pem'), failover.privateKey + failover.certificateChain, 0o600)
}

function writeWhole(path: string, text: string, mode: number): void {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const temporary = `${path}.tmp`
  writeFileSync(temporary, text, { mode })
  renameSync(temporary, path)
}
