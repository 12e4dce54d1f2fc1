/** The token check of the peers: the same key, issuer, audience, algorithm and scopes as in the mesh. */
import { createLocalJWKSet, type JSONWebKeySet, type JWTPayload, jwtVerify } from 'jose'

export type Scope = 'users:read' | 'users:write'

/** Rejects unless the header holds a good token with the scope. */
export type TokenCheck = (authorization: string | undefined, scope: Scope) => Promise<void>

export class Refused extends Error {
  readonly statusCode: number

  constructor(statusCode: number, message: string) {
    super(message)
    this.statusCode = statusCode
  }
}

/** @param cached whether a token that was verified before is believed until it expires, or verified with each request. */
export function createTokenCheck(jwks: JSONWebKeySet, issuer: string, cached: boolean): TokenCheck {
  const findKey = createLocalJWKSet(jwks)
  const verified = new Map<string, JWTPayload>()

  async function payloadOf(token: string): Promise<JWTPayload> {
    const known = cached ? verified.get(token) : undefined
    if (known && (known.exp ?? 0) * 1000 > Date.now()) return known
    const { payload } = await jwtVerify(token, findKey, {
      issuer,
      audience: 'site11',
      algorithms: ['ES256'],
      typ: 'at+jwt',
      requiredClaims: ['exp', 'sub'],
    }).catch(() => {
      throw new Refused(401, 'The token is not valid.')
    })
    if (cached) verified.set(token, payload)
    return payload
  }

  return async (authorization, scope) => {
    if (!authorization?.startsWith('Bearer ')) throw new Refused(401, 'A token is needed.')
    const { scope: granted } = await payloadOf(authorization.slice('Bearer '.length))
    if (typeof granted !== 'string' || !granted.split(' ').includes(scope)) {
      throw new Refused(403, `The scope ${scope} is needed.`)
    }
  }
}
