/**
 * Refresh tokens: `<session id>.<family>.<secret>`. The family stays the same for the life of a session and the secret changes at
 * each use, so that an earlier token of a session can be told from one that was never issued.
 */
import { createHash, randomBytes } from 'node:crypto'

export interface RefreshToken {
  sessionId: string
  family: string
  secret: string
}

export const newFamily = () => randomBytes(16).toString('base64url')
export const newSecret = () => randomBytes(32).toString('base64url')

export const textOf = ({ sessionId, family, secret }: RefreshToken) => `${sessionId}.${family}.${secret}`

/** @returns the parts of a token, or undefined when the text is none. */
export function parseRefreshToken(text: string): RefreshToken | undefined {
  const [, sessionId, family, secret] =
    /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.([\w-]{22})\.([\w-]{43})$/.exec(text) ?? []
  return sessionId && family && secret ? { sessionId, family, secret } : undefined
}

/** What is stored of a family or a secret. They have full entropy: nothing slower is needed. */
export const hashOf = (text: string) => createHash('sha256').update(text).digest('base64url')
