import { X509Certificate } from 'node:crypto'
import { createLog } from '@site11/runtime/log.ts'
import { storeForTests } from '@site11/runtime/store/test-mongod.ts'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { StartError } from '../start-error.ts'
import { type Authorities, loadAuthorities, longestLeafMs } from './authorities.ts'
import { createCertificates } from './certificates.ts'
import { newKeyPair } from './x509.ts'

const minute = 60_000
const day = 24 * 60 * minute
const secretKey = Buffer.alloc(32, 1)
let store: Awaited<ReturnType<typeof storeForTests>>
let nowMs: number
beforeAll(async () => {
  store = await storeForTests()
})
beforeEach(async () => {
  await store.store.db.dropDatabase()
  nowMs = Date.now()
})
afterAll(() => store.stop())

const load = (key = secretKey) =>
  loadAuthorities({ db: store.store.db, secretKey: key, log: createLog('test', 'silent'), now: () => nowMs })
const namesIn = ({ bundle }: Pick<Authorities, 'bundle'>) =>
  (bundle().match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g) ?? []).map(pem =>
    new X509Certificate(pem).subject.slice('CN='.length),
  )
const { publicKey } = newKeyPair()
const users = { service: 'users', instance: 'users-1' }
const issuerOf = (authorities: Authorities) =>
  new X509Certificate(authorities.issue(users, publicKey, 60 * minute).chain).issuer.slice('CN='.length)

test('the first is made at the first start, and is there after a restart; its key is not stored as it is', async () => {
  const first = await load()
  expect(namesIn(first)).toEqual([first.signer()])
  const again = await load()
  expect([again.bundle(), again.signer()]).toEqual([first.bundle(), first.signer()])
  expect(issuerOf(again)).toBe(first.signer())
  const stored = JSON.stringify(await store.store.db.collection('authorities').findOne())
  expect(stored).not.toContain('PRIVATE')
  await expect(load(Buffer.alloc(32, 2))).rejects.toThrow(StartError)
})

test('on command it is replaced: the next one is believed first, then signs, and the old one goes when what it signed has ended', async () => {
  const authorities = await load()
  let changes = 0
  authorities.onChange(() => changes++)
  const old = authorities.signer()
  const { kid, signTime, retireTime } = await authorities.succeed()
  expect(namesIn(authorities).sort()).toEqual([kid, old].sort())
  expect(issuerOf(authorities)).toBe(old)
  // Asked twice, one is under way.
  expect(await authorities.succeed()).toEqual({ kid, signTime, retireTime })

  nowMs = signTime.getTime() - 1
  await authorities.rotate()
  expect(issuerOf(authorities)).toBe(old)
  nowMs++
  await authorities.rotate()
  expect(issuerOf(authorities)).toBe(kid)
  expect(namesIn(authorities)).toHaveLength(2)

  nowMs = retireTime.getTime() - 1
  await authorities.rotate()
  expect(nowMs - signTime.getTime()).toBeGreaterThan(longestLeafMs)
  expect(namesIn(authorities)).toHaveLength(2)
  nowMs++
  await authorities.rotate()
  expect(namesIn(authorities)).toEqual([kid])
  expect(changes).toBe(3)
  expect(namesIn(await load())).toEqual([kid])
})

test('it is replaced by itself well before it ends', async () => {
  const authorities = await load()
  const old = authorities.signer()
  nowMs += 269 * day
  await authorities.rotate()
  expect(namesIn(authorities)).toEqual([old])
  nowMs += day
  await authorities.rotate()
  expect(namesIn(authorities)).toHaveLength(2)
  const ends = new Date(new X509Certificate(authorities.bundle()).validTo)
  expect(ends.getTime() - nowMs).toBeGreaterThan(60 * day)
})

test('a certificate stays the same until half of its life is over, or another authority signs', async () => {
  const authorities = await load()
  const certificateOf = createCertificates(authorities, () => nowMs)
  const of = () => certificateOf({ proxy: 'edge-1' }, longestLeafMs)
  const first = of()
  nowMs += longestLeafMs / 2 - 1
  expect(of()).toBe(first)
  nowMs++
  const second = of()
  expect(second).not.toBe(first)
  const { signTime } = await authorities.succeed()
  expect(of()).toBe(second)
  nowMs = signTime.getTime()
  await authorities.rotate()
  expect(new X509Certificate(of().certificateChain).issuer).toBe(`CN=${authorities.signer()}`)
})
