/** Certificates of instances over their stream: asked for, renewed, and signed anew when the authorities change. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { status } from '@grpc/grpc-js'
import { attach } from '@site11/runtime/attach.ts'
import { createIdentity, createKey } from '@site11/runtime/identity.ts'
import { storeForTests } from '@site11/runtime/store/test-mongod.ts'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import {
  joinToken,
  log,
  reasonOf,
  startRegistry,
  startTime,
  type TestRegistry,
  usersContract,
} from './test-registry.ts'

const times = { maxAgeMs: 3_600_000, publishMs: 1000, retireMs: 60_000 }
let store: Awaited<ReturnType<typeof storeForTests>>
let mesh: TestRegistry
beforeAll(async () => {
  store = await storeForTests()
})
beforeEach(async () => {
  await store.store.db.dropDatabase()
  mesh = await startRegistry(store.store.db, { times, certificateMs: 2000 })
})
afterEach(() => mesh.close())
afterAll(() => store.stop())

const request = (publicKey: Uint8Array) =>
  ({ $case: 'certificateRequest', value: { publicKey: Buffer.from(publicKey) } }) as const

test('an instance is given one for its key that says which it is, and the authorities to believe', async () => {
  const stream = await mesh.attached()
  const { publicKey } = await createKey()
  stream.send(request(publicKey))
  const { value } = await stream.got('certificate')
  const certificate = new X509Certificate(value.chain)
  expect(certificate.subjectAltName).toBe('URI:spiffe://site11/service/users/users-1')
  expect(certificate.publicKey.export({ type: 'spki', format: 'der' }).equals(publicKey)).toBe(true)
  expect(certificate.checkIssued(new X509Certificate(value.trustBundle))).toBe(true)
  expect((value.expireTime?.getTime() ?? 0) - (value.createTime?.getTime() ?? 0)).toBe(2000)
})

test('who has not said who it is, or asks for one for no such key, is refused', async () => {
  const early = mesh.attach()
  early.send(request((await createKey()).publicKey))
  expect((await early.ended)?.code).toBe(status.INVALID_ARGUMENT)
  const stream = await mesh.attached()
  stream.send(request(Buffer.from('no key')))
  const error = await stream.ended
  expect([error?.code, reasonOf(error)]).toEqual([status.INVALID_ARGUMENT, 'INVALID_FIELD'])
})

test('when the authorities change it is told, and given one of the next for the same key', async () => {
  const stream = await mesh.attached()
  const { publicKey } = await createKey()
  stream.send(request(publicKey))
  const first = await stream.got('certificate')
  const old = mesh.authorities.signer()
  const { signTime } = await mesh.authorities.succeed()
  const issuer = (chain: string) => new X509Certificate(chain).issuer
  await vi.waitFor(async () => {
    const { value } = await stream.got('certificate')
    expect(value.trustBundle.length).toBeGreaterThan(first.value.trustBundle.length)
    expect(issuer(value.chain)).toBe(`CN=${old}`)
  })
  await vi.waitFor(
    async () => {
      await mesh.authorities.rotate()
      expect(Date.now()).toBeGreaterThan(signTime.getTime())
      const { value } = await stream.got('certificate')
      expect(issuer(value.chain)).toBe(`CN=${mesh.authorities.signer()}`)
      expect(value.publicKey.equals(publicKey)).toBe(true)
    },
    { timeout: 5000, interval: 50 },
  )
})

test('the runtime renews its own in time, with another key, and shows it', async () => {
  const identity = createIdentity()
  const shown: { chain: string; privateKey: string }[] = []
  const setCertificate = (own: (typeof shown)[number]) => {
    shown.push(own)
    identity.setCertificate(own)
  }
  const attachment = attach({
    console: mesh.address,
    joinToken,
    identity: { ...identity, setCertificate },
    trustFile: mesh.trustFile,
    log,
    hello: {
      service: 'users',
      instance: 'users-1',
      version: '1.0.0',
      address: '127.0.0.1:8110',
      zone: '',
      apiVersion: '',
      startTime,
      contract: usersContract,
    },
    dependencies: () => [],
    onKeys: () => {},
  })
  await vi.waitFor(() => expect(shown.length).toBeGreaterThanOrEqual(3), { timeout: 6000 })
  attachment.close()
  expect(new Set(shown.map(({ privateKey }) => privateKey)).size).toBe(shown.length)
  for (const { chain, privateKey } of shown) {
    const certificate = new X509Certificate(chain)
    expect(certificate.checkPrivateKey(createPrivateKey(privateKey))).toBe(true)
  }
})

test('an operator begins the replacement of either secret, and it is in the journal', async () => {
  const authority = await mesh.call('rotateSecrets', { kind: 2 })
  const key = await mesh.call('rotateSecrets', { kind: 1 })
  expect(authority.value?.successor).not.toBe(mesh.authorities.signer())
  expect(mesh.keys.jwks().keys.map(({ kid }) => kid)).toContain(key.value?.successor)
  await mesh.journal.saved()
  const changes = await mesh.journal.list({ filter: '', limit: 10 })
  expect(changes.map(({ action }) => action)).toEqual(expect.arrayContaining(['ca.published', 'key.published']))
  expect((await mesh.call('rotateSecrets', { kind: 0 })).error?.code).toBe(status.INVALID_ARGUMENT)
  expect((await mesh.call('rotateSecrets', { kind: 1 }, 'mesh:read')).error?.code).toBe(status.PERMISSION_DENIED)
})
