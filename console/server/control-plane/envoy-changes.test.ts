/** What a change of the mesh does to a real Envoy and to the traffic through it. */
import { once } from 'node:events'
import { Agent, request as httpRequest } from 'node:http'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { EnumValueDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { ProxyProgress } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bearer, type Edge, restOutcome, startEdge } from './edge-fixture.ts'
import { extensionType } from './snapshot.ts'
import { instance, signingKey, startUsers, until, usersContract } from './testbed.ts'

describe.each([{ delta: false }, { delta: true }])(
  'with Envoy asking for changes only: $delta, a change',
  ({ delta }) => {
    let edge: Edge
    beforeAll(async () => {
      edge = await startEdge({ delta })
    })
    afterAll(() => edge?.stop())

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
      expect(await edge.publish({ jwks: { keys: [edge.key.jwk, next.jwk] } })).toMatchObject({ waiting: [] })
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
      expect(await edge.publish({ services })).toMatchObject({ waiting: [] })
      expect(await kept(edge.reader)).toEqual({ status: 404, reused: true })
      await edge.publish()
      expect(await kept(edge.reader)).toEqual({ status: 200, reused: true })
      expect(await listenerChanges()).toBe(0)
    })

    it('that Envoy refuses is shown with its reason and the change it came with; traffic goes on as before', async () => {
      const { controlPlane, events } = edge.plane()
      const filters = () => controlPlane.proxies()[0]?.types.find(type => type.typeUrl === extensionType)
      await edge.publish()
      const good = edge.lastChange()
      const broken = { keys: [{ kty: 'EC', kid: 'broken', crv: 'nonsense' }] }
      const { change, waiting } = await edge.publish({ jwks: broken })
      expect(change).toBe(good + 1)
      expect(waiting).toEqual([{ nodeId: 'edge-1', reason: expect.stringMatching(/^refuses filters .*jwks/i) }])
      expect(events.filter(event => event.type === 'refused').map(({ contracts: _, ...event }) => event)).toEqual([
        {
          type: 'refused',
          nodeId: 'edge-1',
          typeUrl: extensionType,
          version: expect.any(String),
          reason: expect.stringMatching(/jwks/i),
          resources: ['envoy.filters.http.jwt_authn'],
          changes: { first: change, last: change },
        },
      ])
      expect(filters()).toMatchObject({
        nackReason: expect.stringMatching(/jwks/i),
        nackedResources: ['envoy.filters.http.jwt_authn'],
        nackChanges: [change],
        nackedTime: expect.any(Date),
      })
      expect(controlPlane.proxies()[0]).toMatchObject({
        takenChange: good,
        progress: ProxyProgress.PROXY_PROGRESS_REFUSED,
      })
      expect(await kept(edge.reader)).toMatchObject({ status: 200 })

      // Everything else goes on; what Envoy still refuses is not sent again.
      const draining = [instance('users-1', edge.users.port), instance('users-2', edge.users.port, { draining: true })]
      const services = [{ name: 'users', contract: usersContract, instances: draining }]
      await edge.publish({ jwks: broken, services })
      expect(controlPlane.beliefs()[0]?.endpoints.get('users/users-2')).toMatchObject({ status: 'draining' })
      expect(events.filter(event => event.type === 'refused')).toHaveLength(1)

      expect(await edge.publish()).toMatchObject({ waiting: [] })
      expect(filters()).toMatchObject({ nackReason: '', nackedResources: [], nackChanges: [], nackedTime: undefined })
      expect(events.at(-1)).toMatchObject({ type: 'accepted', change: edge.lastChange() })
    })

    it('of a contract that only Envoy finds fault with is shown as that, and the next good one is taken', async () => {
      const set = fromBinary(FileDescriptorSetSchema, usersContract)
      const [values] = set.file.find(file => file.name === 'site11/users/v1/user.proto')?.enumType ?? []
      // Two values of one name: not looked at by all readers of descriptors.
      values?.value.push(create(EnumValueDescriptorProtoSchema, { name: values.value[0]?.name ?? '', number: 99 }))
      const contract = toBinary(FileDescriptorSetSchema, set)
      const services = [{ name: 'users', contract, instances: [instance('users-1', edge.users.port)] }]
      const { events } = edge.plane()
      const from = events.length
      await edge.publish()
      const { change, waiting } = await edge.publish({ services })
      expect(waiting).toEqual([{ nodeId: 'edge-1', reason: expect.stringContaining('grpc_json_transcoder') }])
      const refused = events.slice(from).filter(event => event.type === 'refused')
      expect(refused).toMatchObject([
        { resources: ['envoy.filters.http.grpc_json_transcoder'], changes: { first: change, last: change } },
      ])
      expect(refused[0]?.contracts.get('users')).toBe(contract)
      expect(await kept(edge.reader)).toMatchObject({ status: 200 })
      expect(await edge.publish()).toMatchObject({ waiting: [] })
      expect(await kept(edge.reader)).toMatchObject({ status: 200 })
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
      // What Envoy had sent on before it knew is still to arrive.
      const done = statuses.length
      await until('what was under way', () => statuses.length >= done + 16)
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
      expect(await controlPlane.waitForAcks({ timeoutMs: 5_000 })).toMatchObject({ waiting: [] })
      expect(await edge.grpcCall(edge.reader)).toEqual({ id: 'u1' })
    })
  },
)
