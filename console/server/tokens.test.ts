import { createVerifier } from '@site11/runtime/caller.ts'
import { ServiceError } from '@site11/runtime/errors.ts'
import { decodeJwt, decodeProtectedHeader, exportJWK, generateKeyPair } from 'jose'
import { expect, test } from 'vitest'
import type { SigningKeys } from './keys/keys.ts'
import { createTokens, isDue } from './tokens.ts'

const issuer = 'https://mesh.example'
const userId = '0190b0b8-5f2c-7cc0-8f0a-2f9a4f6f9b11'
const sessionId = '6f0c1a52-8a0d-4f5b-9a43-0d6f6e8f3c10'

async function setUp(nowMs = Date.now()) {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256' }] }
  const keys = { signer: () => ({ kid: 'k1', privateKey }), jwks: () => jwks } as SigningKeys
  const verifier = createVerifier({ now: () => nowMs })
  verifier.setKeys({ issuer, jwks })
  return { tokens: createTokens(keys, issuer, () => nowMs), verifier }
}

test('an access token says what RFC 9068 asks for, and verifiers take it', async () => {
  const { tokens, verifier } = await setUp()
  const { token, expiresIn } = await tokens.access({ userId, sessionId, scopes: ['profile', 'users:read'] })
  const claims = decodeJwt(token)
  expect(decodeProtectedHeader(token)).toEqual({ alg: 'ES256', typ: 'at+jwt', kid: 'k1' })
  expect(claims).toMatchObject({
    iss: issuer,
    aud: 'site11',
    sub: userId,
    sid: sessionId,
    client_id: 'site11-console',
    scope: 'profile users:read',
  })
  expect(claims.jti).toBeTruthy()
  expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe(300)
  expect(expiresIn).toBe(300)
  expect(await verifier.verify(`Bearer ${token}`)).toMatchObject({ kind: 'user', userId, sessionId })
})

test('an internal token is of the service, for an hour, and no access token', async () => {
  const { tokens, verifier } = await setUp()
  const { token, expireTime } = await tokens.internal('users')
  expect(decodeJwt(token)).toMatchObject({ aud: 'site11-internal', sub: 'service:users' })
  expect(decodeProtectedHeader(token).typ).toBe('internal+jwt')
  expect(await verifier.verify(`Bearer ${token}`)).toEqual({ kind: 'service', service: 'users' })
  expect(expireTime.getTime() - Date.now()).toBeGreaterThan(59 * 60_000)
})

test('a token of yesterday has expired', async () => {
  const { tokens } = await setUp(Date.now() - 86_400_000)
  const { verifier } = await setUp()
  const { token } = await tokens.access({ userId, sessionId, scopes: [] })
  await expect(verifier.verify(`Bearer ${token}`)).rejects.toThrow(ServiceError)
})

test('an internal token is replaced while it still has three quarters of an hour to live', () => {
  const expireTime = new Date(3_600_000)
  expect(isDue({ token: '', expireTime }, 0)).toBe(false)
  expect(isDue({ token: '', expireTime }, 15 * 60_000)).toBe(false)
  expect(isDue({ token: '', expireTime }, 15 * 60_000 + 1)).toBe(true)
})
