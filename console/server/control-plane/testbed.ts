/** For tests: a control plane, a users service in this process, and a real Envoy between them. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { type Metadata, Server, ServerCredentials, type ServerOptions, status } from '@grpc/grpc-js'
import { site11Descriptors } from '@site11/proto/descriptors'
import { User } from '@site11/proto/grpc/site11/users/v1/user.ts'
import {
  ChangeType,
  type UsersServiceServer,
  UsersServiceService,
} from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import { testAuthority, testService } from '@site11/runtime/test-identity.ts'
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { type BootstrapOptions, envoyBootstrap } from '../../../envoy/bootstrap.ts'
import { envoyTrust, envoyTrustFileOf } from '../../../envoy/trust.ts'
import { createControlPlane, type Log, type ProxyEvent } from './server.ts'
import type { InstanceState, MeshState } from './state.ts'

export const issuer = 'http://localhost/test'
export const audience = 'site11'
const silent: Log = { info: () => {}, warn: () => {} }

/** The contract as a service would send it: one file with all it imports. */
export function contractOf(file: string): Uint8Array {
  const all = fromBinary(FileDescriptorSetSchema, readFileSync(site11Descriptors)).file
  const wanted = new Set<string>()
  const visit = (name: string) => {
    if (wanted.has(name)) return
    wanted.add(name)
    for (const dependency of all.find(each => each.name === name)?.dependency ?? []) visit(dependency)
  }
  visit(file)
  const own = all.filter(each => wanted.has(each.name))
  for (const each of own) each.sourceCodeInfo = undefined
  return toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: own }))
}

export const usersContract = contractOf('site11/users/v1/users_service.proto')
export const consoleContract = contractOf('site11/console/v1/auth_service.proto')

export function instance(name: string, port: number, more: Partial<InstanceState> = {}): InstanceState {
  const where = { host: '127.0.0.1', port, zone: '', version: '0.1.0', apiVersion: '1.0' }
  return { instance: name, ...where, healthy: true, draining: false, ...more }
}

/** A small but complete state. */
export function meshState(more: Partial<MeshState> = {}): MeshState {
  return {
    services: [
      { name: 'users', contract: usersContract, instances: [instance('users-1', 9)] },
      { name: 'console', contract: consoleContract, instances: [instance('console', 10)] },
    ],
    jwks: { keys: [] },
    issuer,
    audience,
    edge: { address: '127.0.0.1', port: 0 },
    corsOrigins: ['http://localhost:8000'],
    dashboard: { address: '127.0.0.1', port: 11 },
    trustBundle: testAuthority.bundle,
    ...more,
  }
}

/** A signing key: its public part, and a function that makes access tokens of five minutes. */
export async function signingKey(kid: string) {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const jwk: JWK = { ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' }
  const token = (scope: string, claims: { iss?: string; aud?: string; exp?: number } = {}) => {
    const payload = {
      sub: 'user-1',
      scope,
      iss: issuer,
      aud: audience,
      exp: Math.floor(Date.now() / 1000) + 300,
      ...claims,
    }
    return new SignJWT(payload).setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid }).setIssuedAt().sign(privateKey)
  }
  return { jwk, token }
}

/**
 * A users service that keeps nothing; `seen` has the metadata of each call. The user `slow` is never found or made, `nobody` is
 * not there, and for `flaky` every other call fails.
 */
export async function startUsers(name: string, credentials = testService('users').server()) {
  const seen: Metadata[] = []
  let flaky = 0
  const user = (id: string) => User.fromPartial({ id, email: `${id}@example.com`, displayName: name, state: 1 })
  const service: Partial<UsersServiceServer> = {
    getUser: (call, reply) => {
      seen.push(call.metadata)
      if (call.request.id === 'slow') return
      if (call.request.id === 'flaky' && flaky++ % 2 === 0) return reply({ code: status.UNAVAILABLE })
      if (call.request.id === 'nobody') return reply({ code: status.NOT_FOUND, details: 'no user "nobody"' })
      reply(null, { user: user(call.request.id) })
    },
    createUser: (call, reply) => {
      seen.push(call.metadata)
      if (call.request.user?.displayName === 'flaky') return reply({ code: status.UNAVAILABLE })
      if (call.request.user?.displayName === 'slow') return
      reply(null, { user: { ...user('new'), displayName: call.request.user?.displayName ?? '' } })
    },
    listUsers: (call, reply) => {
      seen.push(call.metadata)
      reply(null, {
        users: Array.from({ length: call.request.pageSize }, (_, index) => user(`u${index}`)),
        nextPageToken: '',
      })
    },
    watchUsers: call => {
      seen.push(call.metadata)
      for (const id of ['a', 'b', 'c'])
        call.write({ type: ChangeType.CHANGE_TYPE_CREATED, user: user(id), resumeToken: id })
      call.end()
    },
    verifyEmail: (call, reply) => {
      seen.push(call.metadata)
      reply(null, {})
    },
    verifyPassword: (call, reply) => {
      seen.push(call.metadata)
      reply(null, {})
    },
  }
  const server = new Server({ 'grpc.enable_channelz': 0 })
  server.addService(UsersServiceService, service as UsersServiceServer)
  const port = await bind(server, credentials)
  return { port, seen, stop: () => server.forceShutdown() }
}

