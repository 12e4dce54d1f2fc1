/** What of the Console follows from the authorities: who it is itself, the certificates of proxies, and the files for those to come. */
import type { Identity } from '@site11/runtime/identity.ts'
import type { Log } from '@site11/runtime/log.ts'
import { failoverPeer } from '../../../envoy/trust.ts'
import { consoleService } from '../own.ts'
import { type Authorities, longestLeafMs } from './authorities.ts'
import { createCertificates, type KeyedCertificate } from './certificates.ts'
import { type TrustFiles, writeTrustFiles } from './trust-files.ts'

export interface MeshTrust {
  /** The same one until it is time for another. */
  certificateOfProxy(nodeId: string): KeyedCertificate
  /** Called now and then, and when the authorities change. */
  renew(): void
  /** What is wrong with the files, in words. */
  problem(): string | undefined
}

export interface MeshTrustOptions {
  authorities: Authorities
  /** Of the Console itself. */
  identity: Identity
  /** The Console's name. */
  instance: string
  files: TrustFiles
  log: Log
}

/** How long the Console's own certificate is valid. ms. */
const ownMs = 60 * 60_000

/** Keeps identity and files at what the authorities say, from now on. */
export function createMeshTrust({ authorities, identity, instance, files, log }: MeshTrustOptions): MeshTrust {
  const certificates = createCertificates(authorities)
  let problem: string | undefined

  function renew() {
    identity.setTrust(authorities.bundle())
    const { certificateChain, privateKey } = certificates({ service: consoleService, instance }, ownMs)
    identity.setCertificate({ chain: certificateChain, privateKey })
    try {
      // As long as that of a proxy: both are for when the Console is away.
      writeTrustFiles(files, authorities.bundle(), certificates(failoverPeer, longestLeafMs))
      problem = undefined
    } catch (error) {
      const reason = (error as Error).message
      if (!problem) log.error({ reason }, 'the authorities of the mesh cannot be written')
      problem = `Whoever starts now cannot know the Console, whose authorities cannot be written: ${reason}`
    }
  }
  renew()

  return {
    certificateOfProxy: nodeId => certificates({ proxy: nodeId }, longestLeafMs),
    renew,
    problem: () => problem,
  }
}
