import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Client, type ServiceError as GrpcError, Metadata, status } from '@grpc/grpc-js'
import { AuthServiceService, type LoginResponse } from '@site11/proto/grpc/site11/console/v1/auth_service.ts'
import {
  type ListInstancesResponse,
  RegistryServiceService,
} from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import { UsersServiceService } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import { loadConfig, platformConfig } from '@site11/runtime/config.ts'
import { createLog } from '@site11/runtime/log.ts'
import { serve, service } from '@site11/runtime/serve.ts'
import { startMongod, type TestMongod } from '@site11/runtime/store/test-mongod.ts'
import { clientTo } from '@site11/runtime/test-identity.ts'
import { freePort } from '@site11/runtime/test-ports.ts'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { identityIn } from './ca/test-peer.ts'
import { consoleConfig } from './config.ts'
import type { HealthReport } from './health/report.ts'
import { startConsole } from './start.ts'
import { StartError } from './start-error.ts'
import { createTestUsers, type TestAccounts } from './test-users.ts'

const log = createLog('test', 'silent')
const closers: (() => unknown)[] = []
let mongod: TestMongod
let home: string
let env: Record<string, string>
let client: Client | undefined
let users: TestAccounts

beforeAll(async () => {
  mongod = await startMongod()
})
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'site11-console-'))
  const [grpc, http] = [await freePort(), await freePort()]
  env = {
    SITE11_LISTEN: `127.0.0.1:${grpc}`,
    SITE11_HTTP_LISTEN: `127.0.0.1:${http}`,
    SITE11_CONSOLE: `127.0.0.1:${grpc}`,
    SITE11_JOIN_TOKEN: 'a join token for tests',
    SITE11_MONGO_URL: mongod.url.replace('/?', `/console_${grpc}?`),
    SITE11_SECRET_KEY: Buffer.alloc(32, 1).toString('base64'),
    SITE11_HOME: home,
  }
  users = createTestUsers()
  client = undefined
})
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
  await rm(home, { recursive: true })
})
afterAll(() => mongod.stop())

/** Starts a Console. @returns a function that closes it. */
async function start(change: Record<string, string> = {}): Promise<() => Promise<void>> {
  const close = await startConsole(consoleConfig({ ...env, ...change }), '1.0.0', log)
  let closing: Promise<void> | undefined
  const once = () => {
    closing ??= close()
    return closing
  }
  closers.push(once)
  return once
}

/** Starts an instance of Users as the runtime does. @returns a function that takes it out of service and ends it. */
async function startUsers(instance = 'users-1'): Promise<() => Promise<void>> {
  const config = loadConfig(platformConfig, {
    ...env,
    SITE11_REDIS_URL: 'redis://127.0.0.1:1',
    SITE11_INSTANCE: instance,
    SITE11_LISTEN: '127.0.0.1:0',
  })
  const services = () => [service(UsersServiceService, users.handlers)]
  const stop = await serve({ name: 'users', version: '1.0.0', config, log, services, probes: {} })
  let stopping: Promise<void> | undefined
  const once = () => {
    stopping ??= stop()
    return stopping
  }
  closers.push(once)
  return once
}

const get = (path: string) => fetch(`http://${env.SITE11_HTTP_LISTEN}${path}`)
const health = async () => (await (await get('/health')).json()) as HealthReport
const usersHealth = async () => (await health()).services.find(({ name }) => name === 'users')
const healthyUsers = (count = 1) =>
  vi.waitFor(
    async () => expect((await usersHealth())?.instances.filter(each => each.status === 'healthy')).toHaveLength(count),
    { timeout: 10_000, interval: 50 },
  )
const admin = async () => JSON.parse(await readFile(join(home, 'admin.json'), 'utf8'))

/** The way of callers from outside, to a Console that has started. */
async function edge(): Promise<Client> {
  if (client) return client
  const { SITE11_MONGO_URL = '', SITE11_CONSOLE = '' } = env
  const identity = await identityIn(SITE11_MONGO_URL, Buffer.alloc(32, 1), { proxy: 'edge-1' })
  const made = clientTo(SITE11_CONSOLE, 'console', identity, { 'grpc.max_reconnect_backoff_ms': 200 })
  client = made
  closers.push(() => made.close())
  return made
}

interface Method {
  path: string
  requestSerialize: (value: never) => Buffer
  responseDeserialize: (bytes: Buffer) => unknown
}

