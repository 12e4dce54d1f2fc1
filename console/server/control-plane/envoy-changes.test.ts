/** What a change of the mesh does to a real Envoy and to the traffic through it. */
import { once } from 'node:events'
import { Agent, request as httpRequest } from 'node:http'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bearer, type Edge, restOutcome, startEdge } from './edge-fixture.ts'
import { extensionType } from './snapshot.ts'
import { instance, signingKey, startUsers, until, usersContract } from './testbed.ts'

let edge: Edge
beforeAll(async () => {
  edge = await startEdge()
})
afterAll(() => edge?.stop())

describe('a change', () => {
  /** Requests over one connection that is kept. */
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const kept = async (token: string) => {
    const request = httpRequest(edge.url('/api/v1/users/u1'), { agent, headers: bearer(token) }).end()
    const [response] = await once(request, 'response')
    await response.resume().once('end', () => {})
    await once(response, 'close')
    return { status: response.statusCode, reused: request.reusedSocket }
  }
  const listenerChanges = async () =>
    (await edge.envoy.stat('listener_manager.listener_modified')) +
    (await edge.envoy.stat('listener_manager.listener_in_place_updated')) +
    (await edge.envoy.stat('listener_manager.total_listeners_draining'))

  afterAll(() => agent.destroy())

  it('of keys takes effect on open connections, and leaves the listener alone', async () => {
    await kept(edge.reader)
    const next = await signingKey('k2')
    const token = await next.token('users:read')
    expect(await kept(token)).toMatchObject({ status: 401, reused: true })
    expect(await edge.publish({ jwks: { keys: [edge.key.jwk, next.jwk] } })).toEqual({ waitingFor: [] })
    expect(await kept(token)).toEqual({ status: 200, reused: true })
    expect(await kept(edge.reader)).toEqual({ status: 200, reused: true })
    await edge.publish({ jwks: { keys: [next.jwk] } })
    expect(await kept(edge.reader)).toEqual({ status: 401, reused: true })
    await edge.publish()
    expect(await kept(edge.reader)).toEqual({ status: 200, reused: true })
    expect(await listenerChanges()).toBe(0)
  })

  it('of contracts takes effect on open connections, and leaves the listener alone', async () => {
    const set = fromBinary(FileDescriptorSetSchema, usersContract)
    const service = set.file.flatMap(file => file.service)[0] ?? expect.fail()
    service.method = service.method.filter(method => method.name !== 'GetUser')
    const contract = toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, set))
    const services = [{ name: 'users', contract, instances: [instance('users-1', edge.users.port)] }]
    await kept(edge.reader)
    expect(await edge.publish({ services })).toEqual({ waitingFor: [] })
    expect(await kept(edge.reader)).toEqual({ status: 404, reused: true })
    await edge.publish()
    expect(await kept(edge.reader)).toEqual({ status: 200, reused: true })
    expect(await listenerChanges()).toBe(0)
  })

  it('that Envoy refuses is shown with its reason, and traffic goes on as before', async () => {
    const broken = { keys: [{ kty: 'EC', kid: 'broken', crv: 'nonsense' }] }
    expect(await edge.publish({ jwks: broken })).toEqual({ waitingFor: ['edge-1'] })
    const refused = edge.proxies()[0]?.types.find(type => type.typeUrl === extensionType)
    expect(refused?.nackReason).toMatch(/jwks/i)
    expect(refused?.nackedVersion).toBe(refused?.sentVersion)
    expect(await kept(edge.reader)).toMatchObject({ status: 200 })
    expect(await edge.publish()).toEqual({ waitingFor: [] })
    expect(edge.proxies()[0]?.types.every(type => type.nackReason === '')).toBe(true)
  })

  it('of endpoints moves the traffic, and not one request fails', async () => {
    const second = await startUsers('users-2')
    const both = (first: Parameters<typeof instance>[2]) => ({
      services: [
        {
          name: 'users',
          contract: usersContract,
          instances: [instance('users-1', edge.users.port, first), instance('users-2', second.port)],
        },
      ],
    })
    const statuses: number[] = []
    let running = true
    const load = (async () => {
      while (running) {
        const batch = await Promise.all(
          Array.from({ length: 8 }, () => edge.rest('/api/v1/users/u1', { token: edge.reader })),
        )
        statuses.push(...batch.map(each => each.status))
      }
    })()
    await edge.publish(both({}))
    await until('traffic at the second instance', () => second.seen.length > 0)
    await edge.publish(both({ draining: true }))
    const before = edge.users.seen.length
    await Promise.all(Array.from({ length: 20 }, () => edge.rest('/api/v1/users/u1', { token: edge.reader })))
    expect(edge.users.seen.length).toBe(before)
    await edge.publish()
    running = false
    await load
    second.stop()
    expect(new Set(statuses)).toEqual(new Set([200]))
    expect((await edge.rest('/api/v1/users/u1', { token: edge.reader })).status).toBe(200)
  })

  it('that takes the last instance away gives 503 that says so, until there is one again', async () => {
    for (const instances of [[], [instance('users-1', edge.users.port, { healthy: false })]]) {
      await edge.publish({ services: [{ name: 'users', contract: usersContract, instances }] })
      const response = await edge.rest('/api/v1/users/u1', { token: edge.reader })
      const outcome = restOutcome(response.json())
      expect(response.status).toBe(503)
      expect(outcome).toMatchObject({ code: 14, reason: 'DEPENDENCY_UNAVAILABLE' })
      expect(await edge.grpcCall(edge.reader)).toEqual(outcome)
      expect(await edge.webCall(edge.reader)).toEqual(outcome)
    }
    await edge.publish()
    expect(await edge.grpcCall(edge.reader)).toEqual({ id: 'u1' })
  })

  it('waits for a control plane that is away; traffic goes on, and what came meanwhile is taken then', async () => {
    const controlPlane = await edge.withoutControlPlane(async () => {
      expect(await edge.grpcCall(edge.reader)).toEqual({ id: 'u1' })
    })
    await until('the proxy', () => controlPlane.proxies().length > 0)
    expect(await controlPlane.whenAcked(5_000)).toEqual({ waitingFor: [] })
    expect(await edge.grpcCall(edge.reader)).toEqual({ id: 'u1' })
  })
})
