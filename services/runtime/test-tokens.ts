/** Keys and tokens for tests, made like the Console makes them. */
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { accessAudience, internalAudience, type Keys } from './caller.ts'

export const testIssuer = 'http://localhost:8000'

export interface TestTokens {
  keys: Keys
  /** An access token of user `sub` (any UUID) with these scopes; `claims` and `typ` override what a good one has. */
  access(
    scope: string,
    overrides?: { sub?: string; typ?: string; expiresIn?: string; claims?: JWTPayload },
  ): Promise<string>
  internal(service: string): Promise<string>
}

export async function createTestTokens(): Promise<TestTokens> {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), kid: 'test', alg: 'ES256', use: 'sig' }
  const sign = (claims: JWTPayload, typ: string, expiresIn: string) =>
    new SignJWT({ jti: crypto.randomUUID(), iss: testIssuer, ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: 'test', typ })
      .setIssuedAt()
      .setExpirationTime(expiresIn)
      .sign(privateKey)
  return {
    keys: { issuer: testIssuer, jwks: { keys: [jwk] } },
    access: (scope, { sub = crypto.randomUUID(), typ = 'at+jwt', expiresIn = '5m', claims = {} } = {}) =>
      sign({ aud: accessAudience, sub, scope, sid: 'session', client_id: 'test', ...claims }, typ, expiresIn),
    internal: service => sign({ aud: internalAudience, sub: `service:${service}` }, 'internal+jwt', '5m'),
  }
}
