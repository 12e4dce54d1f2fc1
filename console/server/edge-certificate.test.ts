import { rmSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLog } from '@site11/runtime/log.ts'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { consoleConfig } from './config.ts'
import { selfSigned } from './control-plane/certificate-fixture.ts'
import { edgeCertificateOf, watchEdgeCertificate } from './edge-certificate.ts'
import { StartError } from './start-error.ts'

const log = createLog('test', 'silent')
const day = 86_400_000
const closers: (() => void)[] = []
let folder: string
let files: { certificate: string; key: string }

const put = ({ certificateChain, privateKey }: ReturnType<typeof selfSigned>) => {
  writeFileSync(files.certificate, certificateChain)
  writeFileSync(files.key, privateKey)
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'site11-certificate-'))
  files = { certificate: join(folder, 'edge.pem'), key: join(folder, 'edge.key') }
  put(selfSigned('first'))
})
afterEach(() => {
  for (const close of closers.splice(0)) close()
  rmSync(folder, { recursive: true })
})

async function watched(now?: () => number) {
  const certificate = await watchEdgeCertificate(files, log, now)
  closers.push(certificate.close)
  return certificate
}

test.each([
  ['a certificate that is not there', () => rmSync(files.certificate), 'SITE11_TLS_CERTIFICATE'],
  ['a key that is none', () => writeFileSync(files.key, 'nonsense'), 'SITE11_TLS_KEY'],
  ['a certificate that is none', () => writeFileSync(files.certificate, 'nonsense'), 'SITE11_TLS_CERTIFICATE'],
  ['the key of another', () => writeFileSync(files.key, selfSigned('other').privateKey), 'is not the key of'],
])('%s stops the start', async (_, spoil, said) => {
  spoil()
  await expect(watched()).rejects.toThrow(StartError)
  await expect(watched()).rejects.toThrow(said)
})

test('a certificate without a key, or the other way round, stops the start; without both there is none', async () => {
  const config = (more: Record<string, string>) =>
    consoleConfig({
      SITE11_LISTEN: '127.0.0.1:8003',
      SITE11_HTTP_LISTEN: '127.0.0.1:8002',
      SITE11_JOIN_TOKEN: 'a join token for tests',
      SITE11_MONGO_URL: 'mongodb://127.0.0.1/console_db',
      SITE11_SECRET_KEY: Buffer.alloc(32).toString('base64'),
      ...more,
    })
  expect(await edgeCertificateOf(config({}), log)).toBeUndefined()
  await expect(edgeCertificateOf(config({ SITE11_TLS_KEY: files.key }), log)).rejects.toThrow(StartError)
})

test('what replaces it is taken when both files fit together, and not before', async () => {
  const certificate = await watched()
  const changes = vi.fn()
  certificate.onChange(changes)
  const next = selfSigned('second')
  writeFileSync(files.certificate, next.certificateChain)
  await vi.waitFor(() => expect(certificate.problem()).toContain('is not the key of'), 10_000)
  expect(certificate.current().certificateChain).not.toBe(next.certificateChain)
  writeFileSync(files.key, next.privateKey)
  await vi.waitFor(() => expect(certificate.current()).toEqual(next), 10_000)
  expect(changes).toHaveBeenCalledOnce()
  expect(certificate.problem()).toBeUndefined()
})

test.each([
  ['is fine long before its end', -30 * day, false, false],
  ['is warned of in its last week', 0, true, false],
  ['is a problem when it has expired', 2 * day, false, true],
])('a certificate %s', async (_, ahead, warns, fails) => {
  const certificate = await watched(() => Date.now() + ahead)
  expect([certificate.warning() !== undefined, certificate.problem() !== undefined]).toEqual([warns, fails])
})
