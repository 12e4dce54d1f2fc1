/** Every hop inside shows who it is: what is refused on the ports behind the edge, and secrets replaced while requests go on. */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, type TLSSocket } from 'node:tls'
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { AuthServiceService } from '@site11/proto/grpc/site11/console/v1/auth_service.ts'
import { UsersServiceService } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import type { Peer } from '@site11/runtime/spiffe.ts'
import { clientTo, createTestAuthority } from '@site11/runtime/test-identity.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTokens } from '../console/server/tokens.ts'
import { homeOf } from '../mesh/home.ts'
import { portsFrom } from '../mesh/ports.ts'
import { admin, createUser } from './accounts.ts'
import { apiOver, mesh } from './api.ts'
import { meshCommand } from './cli.ts'
import { identityOf } from './identity.ts'
import { untilHealthy } from './processes.ts'
import { readSigningKeys } from './signing.ts'
import { startTraffic } from './traffic.ts'
import { until } from './until.ts'

const home = homeOf(mesh.settings)
const ports = portsFrom(String(mesh.port))
const consoleAddress = `127.0.0.1:${ports.consoleGrpc}`
const trust = () => readFileSync(home.trust)
const { registry, diagnostics } = apiOver('gRPC', admin)
let users: string
const clients: Client[] = []
afterAll(async () => {
  for (const client of clients) client.close()
  await meshCommand(['scale', 'users=1'], mesh.settings)
})

beforeAll(async () => {
  await meshCommand(['scale', 'users=2'], mesh.settings)
  await untilHealthy(mesh.url)
  const { instances } = await registry.listInstances({ service: 'users' })
  users = instances[0]?.address ?? ''
})

/** @returns the code that a call ends with. */
function call(client: Client, path: string, request: Buffer, token?: string): Promise<number> {
  clients.push(client)
  const metadata = new Metadata()
  if (token) metadata.set('authorization', `Bearer ${token}`)
  const bytes = (value: Buffer) => value
  return new Promise(resolve =>
    client.makeUnaryRequest(path, bytes, bytes, request, metadata, { deadline: Date.now() + 5000 }, error =>
      resolve((error as ServiceError | null)?.code ?? status.OK),
    ),
  )
}
const { getUser, listUsers } = UsersServiceService
const list = (client: Client, token?: string) =>
  call(client, listUsers.path, listUsers.requestSerialize(listUsers.requestDeserialize(Buffer.alloc(0))), token)
const plain = (address: string) => new Client(address, credentials.createInsecure())
const nameless = (address: string) =>
  new Client(address, credentials.createSsl(trust(), null, null, { checkServerIdentity: () => undefined }))
const internal = async (service: string) =>
  (await createTokens(await readSigningKeys(), mesh.url.replace('127.0.0.1', 'localhost')).internal(service)).token

describe('a service', () => {
  test('is not reached without a certificate, with a foreign one, or with one that has expired', async () => {
    const token = await admin()
    expect(await list(plain(users), token)).toBe(status.UNAVAILABLE)
    expect(await list(nameless(users), token)).toBe(status.UNAVAILABLE)
    const foreign = createTestAuthority().identity({ proxy: 'envoy-1' }, { trust: String(trust()) })
    expect(await list(clientTo(users, 'users', foreign), token)).toBe(status.UNAVAILABLE)
    const expired = await identityOf({ proxy: 'envoy-1' }, -1000)
    expect(await list(clientTo(users, 'users', expired), token)).toBe(status.UNAVAILABLE)
    const proxy = await identityOf({ proxy: 'envoy-1' })
    expect(await list(clientTo(users, 'users', proxy), token)).toBe(status.OK)
  })

  test('takes a token only over the connection of its holder', async () => {
    const request = getUser.requestSerialize({ id: randomUUID() })
    const get = async (peer: Peer, service: string) =>
      call(clientTo(users, 'users', await identityOf(peer)), getUser.path, request, await internal(service))
    const own = { service: 'console', instance: 'console-9' }
    expect(await get(own, 'console')).toBe(status.NOT_FOUND)
    expect(await get({ service: 'images', instance: 'images-1' }, 'console')).toBe(status.UNAUTHENTICATED)
    expect(await get({ proxy: 'envoy-1' }, 'console')).toBe(status.UNAUTHENTICATED)
    expect(await get(own, 'images')).toBe(status.UNAUTHENTICATED)
    const images = await identityOf({ service: 'images', instance: 'images-1' })
    expect(await list(clientTo(users, 'users', images), await admin())).toBe(status.UNAUTHENTICATED)
  })
})

test('the Console tells nothing to who shows neither a certificate nor a secret of the mesh', async () => {
  const { path, requestSerialize } = AuthServiceService.login
  const login = requestSerialize({ ...mesh.admin, useCookie: false })
  const health = '/grpc.health.v1.Health/Check'
  expect(await call(plain(consoleAddress), path, login)).toBe(status.UNAVAILABLE)
  for (const [method, request] of [
    [path, login],
    ['/site11.console.v1.RegistryService/ListInstances', Buffer.alloc(0)],
    [health, Buffer.alloc(0)],
  ] as const)
    expect(await call(nameless(consoleAddress), method, request, await admin()), method).toBe(status.UNAUTHENTICATED)
  const foreign = createTestAuthority().identity({ proxy: 'envoy-1' }, { trust: String(trust()) })
  expect(await call(clientTo(consoleAddress, 'console', foreign), path, login)).toBe(status.UNAUTHENTICATED)
  const proxy = await identityOf({ proxy: 'envoy-1' })
  expect(await call(clientTo(consoleAddress, 'console', proxy), path, login)).toBe(status.OK)
})

test('the authority of certificates and the signing key are replaced at 300 requests a second, and none fails', async () => {
  const { id = '' } = (await createUser({})) ?? {}
  const traffic = startTraffic({ url: mesh.url, userId: id, token: (await admin()) ?? '' })
  await traffic.more(600)
  const [before, old] = [trust(), await issuerAt(consoleAddress)]
  for (const what of ['ca', 'keys'])
    expect(await meshCommand(['rotate', what], mesh.settings)).toMatchObject({ code: 0 })
  await until(
    'the change of authority',
    async () => {
      const { changes } = await diagnostics.listChanges({ filter: 'action = "ca.rotated"' })
      return changes.length > 0
    },
    90_000,
  )
  expect(trust().length).toBeGreaterThan(before.length)
  const newest = await issuerAt(consoleAddress)
  expect(newest).not.toBe(old)
  await until('the instance to show one of the next', async () => (await issuerAt(users)) === newest)
  // All connections anew, with what is in force now.
  expect(await meshCommand(['restart', 'users'], mesh.settings)).toMatchObject({ code: 0 })
  expect(await meshCommand(['restart', 'console'], mesh.settings)).toMatchObject({ code: 0 })
  await untilHealthy(mesh.url)
  await traffic.more(600)
  expect((await traffic.stop('authority and signing key replaced')).failures).toEqual([])
}, 180_000)

/** Who has signed the certificate at an address. */
async function issuerAt(address: string): Promise<string | undefined> {
  const [host, port] = address.split(':')
  const socket: TLSSocket = connect({ host, port: Number(port), rejectUnauthorized: false })
  // The other end hangs up on who shows none, but not before it has shown its own.
  socket.on('error', () => {})
  await once(socket, 'secureConnect')
  const { CN } = socket.getPeerCertificate().issuer
  socket.destroy()
  return String(CN)
}
