/** Who may attach: whoever shows the join token. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { joinTokenHeader } from '@site11/runtime/attach.ts'
import type { Caller } from '@site11/runtime/caller.ts'
import { unauthenticated } from '@site11/runtime/errors.ts'
import type { Authenticate } from '@site11/runtime/server.ts'

/** An instance before the Console knows which. No policy names it, so it may call only what is open to every service. */
const joining: Caller = Object.freeze({ kind: 'service', service: 'joining' })

export const isJoining = (caller: Caller) => caller === joining

/** @returns an authentication that takes the join token, and leaves whoever shows none to `otherwise`. */
export function acceptJoinToken(joinToken: string, otherwise: Authenticate): Authenticate {
  const expected = digest(joinToken)
  return (metadata, peer) => {
    const [given] = metadata.get(joinTokenHeader)
    if (given === undefined) return otherwise(metadata, peer)
    if (timingSafeEqual(digest(String(given)), expected)) return joining
    throw unauthenticated('TOKEN_INVALID', `The metadata ${joinTokenHeader} does not hold the join token of this mesh.`)
  }
}

const digest = (text: string) => createHash('sha256').update(text).digest()
