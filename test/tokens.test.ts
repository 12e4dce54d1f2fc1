/** Access tokens: what they say, and that nothing else is taken for one, over any transport. */
import { createHmac, createPublicKey } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { createTokens } from '../console/server/tokens.ts'
import { admin, login } from './accounts.ts'
import { apiOver, mesh, refusalOf, transports } from './api.ts'
import { callWebBytes } from './grpc-web.ts'
import { send } from './http.ts'
import { readSigningKeys } from './signing.ts'

type SigningKeys = Awaited<ReturnType<typeof readSigningKeys>>

let keys: SigningKeys
let good: string
beforeAll(async () => {
  keys = await readSigningKeys()
  good = (await login(mesh.admin)).accessToken
})

const base64 = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
const parts = () => good.split('.') as [string, string, string]

/** Signs with the mesh's key what it would not sign itself. */
function signed(claims: JWTPayload, typ = 'at+jwt'): Promise<string> {
  const { kid, privateKey } = keys.signer()
  return new SignJWT({ ...decodeJwt(good), ...claims }).setProtectedHeader({ alg: 'ES256', kid, typ }).sign(privateKey)
}

/** An HMAC with the public key as its secret, in each form that a confused verifier might hold it. */
function hmac(form: 'pem' | 'jwk'): string {
  const [jwk] = keys.jwks().keys
  const secret =
    form === 'jwk'
      ? JSON.stringify(jwk)
      : createPublicKey({ key: jwk as never, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
  const head = base64({ alg: 'HS256', kid: jwk?.kid, typ: 'at+jwt' })
  const content = `${head}.${parts()[1]}`
  return `${content}.${createHmac('sha256', secret).update(content).digest('base64url')}`
}

async function withOtherKey(kid: string): Promise<string> {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const header = { alg: 'ES256', kid, typ: 'at+jwt', jwk: await exportJWK(publicKey) }
  return new SignJWT(decodeJwt(good)).setProtectedHeader(header).sign(privateKey)
}

const anHourAgo = () => Date.now() - 3_600_000
const subject = () => ({ userId: decodeJwt(good).sub ?? '', sessionId: 's', scopes: ['users:read'] })

const forged: [string, () => Promise<string> | string, string?][] = [
  ['nonsense', () => 'nonsense'],
  ['a token without a signature', () => `${parts()[0]}.${parts()[1]}.`],
  ['alg none', () => `${base64({ alg: 'none', typ: 'at+jwt' })}.${parts()[1]}.`],
  ['alg none with the old signature', () => `${base64({ alg: 'none', typ: 'at+jwt' })}.${parts()[1]}.${parts()[2]}`],
  ['HS256 keyed with the public key as PEM', () => hmac('pem')],
  ['HS256 keyed with the public key as JWK', () => hmac('jwk')],
  ['another key under our key id', () => withOtherKey(keys.signer().kid)],
  ['another key under an unknown key id', () => withOtherKey('unknown')],
  [
    'changed claims',
    () => `${parts()[0]}.${base64({ ...decodeJwt(good), scope: 'users:read users:admin x' })}.${parts()[2]}`,
  ],
  ['another issuer', () => signed({ iss: 'https://elsewhere.example' })],
  ['another audience', () => signed({ aud: 'elsewhere' })],
  ['no audience', () => signed({ aud: undefined })],
  ['no expiry', () => signed({ exp: undefined })],
  ['a time before which it is not valid', () => signed({ nbf: Math.floor(Date.now() / 1000) + 600 })],
  ['an ID token of ours', () => signed({}, 'JWT')],
  [
    'a token that services call each other with',
    async () => (await createTokens(keys, mesh.url).internal('console')).token,
  ],
  [
    'an expired token',
    async () => (await createTokens(keys, mesh.url, anHourAgo).access(subject())).token,
    'TOKEN_EXPIRED',
  ],
]

describe.each(transports)('over %s', transport => {
  const bearing = (token: string) => apiOver(transport, async () => token)

  test('a token of the mesh is taken', async () => {
    const { users } = await bearing(good).users.listUsers({ pageSize: 1 })
    expect(users).toHaveLength(1)
    const self = await createTokens(keys, mesh.url).access(subject())
    expect((await bearing(self.token).users.listUsers({ pageSize: 1 })).users).toHaveLength(1)
  })

  test('no token is refused, and the refusal says how to get one', async () => {
    const refusal = await refusalOf(apiOver(transport).users.listUsers({}))
    expect(refusal).toMatchObject({ code: 'Unauthenticated', reason: 'TOKEN_MISSING' })
    expect(refusal.message).toMatch(/\/api\/v1\/auth\/login.*authorization: Bearer/i)
  })

  test.each(forged)('%s is refused', async (_, make, reason = 'TOKEN_INVALID') => {
    const refusal = await refusalOf(bearing(await make()).users.listUsers({}))
    expect(refusal).toMatchObject({ code: 'Unauthenticated', reason })
    expect(refusal.message).toMatch(/\/api\/v1\/auth\/(login|refresh)/)
  })

  test('a token without the scope is refused, naming the scope', async () => {
    const { token } = await createTokens(keys, mesh.url).access({
      ...subject(),
      scopes: ['users:readall', 'xusers:read', 'profile'],
    })
    const refusal = await refusalOf(bearing(token).users.listUsers({}))
    expect(refusal).toMatchObject({
      code: 'PermissionDenied',
      reason: 'SCOPE_MISSING',
      metadata: { scope: 'users:read' },
    })
    expect(refusal.message).toContain('users:read')
  })

  test('other schemes of authorization are refused', async () => {
    const api = apiOver(transport, undefined, { authorization: `Basic ${Buffer.from('a:b').toString('base64')}` })
    expect((await refusalOf(api.users.listUsers({}))).code).toBe('Unauthenticated')
  })
})

test('a token in the query string is not taken', async () => {
  const rest = await send(mesh.url, `/api/v1/users?access_token=${good}`)
  expect([400, 401]).toContain(rest.status)
  const path = `/site11.users.v1.UsersService/ListUsers?access_token=${good}`
  expect(await refusalOf(callWebBytes(mesh.url, path, new Uint8Array()))).toMatchObject({ code: 'Unauthenticated' })
})

test('access tokens are as RFC 9068 has them, for five minutes', () => {
  expect(decodeProtectedHeader(good)).toEqual({ alg: 'ES256', typ: 'at+jwt', kid: expect.any(String) })
  const claims = decodeJwt(good)
  expect(claims).toMatchObject({
    iss: mesh.url,
    aud: 'site11',
    client_id: 'site11-console',
    sub: expect.any(String),
    jti: expect.any(String),
    sid: expect.any(String),
  })
  expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe(300)
  expect(String(claims.scope).split(' ')).toContain('users:admin')
})

test('the JWKS has the key that signs, and no private part of it', async () => {
  const answer = await send(mesh.url, '/.well-known/jwks.json')
  expect(answer.status).toBe(200)
  expect(answer.headers['cache-control']).toContain('max-age=')
  const published = (answer.json() as { keys: Record<string, string>[] }).keys
  expect(published.map(key => key.kid)).toContain(decodeProtectedHeader(good).kid)
  for (const key of published) expect(Object.keys(key).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
})

test('methods for services are out of reach for every user, over every transport', async () => {
  for (const path of ['VerifyPassword', 'ChangePassword', 'GetSignInState']) {
    for (const type of ['application/grpc', 'application/grpc-web+proto', 'application/json']) {
      const headers = { 'content-type': type }
      const answer = await send(mesh.url, `/site11.users.v1.UsersService/${path}`, {
        method: 'POST',
        headers,
        token: good,
        body: Buffer.alloc(5),
      })
      expect([200, 404, 405, 415], `${path} ${type}`).toContain(answer.status)
      if (answer.status === 200) expect(answer.headers['grpc-status'], `${path} ${type}`).toBe('12')
    }
  }
  const internal = (await createTokens(keys, mesh.url).internal('console')).token
  const asService = await send(mesh.url, '/api/v1/users', { token: internal })
  expect(asService.status).toBe(401)
  expect(await admin()).toBeDefined()
})
