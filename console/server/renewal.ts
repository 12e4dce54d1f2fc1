/** Keys, authorities, certificates and the Console's own token: looked at now and then, renewed when they are due. */
import { ProxyProgress } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import type { Log } from '@site11/runtime/log.ts'
import type { ControlPlane } from './control-plane/server.ts'
import type { Known } from './known.ts'
import { consoleService } from './own.ts'
import type { Attachments } from './registry/service.ts'
import { isDue, type Tokens } from './tokens.ts'

/** How often they are looked at. ms. */
const renewMs = 10_000

export interface OwnToken {
  /** What the Console calls services with. */
  current(): string
  /** Replaces it when it is due. */
  renew(): Promise<void>
}

export async function createOwnToken(tokens: Tokens): Promise<OwnToken> {
  let token = await tokens.internal(consoleService)
  return {
    current: () => token.token,
    async renew() {
      if (isDue(token, Date.now())) token = await tokens.internal(consoleService)
    },
  }
}

interface RenewalOptions extends Pick<Known, 'keys' | 'authorities' | 'trust'> {
  token: OwnToken
  controlPlane: Pick<ControlPlane, 'certify' | 'proxies'>
  attachments: Pick<Attachments, 'push'>
  log: Log
}

/** @returns what ends it. */
export function keepRenewed(options: RenewalOptions): () => void {
  const { keys, authorities, trust, token, controlPlane, attachments, log } = options
  async function renew() {
    await token.renew()
    trust.renew()
    controlPlane.certify()
    await keys.rotate()
    // A proxy that lacks the next authority could not reach who is signed by it.
    const isTaken = controlPlane.proxies().every(({ progress }) => progress !== ProxyProgress.PROXY_PROGRESS_WAITING)
    if (isTaken) await authorities.rotate()
    attachments.push()
  }
  const renewing = setInterval(
    () =>
      renew().catch(error => log.warn({ reason: String(error) }, 'keys and tokens could not be renewed; trying again')),
    renewMs,
  )
  return () => clearInterval(renewing)
}
