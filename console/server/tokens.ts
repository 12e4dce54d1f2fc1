/** The tokens that the Console issues: access tokens for users (RFC 9068), internal tokens for services. */
import { randomUUID } from 'node:crypto'
import { accessAudience, internalAudience } from '@site11/runtime/caller.ts'
import { SignJWT } from 'jose'
import type { SigningKeys } from './keys/keys.ts'

const accessSeconds = 5 * 60
const internalSeconds = 60 * 60
/** An internal token is replaced when it has less than this to live. Holders may be out of reach for as long. */
const renewMs = 45 * 60_000

export interface AccessToken {
  token: string
  /** Seconds. */
  expiresIn: number
}

export interface InternalToken {
  token: string
  expireTime: Date
}

export interface Tokens {
  /** @returns a token that lets the user do what the scopes say, for five minutes. */
  access(grant: { userId: string; sessionId: string; scopes: string[] }): Promise<AccessToken>
  /** @returns a token that a service calls other services with, for an hour. */
  internal(service: string): Promise<InternalToken>
}

/** @param issuer the URL that the edge is reached at. */
export function createTokens(keys: SigningKeys, issuer: string, now: () => number = Date.now): Tokens {
  const sign = (typ: string, aud: string, sub: string, lifetime: number, claims: Record<string, string>) => {
    const { kid, privateKey } = keys.signer()
    const iat = Math.floor(now() / 1000)
    const payload = { iss: issuer, sub, aud, iat, exp: iat + lifetime, jti: randomUUID(), ...claims }
    return new SignJWT(payload).setProtectedHeader({ alg: 'ES256', typ, kid }).sign(privateKey)
  }
  return {
    async access({ userId, sessionId, scopes }) {
      const claims = { client_id: 'site11-console', scope: scopes.join(' '), sid: sessionId }
      return { token: await sign('at+jwt', accessAudience, userId, accessSeconds, claims), expiresIn: accessSeconds }
    },
    async internal(service) {
      const token = await sign('internal+jwt', internalAudience, `service:${service}`, internalSeconds, {})
      return { token, expireTime: new Date(now() + internalSeconds * 1000) }
    },
  }
}

/** @returns whether an internal token should be replaced. */
export function isDue({ expireTime }: InternalToken, nowMs: number): boolean {
  return expireTime.getTime() - nowMs < renewMs
}
