import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { credentials } from '@grpc/grpc-js'
import { AuthServiceClient } from '@site11/proto/grpc/site11/console/v1/auth_service.ts'
import { mongodForTests } from '@site11/runtime/store/test-mongod.ts'
import { createTestAuthority } from '@site11/runtime/test-identity.ts'
import { freePort } from '@site11/runtime/test-ports.ts'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'

let mongod: Awaited<ReturnType<typeof mongodForTests>>
let home: string

beforeAll(async () => {
  mongod = await mongodForTests()
  home = await mkdtemp(join(tmpdir(), 'site11-main-'))
})
afterAll(async () => {
  await rm(home, { recursive: true })
  await mongod.stop()
})

/** Runs the Console as it is run, with this environment. */
function run(env: Record<string, string>) {
  const args = ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'main.ts')]
  const child = spawn(process.execPath, args, { env: { PATH: process.env.PATH, ...env } })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', chunk => {
    stderr += chunk
  })
  const logged: string[] = []
  child.stdout.setEncoding('utf8').on('data', chunk => logged.push(chunk))
  const ended = new Promise<{ code: number | null; stderr: string }>(resolve =>
    child.once('close', code => resolve({ code, stderr })),
  )
  return { child, ended, log: () => logged.join('') }
}

/** An environment that it starts with. */
const sound = async () => ({
  SITE11_LISTEN: `127.0.0.1:${await freePort()}`,
  SITE11_HTTP_LISTEN: `127.0.0.1:${await freePort()}`,
  SITE11_JOIN_TOKEN: 'a join token for tests',
  SITE11_MONGO_URL: mongod.url.replace('/?', '/console_main?'),
  SITE11_HOME: home,
  SITE11_SECRET_KEY: Buffer.alloc(32, 1).toString('base64'),
})
const soon = <T>(check: () => Promise<T> | T) => vi.waitFor(check, { timeout: 20_000, interval: 50 })

async function started(env: Awaited<ReturnType<typeof sound>> & Record<string, string>) {
  const process = run(env)
  await soon(async () => expect((await fetch(`http://${env.SITE11_HTTP_LISTEN}/live`)).status).toBe(200))
  return process
}

test('a malformed environment ends it with what is wrong, and no stack', async () => {
  const wrong = { SITE11_METRICS_LISTEN: '9464', OTEL_EXPORTER_OTLP_CERTIFICATE: 'ca.pem' }
  const { code, stderr } = await run({ SITE11_LISTEN: 'nowhere', ...wrong }).ended
  expect(code).toBe(1)
  expect(stderr).toContain('SITE11_METRICS_LISTEN must be host:port')
  expect(stderr).toContain('OTEL_EXPORTER_OTLP_CERTIFICATE must be the path')
  expect(stderr).toContain('SITE11_LISTEN')
  expect(stderr).toContain('SITE11_SECRET_KEY')
  expect(stderr).not.toMatch(/^\s+at /m)
})

test('it ends cleanly when it is told to, and does not start with another secret key', async () => {
  const env = await sound()
  const { child, ended } = await started(env)
  const begun = Date.now()
  child.kill('SIGTERM')
  expect(await ended).toEqual({ code: 0, stderr: '' })
  expect(Date.now() - begun).toBeLessThan(5000)

  const { code, stderr } = await run({ ...env, SITE11_SECRET_KEY: Buffer.alloc(32, 2).toString('base64') }).ended
  expect(code).toBe(1)
  expect(stderr).toContain('SITE11_SECRET_KEY')
  expect(stderr).not.toMatch(/^\s+at /m)
})

test('it serves its metrics where it is told to, and runs without when that port is taken', async () => {
  const env = { ...(await sound()), SITE11_METRICS_LISTEN: `127.0.0.1:${await freePort()}` }
  const first = await started(env)
  const page = await fetch(`http://${env.SITE11_METRICS_LISTEN}/metrics`)
  expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8'])
  expect(await page.text()).toMatch(/^v8js_memory_heap_used_bytes\{service="console",instance="console-1",.*\} \d+$/m)
  expect((await fetch(`http://${env.SITE11_METRICS_LISTEN}/`)).status).toBe(404)
  const second = await started({ ...(await sound()), SITE11_METRICS_LISTEN: env.SITE11_METRICS_LISTEN })
  await soon(() => expect(second.log()).toContain('EADDRINUSE'))
  for (const { child, ended } of [first, second]) {
    child.kill('SIGTERM')
    expect(await ended).toEqual({ code: 0, stderr: '' })
  }
})

describe('traces over TLS', () => {
  const authority = createTestAuthority('receiver')
  /** Of requests. */
  const paths: (string | undefined)[] = []
  let connections = 0
  const receiver = createServer(certificate('localhost'), (request, response) => {
    paths.push(request.url)
    response.end()
    request.resume()
  }).on('connection', () => connections++)
  beforeAll(async () => {
    await once(receiver.listen(0, 'localhost'), 'listening')
    for (const each of [authority, createTestAuthority('another')])
      await writeFile(join(home, each === authority ? 'known.pem' : 'another.pem'), each.bundle)
  })
  afterAll(() => {
    receiver.closeAllConnections()
    receiver.close()
  })

  /** By its common name, as there is no other name in it but a URI. */
  function certificate(name: string) {
    const { certificateChain: cert, privateKey: key } = authority.certificate(`https://${name}`, undefined, name)
    return { cert, key }
  }

  async function traced(file: string) {
    const endpoint = `https://localhost:${(receiver.address() as AddressInfo).port}`
    const more = { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_CERTIFICATE: join(home, file) }
    const env = { ...(await sound()), ...more }
    const process = await started(env)
    const trust = await readFile(join(home, 'ca.pem'))
    const toConsole = credentials.createSsl(trust, null, null, { checkServerIdentity: () => undefined })
    const client = new AuthServiceClient(env.SITE11_LISTEN, toConsole, { 'grpc.ssl_target_name_override': 'console' })
    const wrong = { email: 'a@b.c', password: 'x', useCookie: false }
    return {
      ...process,
      /** Makes a call, which is refused, but is one. */
      call: () => new Promise<void>(resolve => client.login(wrong, () => resolve())),
      async stop() {
        client.close()
        process.child.kill('SIGTERM')
        return process.ended
      },
    }
  }

  test('go to who shows a certificate of the authority that is named', async () => {
    const { call, log, stop } = await traced('known.pem')
    await call()
    await soon(() => expect(paths).toContain('/v1/traces'))
    expect(await stop()).toEqual({ code: 0, stderr: '' })
    expect(log()).not.toContain('traces cannot be sent')
  })

  test('go to nobody else, which is told of once and costs nothing but the spans', async () => {
    const [before, received] = [connections, paths.length]
    const { call, log, stop } = await traced('another.pem')
    for (let time = 1; time <= 3; time++) {
      await call()
      await soon(() => expect(connections).toBeGreaterThanOrEqual(before + time))
    }
    await soon(() => expect(log()).toContain('traces cannot be sent'))
    expect(await stop()).toEqual({ code: 0, stderr: '' })
    expect(log().split('traces cannot be sent')).toHaveLength(2)
    expect(paths).toHaveLength(received)
  })
})
