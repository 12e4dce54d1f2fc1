import { credentials, ServerCredentials } from '@grpc/grpc-js'
import { register } from '@grpc/grpc-js-xds'
import { UsersServiceClient } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { clusterType, endpointType, listenerType, routeType } from './snapshot.ts'
import {
  instance,
  meshState,
  signingKey,
  startControlPlane,
  startEnvoy,
  startUsers,
  until,
  usersContract,
} from './testbed.ts'

type Users = Awaited<ReturnType<typeof startUsers>>

let plane: Awaited<ReturnType<typeof startControlPlane>>
let envoy: Awaited<ReturnType<typeof startEnvoy>>
let servers: [Users, Users, Users]
let client: UsersServiceClient
let key: Awaited<ReturnType<typeof signingKey>>
let change = 0

const publish = (...instances: ReturnType<typeof instance>[]) => {
  const services = [{ name: 'users', contract: usersContract, instances }]
  plane.controlPlane.publish(meshState({ services, jwks: { keys: [key.jwk] } }), ++change)
  return plane.controlPlane.waitForAcks({ timeoutMs: 5_000 })
}
const at = (index: number, more: Parameters<typeof instance>[2] = {}) =>
  instance(`users-${index}`, servers[index]?.port ?? 0, more)
/** Who answers ten calls. */
const answering = async () => {
  const names = Array.from({ length: 10 }, async () => {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    client.getUser({ id: 'u1' }, (error, response) =>
      error ? reject(error) : resolve(response.user?.displayName ?? ''),
    )
    return promise
  })
  return [...new Set(await Promise.all(names))].sort()
}

beforeAll(async () => {
  key = await signingKey('k1')
  // The library's bootstrap has no other credentials, so instances of this mesh are not within its reach.
  const start = (name: string) => startUsers(name, ServerCredentials.createInsecure())
  servers = await Promise.all([start('users-0'), start('users-1'), start('users-2')])
  plane = await startControlPlane('secret')
  await publish(at(0), at(1))
  envoy = await startEnvoy('edge-1', plane.port, 'secret')
  const insecurePort = await plane.listenInsecurely()
  // The library reads this when its first channel is made.
  process.env.GRPC_XDS_BOOTSTRAP_CONFIG = JSON.stringify({
    xds_servers: [{ server_uri: `127.0.0.1:${insecurePort}`, channel_creds: [{ type: 'insecure' }] }],
    node: { id: 'grpc-1', locality: {}, metadata: { site11_join_token: 'secret' } },
  })
  register()
  client = new UsersServiceClient('xds:///users', credentials.createInsecure())
})

afterAll(async () => {
  client?.close()
  await envoy?.stop()
  plane?.stop()
  for (const server of servers ?? []) server.stop()
})

it("gRPC's own xDS client balances over the instances, and follows one that fails, one that comes and one that goes", async () => {
  await until('both', async () => (await answering()).join() === 'users-0,users-1')
  const told = plane.controlPlane.proxies().find(({ nodeId }) => nodeId === 'grpc-1')
  expect(told?.client).toMatch(/^gRPC Node Pure JS \d/)
  expect(told?.types.map(({ typeUrl }) => typeUrl)).toEqual([clusterType, endpointType, listenerType, routeType])

  expect(await publish(at(0), at(1, { healthy: false }))).toEqual({ change, waiting: [] })
  await until('the failing one to be left', async () => (await answering()).join() === 'users-0')
  await publish(at(0), at(1, { healthy: false }), at(2))
  await until('the new one', async () => (await answering()).join() === 'users-0,users-2')
  await publish(at(2))
  await until('the one that went', async () => (await answering()).join() === 'users-2')
  expect(plane.controlPlane.beliefs().find(({ nodeId }) => nodeId === 'grpc-1')?.endpoints).toEqual(
    new Map([['users/users-2', { status: 'healthy', since: expect.any(Date), version: expect.any(String) }]]),
  )
})

it('what it gets is not for Envoy, which goes on as before', async () => {
  await answering()
  expect(plane.events.filter(({ type }) => type === 'refused')).toEqual([])
  expect(await envoy.get('/clusters')).not.toContain('grpc/users')
  expect(await envoy.stat('listener_manager.total_listeners_active')).toBe(1)
  expect(await envoy.stat('listener_manager.listener_modified')).toBe(0)
})
