/** The operator at the command line of this machine, who shows a token instead of signing in. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { Caller } from '@site11/runtime/caller.ts'
import { unauthenticated } from '@site11/runtime/errors.ts'
import type { Authenticate } from '@site11/runtime/server.ts'

/** Metadata key of the operator token. It never passes the edge, which strips it. */
export const operatorTokenHeader = 'x-site11-operator-token'

const operator: Caller = Object.freeze({
  kind: 'user',
  userId: 'operator',
  sessionId: 'operator',
  scopes: new Set(['mesh:read', 'mesh:write']),
  // The last moment that a Date can hold.
  expiresAt: new Date(8.64e15),
})

/** @returns an authentication that takes the operator token, and leaves whoever shows none to `otherwise`. Without a token nobody is the operator. */
export function acceptOperatorToken(token: string | undefined, otherwise: Authenticate): Authenticate {
  const expected = token === undefined ? undefined : digest(token)
  return (metadata, peer) => {
    const [given] = metadata.get(operatorTokenHeader)
    if (given === undefined) return otherwise(metadata, peer)
    if (expected && timingSafeEqual(digest(String(given)), expected)) return operator
    throw unauthenticated(
      'TOKEN_INVALID',
      `The metadata ${operatorTokenHeader} does not hold the operator token of this mesh.`,
    )
  }
}

const digest = (text: string) => createHash('sha256').update(text).digest()