/** A control plane, on a free port unless one is given. `events` has what it told of proxies. */
export async function startControlPlane(joinToken: string, { wantedPort = 0, home, options = {} }: PlaneOptions = {}) {
  const certificates = new Map<string, ReturnType<typeof testAuthority.certificate>>()
  const certificateOf = (nodeId: string) => {
    const found = certificates.get(nodeId) ?? testAuthority.certificate({ proxy: nodeId })
    certificates.set(nodeId, found)
    return found
  }
  const controlPlane = createControlPlane({
    joinToken,
    certificateOf,
    ...(home !== undefined && { home }),
    log: silent,
  })
  const events: ProxyEvent[] = []
  controlPlane.onEvent(event => events.push(event))
  const server = new Server({ 'grpc.enable_channelz': 0, ...options })
  controlPlane.addTo(server)
  const port = await bind(server, testService('console').openServer(), wantedPort)
  /** For gRPC's own clients, which can do no better. @returns the port. */
  const listenInsecurely = () => bind(server, ServerCredentials.createInsecure())
  const stop = () => {
    controlPlane.close()
    server.forceShutdown()
  }
  return { controlPlane, certificates, events, port, listenInsecurely, stop }
}

type PlaneOptions = { wantedPort?: number; home?: string; options?: ServerOptions }

function bind(server: Server, credentials: ServerCredentials, wantedPort = 0): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${wantedPort}`, credentials, (error, port) => (error ? reject(error) : resolve(port)))
  })
}

/** Starts Envoy and waits for its listener. `log` gives what it has written so far, access log included. */
export async function startEnvoy(
  nodeId: string,
  consolePort: number,
  joinToken: string,
  more: Partial<BootstrapOptions> = {},
) {
  const folder = mkdtempSync(join(tmpdir(), 'site11-envoy-'))
  const config = join(folder, 'envoy.json')
  const adminFile = join(folder, 'admin')
  const trustFile = join(folder, 'ca.pem')
  writeFileSync(envoyTrustFileOf(trustFile), envoyTrust(testAuthority.bundle))
  const own = { nodeId, adminPort: 0, consoleHost: '127.0.0.1', consolePort, joinToken, trustFile }
  const bootstrap = envoyBootstrap({ ...own, ...more })
  writeFileSync(config, JSON.stringify(bootstrap), { mode: 0o600 })
  const options = ['-c', config, '--concurrency', '1', '--disable-hot-restart', '--admin-address-path', adminFile]
  const child = spawn(envoyBinary(), [...options, '--log-level', 'warning', '--file-flush-interval-msec', '50'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const exited = once(child, 'exit')
  const stop = async () => {
    child.kill('SIGCONT')
    child.kill('SIGTERM')
    await exited
    rmSync(folder, { recursive: true })
  }
  const get = async (path: string) => (await fetch(`http://${readFileSync(adminFile, 'utf8').trim()}${path}`)).text()
  const listening = async () => {
    if (child.exitCode !== null) throw new Error('Envoy has ended')
    const { listener_statuses } = JSON.parse(await get('/listeners?format=json'))
    const port: unknown = listener_statuses?.[0]?.local_address.socket_address.port_value
    return (await get('/ready')).startsWith('LIVE') && typeof port === 'number' ? port : undefined
  }
  const edge = await until('the listener of Envoy', listening, () => output).catch(async cause => {
    await stop()
    throw cause
  })
  const stat = async (name: string) => Number((await get(`/stats?filter=^${name}$`)).split(': ')[1] ?? 0)
  /** Such as SIGSTOP and SIGCONT: freezes it, and lets it go on. */
  const signal = (name: NodeJS.Signals) => child.kill(name)
  return { edge, get, stat, signal, stop, log: () => output }
}

/** Polls until the function returns something true; at most 10 s. */
export async function until<T>(
  what: string,
  poll: () => T | undefined | false | Promise<T | undefined | false>,
  more = () => '',
): Promise<T> {
  const deadline = performance.now() + 10_000
  let last: unknown
  while (performance.now() < deadline) {
    try {
      const result = await poll()
      if (result) return result
    } catch (cause) {
      last = cause
    }
    await sleep(20)
  }
  throw new Error(`${what}: not within 10 s\n${more()}`, { cause: last })
}

/** The Envoy named by SITE11_ENVOY, or the one that the mesh has fetched. */
export function envoyBinary(): string {
  const root = join(import.meta.dirname, '../../..')
  const home = process.env.SITE11_HOME ?? join(root, '.site11')
  const candidates = [
    process.env.SITE11_ENVOY ?? '',
    ...globSync('engines/**/envoy', { cwd: home }).map(path => join(home, path)),
  ]
  for (const path of candidates) {
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {}
  }
  throw new Error(
    `no Envoy: set SITE11_ENVOY to the path of Envoy 1.40, or run npm start once, which fetches it to ${home}/engines`,
  )
}
