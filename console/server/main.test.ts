import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mongodForTests } from '@site11/runtime/store/test-mongod.ts'
import { freePort } from '@site11/runtime/test-ports.ts'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'

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
  child.stdout.resume()
  const ended = new Promise<{ code: number | null; stderr: string }>(resolve =>
    child.once('close', code => resolve({ code, stderr })),
  )
  return { child, ended }
}

test('a malformed environment ends it with what is wrong, and no stack', async () => {
  const { code, stderr } = await run({ SITE11_LISTEN: 'nowhere' }).ended
  expect(code).toBe(1)
  expect(stderr).toContain('SITE11_LISTEN')
  expect(stderr).toContain('SITE11_SECRET_KEY')
  expect(stderr).not.toMatch(/^\s+at /m)
})

test('it ends cleanly when it is told to, and does not start with another secret key', async () => {
  const http = `127.0.0.1:${await freePort()}`
  const env = {
    SITE11_LISTEN: `127.0.0.1:${await freePort()}`,
    SITE11_HTTP_LISTEN: http,
    SITE11_JOIN_TOKEN: 'a join token for tests',
    SITE11_MONGO_URL: mongod.url.replace('/?', '/console_main?'),
    SITE11_HOME: home,
  }
  const { child, ended } = run({ ...env, SITE11_SECRET_KEY: Buffer.alloc(32, 1).toString('base64') })
  await vi.waitFor(async () => expect((await fetch(`http://${http}/live`)).status).toBe(200), {
    timeout: 20_000,
    interval: 50,
  })
  const begun = Date.now()
  child.kill('SIGTERM')
  expect(await ended).toEqual({ code: 0, stderr: '' })
  expect(Date.now() - begun).toBeLessThan(5000)

  const { code, stderr } = await run({ ...env, SITE11_SECRET_KEY: Buffer.alloc(32, 2).toString('base64') }).ended
  expect(code).toBe(1)
  expect(stderr).toContain('SITE11_SECRET_KEY')
  expect(stderr).not.toMatch(/^\s+at /m)
})
