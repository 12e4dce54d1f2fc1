import { createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { createAuthority, issueLeaf, newKeyPair, publicKeyFrom } from './x509.ts'

const validity = { from: new Date('2026-01-01T00:00:00Z'), until: new Date('2027-01-01T12:34:56Z') }
const authority = createAuthority('the authority', validity)
const { publicKey } = newKeyPair()
const leaf = { name: 'users-1 of users', uri: 'spiffe://site11/service/users/users-1', publicKey, validity }
const issue = (change: Partial<typeof leaf> = {}) =>
  new X509Certificate(issueLeaf(authority, 'the authority', { ...leaf, ...change }))

test('an authority signs itself and may sign others', () => {
  const certificate = new X509Certificate(authority.certificate)
  expect(certificate.ca).toBe(true)
  expect(certificate.subject).toBe('CN=the authority')
  expect(certificate.verify(createPublicKey(authority.privateKey))).toBe(true)
})

test('a leaf is signed by its authority, carries one name, and may sign nobody', () => {
  const certificate = issue()
  expect(certificate.checkIssued(new X509Certificate(authority.certificate))).toBe(true)
  expect(certificate.verify(createPublicKey(authority.privateKey))).toBe(true)
  expect(certificate.publicKey.equals(publicKey)).toBe(true)
  expect(certificate.ca).toBe(false)
  expect(certificate.subjectAltName).toBe('URI:spiffe://site11/service/users/users-1')
  expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'])
  expect(certificate.verify(createPublicKey(createAuthority('the authority', validity).privateKey))).toBe(false)
})

test.each(['2049-12-31T23:59:59Z', '2050-01-01T00:00:00Z', '2126-02-28T00:00:01Z'])('it is valid until %s', until => {
  const { validTo, validFrom } = issue({ validity: { ...validity, until: new Date(until) } })
  expect(new Date(validTo)).toEqual(new Date(until))
  expect(new Date(validFrom)).toEqual(validity.from)
})

test('no two have the same serial number', () => {
  expect(new Set(Array.from({ length: 20 }, () => issue().serialNumber)).size).toBe(20)
})

test('long names are written as they are', () => {
  const uri = `spiffe://site11/proxy/${'x'.repeat(300)}`
  expect(issue({ uri }).subjectAltName).toBe(`URI:${uri}`)
})

describe('a public key that is asked a certificate for', () => {
  test('is one of ECDSA over P-256', () => {
    expect(publicKeyFrom(publicKey.export({ type: 'spki', format: 'der' })).equals(publicKey)).toBe(true)
  })
  const spki = { type: 'spki', format: 'der' } as const
  test.each([
    ['nothing', Buffer.alloc(0)],
    ['noise', Buffer.from('no key at all')],
    ['a key over P-384', generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export(spki)],
    ['an RSA key', generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export(spki)],
    ['an Ed25519 key', generateKeyPairSync('ed25519').publicKey.export(spki)],
    ['a private key', newKeyPair().privateKey.export({ type: 'pkcs8', format: 'der' })],
  ])('is not %s', (_, bytes) => expect(() => publicKeyFrom(bytes)).toThrow())
})
