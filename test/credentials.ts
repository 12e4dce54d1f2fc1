/** Every kind of credential that a caller may show, good and bad, made with the mesh's own keys. */
import { decodeJwt, type JWTPayload, SignJWT } from 'jose'
import { allScopes } from '../console/server/roles.ts'
import { createTokens } from '../console/server/tokens.ts'
import { login } from './accounts.ts'
import { mesh } from './api.ts'
import { readSigningKeys } from './signing.ts'

/** What a credential proves. */
export type Proof =
  | { kind: 'nothing' }
  | { kind: 'forgery' }
  | { kind: 'user'; scopes: readonly string[] }
  | { kind: 'service'; service: string }

export interface Credential {
  name: string
  proof: Proof
  /** Sent as `Authorization: Bearer`; undefined sends no header. */
  token: string | undefined
  /** That the edge cannot see what is wrong with it: Envoy looks at no `typ`. An ID token proper has another audience besides. */
  edgeIsBlind?: boolean
}

/** A subject that no user has: what it is let do changes nothing. */
const subject = { userId: '00000000-0000-7000-8000-000000000000', sessionId: 'none' }

/** @returns a function that gives the credentials to try on a method that asks for this scope and lets in these services. */
export async function makeCredentials(): Promise<(scope: string, callers: string[]) => Promise<Credential[]>> {
  const keys = await readSigningKeys()
  const tokens = createTokens(keys, mesh.url)
  const longAgo = createTokens(keys, mesh.url, () => Date.now() - 3_600_000)
  const { refreshToken } = await login(mesh.admin)
  const good = await tokens.access({ ...subject, scopes: [...allScopes] })
  const claims = decodeJwt(good.token)
  const signed = (change: JWTPayload, typ = 'at+jwt') => {
    const { kid, privateKey } = keys.signer()
    return new SignJWT({ ...claims, ...change }).setProtectedHeader({ alg: 'ES256', kid, typ }).sign(privateKey)
  }
  const unsigned = `${Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')}.${good.token.split('.')[1]}.`
  const forgeries: [string, string][] = [
    ['garbage', 'garbage'],
    ['an expired token', (await longAgo.access({ ...subject, scopes: [...allScopes] })).token],
    ['another audience', await signed({ aud: 'elsewhere' })],
    ['another issuer', await signed({ iss: 'https://elsewhere.example' })],
    ['no signature', unsigned],
    [
      'the signature of another token',
      `${good.token.split('.', 2).join('.')}.${(await signed({ jti: 'x' })).split('.')[2]}`,
    ],
    ['a refresh token', refreshToken],
  ]
  const fixed: Credential[] = [
    { name: 'no token', proof: { kind: 'nothing' }, token: undefined },
    ...forgeries.map(([name, token]): Credential => ({ name, proof: { kind: 'forgery' }, token })),
    { name: 'another type', proof: { kind: 'forgery' }, token: await signed({}, 'JWT'), edgeIsBlind: true },
    { name: 'an ID token', proof: { kind: 'forgery' }, token: await signed({ aud: 'an-application' }, 'JWT') },
  ]
  const user = async (name: string, scopes: readonly string[]): Promise<Credential> => ({
    name,
    proof: { kind: 'user', scopes },
    token: (await tokens.access({ ...subject, scopes: [...scopes] })).token,
  })
  const service = async (service: string): Promise<Credential> => ({
    name: `the internal token of ${service}`,
    proof: { kind: 'service', service },
    token: (await tokens.internal(service)).token,
  })
  return async (scope, callers) => [
    ...fixed,
    await user(
      'all scopes but the right one',
      allScopes.filter(each => each !== scope),
    ),
    await user('the right scope', scope ? [scope] : []),
    await service(callers.find(each => each !== '*') ?? 'console'),
    await service('stranger'),
  ]
}