async function call<T>(method: Method, request: object, token?: string): Promise<T> {
  const through = await edge()
  const metadata = new Metadata()
  if (token) metadata.set('authorization', `Bearer ${token}`)
  const { path, requestSerialize, responseDeserialize } = method
  const deadline = Date.now() + 10_000
  return new Promise((resolve, reject) =>
    through.makeUnaryRequest(
      path,
      requestSerialize as (value: object) => Buffer,
      responseDeserialize,
      request,
      metadata,
      { deadline },
      (error, value) => (error ? reject(error) : resolve(value as T)),
    ),
  )
}
const login = async () => call<LoginResponse>(AuthServiceService.login, { ...(await admin()), useCookie: false })
const instances = async (token: string) =>
  (await call<ListInstancesResponse>(RegistryServiceService.listInstances, { service: 'users' }, token)).instances

/** @returns the access token of the admin, once there is one. */
const signedIn = () => vi.waitFor(async () => await login(), { timeout: 10_000, interval: 100 })

test('a Console alone is live, knows its keys and says what is missing', async () => {
  await start()
  expect((await get('/live')).status).toBe(200)
  expect(((await (await get('/.well-known/jwks.json')).json()) as { keys: unknown[] }).keys).toHaveLength(1)
  const { status, services, problems } = await health()
  expect(status).toBe('failing')
  expect(services).toMatchObject([{ name: 'console' }, { name: 'users', reason: 'no instance' }])
  expect(problems.length).toBeGreaterThan(0)
})

test('with Users there is an admin who can sign in and look at the mesh', async () => {
  await start()
  await startUsers()
  await healthyUsers()
  const { accessToken, scope } = await signedIn()
  expect(scope).toContain('users:admin')
  expect(await instances(accessToken)).toMatchObject([
    { instance: 'users-1', attached: true, draining: false, healthReason: '' },
  ])
  expect(users.accounts).toHaveLength(1)
})

test('an instance that stops in order is gone, its service is still expected', async () => {
  await start()
  const stop = await startUsers()
  await startUsers('users-2')
  await healthyUsers(2)
  await stop()
  await vi.waitFor(async () => expect((await usersHealth())?.instances.map(({ name }) => name)).toEqual(['users-2']))
  expect((await usersHealth())?.status).toBe('healthy')
})

test('a Console that comes back knows keys, sessions and instances, and instances come back to it', async () => {
  const close = await start()
  await startUsers()
  const { refreshToken, accessToken } = await signedIn()
  const jwks = await (await get('/.well-known/jwks.json')).text()
  const begun = Date.now()
  await close()
  expect(Date.now() - begun).toBeLessThan(5000)

  await start()
  expect(await usersHealth()).toMatchObject({ instances: [{ name: 'users-1', status: 'healthy' }] })
  expect(await (await get('/.well-known/jwks.json')).text()).toBe(jwks)
  await vi.waitFor(async () => expect(await instances(accessToken)).toMatchObject([{ attached: true }]), {
    timeout: 5000,
  })
  await call(AuthServiceService.refresh, { refreshToken })
  expect(users.accounts).toHaveLength(1)
})

test('without its database the registry goes on from memory; signing in comes back with the database', async () => {
  await start()
  await startUsers()
  const { accessToken } = await signedIn()
  await mongod.kill()
  await expect(login()).rejects.toMatchObject({ code: status.UNAVAILABLE } satisfies Partial<GrpcError>)
  expect(await instances(accessToken)).toHaveLength(1)
  await startUsers('users-2')
  await vi.waitFor(async () => expect(await instances(accessToken)).toHaveLength(2), { timeout: 5000 })
  await vi.waitFor(
    async () => expect((await health()).dependencies).toMatchObject([{ name: 'mongodb', status: 'failing' }]),
    { timeout: 5000 },
  )
  await mongod.restart()
  await vi.waitFor(async () => expect((await login()).tokenType).toBe('Bearer'), { timeout: 15_000, interval: 200 })
  await vi.waitFor(
    async () => expect((await health()).dependencies).toMatchObject([{ name: 'mongodb', status: 'healthy' }]),
    {
      timeout: 5000,
    },
  )
})

test('another secret key stops the start', async () => {
  await (await start())()
  await expect(start({ SITE11_SECRET_KEY: Buffer.alloc(32, 2).toString('base64') })).rejects.toThrow(StartError)
  await start()
})

test('an address that is taken, or that nobody can be reached at, stops the start', async () => {
  await start()
  await expect(start()).rejects.toThrow(StartError)
  const other = { SITE11_HTTP_LISTEN: `127.0.0.1:${await freePort()}` }
  await expect(start(other)).rejects.toThrow(env.SITE11_LISTEN)
  await expect(start({ ...other, SITE11_LISTEN: `0.0.0.0:${await freePort()}` })).rejects.toThrow('SITE11_ADVERTISE')
})
