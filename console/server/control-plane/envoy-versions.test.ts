/** Versions of one service behind a real Envoy: weights, the header that chooses, and what happens when a version fails. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Edge, metadataOf, restOutcome, startEdge } from './edge-fixture.ts'
import type { InstanceState, ServiceState } from './state.ts'
import { consoleContract, instance, startUsers, usersContract } from './testbed.ts'

let edge: Edge
let newer: Awaited<ReturnType<typeof startUsers>>
beforeAll(async () => {
  edge = await startEdge()
  newer = await startUsers('users-2')
})
afterAll(async () => {
  await edge?.stop()
  newer?.stop()
})

const weights = (percent: number) => [
  { version: '0.1.0', percent: 100 - percent },
  { version: '0.2.0', percent },
]
/** Publishes an old and a new instance, each with changes. */
function publish(
  traffic: ServiceState['traffic'],
  { first = {}, second = {} }: { first?: Partial<InstanceState>; second?: Partial<InstanceState> } = {},
) {
  const instances = [
    instance('users-1', edge.users.port, first),
    instance('users-2', newer.port, { version: '0.2.0', apiVersion: '1.1', ...second }),
  ]
  return edge.publish({
    services: [
      { name: 'users', contract: usersContract, instances, traffic },
      { name: 'console', contract: consoleContract, instances: [] },
    ],
  })
}

/** Sends so many requests, eight at a time. @returns how many each instance answered, and how many failed. */
async function spread(count: number, headers: Record<string, string> = {}) {
  const found = { 'users-1': 0, 'users-2': 0, failed: 0 }
  let left = count
  const one = () =>
    new Promise<void>(resolve =>
      edge.grpc.getUser({ id: 'u1' }, metadataOf(edge.reader, headers), (error, response) => {
        const name = error ? 'failed' : (response.user?.displayName ?? 'failed')
        found[name as keyof typeof found] += 1
        resolve()
      }),
    )
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      while (left-- > 0) await one()
    }),
  )
  return found
}

describe('weights', () => {
  it.each([0, 10, 50, 100])('of %i percent hold within statistics', async percent => {
    expect(await publish(weights(percent))).toMatchObject({ waiting: [] })
    const count = 1000
    const { failed, 'users-2': got } = await spread(count)
    expect(failed).toBe(0)
    const sigma = Math.sqrt(count * (percent / 100) * (1 - percent / 100))
    expect(Math.abs(got - (count * percent) / 100)).toBeLessThanOrEqual(5 * sigma)
  })

  it('that change under load drop no request, and leave the listener alone', async () => {
    await publish(weights(0))
    let done = false
    const counts: Awaited<ReturnType<typeof spread>>[] = []
    const load = (async () => {
      while (!done) counts.push(await spread(40))
    })()
    for (const percent of [10, 25, 50, 75, 100, 0, 50])
      expect(await publish(weights(percent))).toMatchObject({ waiting: [] })
    expect(await publish(undefined)).toMatchObject({ waiting: [] })
    done = true
    await load
    expect(counts.reduce((sum, { failed }) => sum + failed, 0)).toBe(0)
    expect(await edge.envoy.stat('listener_manager.listener_modified')).toBe(0)
    expect(await edge.envoy.stat('cluster_manager.cluster_modified')).toBe(0)
  })

  it.each([{ healthy: false }, { draining: true }])('of a version that is %o go to the other one', async state => {
    await publish(weights(50), { second: state })
    expect(await spread(100)).toEqual({ 'users-1': 100, 'users-2': 0, failed: 0 })
    await publish(weights(0), { first: state })
    expect(await spread(100)).toEqual({ 'users-1': 0, 'users-2': 100, failed: 0 })
  })

  it.each<[string, ServiceState['traffic']]>([
    ['no weights', undefined],
    ['half and half', weights(50)],
    ['nearly all for it', weights(99)],
  ])('with an instance just killed, and %s, no request fails: a retry goes to the other one', async (_, traffic) => {
    const killed = await startUsers('users-9')
    killed.stop()
    await publish(traffic, { second: { port: killed.port } })
    expect(await spread(200)).toEqual({ 'users-1': 200, 'users-2': 0, failed: 0 })
  })

  it('of a version that is not there go to the other one', async () => {
    await publish([{ version: '0.3.0', percent: 100 }])
    expect(await spread(40)).toMatchObject({ failed: 0 })
  })
})

describe('X-API-Version', () => {
  beforeEach(async () => {
    await publish(weights(50))
  })

  it.each([
    ['1.0', 'users-1'],
    ['1.1', 'users-2'],
  ])('%s chooses over gRPC, REST and gRPC-Web, whatever the weights', async (version, name) => {
    const headers = { 'x-api-version': version }
    expect(await spread(40, headers)).toMatchObject({ [name]: 40, failed: 0 })
    for (let count = 0; count < 10; count++) {
      const { status, json } = await edge.rest('/api/v1/users/u1', { token: edge.reader, headers })
      expect([status, json().user.displayName]).toEqual([200, name])
      const { user } = await edge.web(edge.reader).getUser({ id: 'u1' }, { headers })
      expect(user?.displayName).toBe(name)
    }
  })

  it.each(['1.2', '1', '2.0', '', '1.0, 1.1', '1.0 1.0'])(
    '"%s", which no instance serves, is refused with those that there are, over all alike',
    async version => {
      const headers = { 'x-api-version': version }
      const { status, json } = await edge.rest('/api/v1/users/u1', { token: edge.reader, headers })
      const rest = restOutcome(json())
      expect([status, rest.code, rest.reason]).toEqual([400, 9, 'VERSION_NOT_SERVED'])
      expect(rest.message).toMatch(/users.*1\.0, 1\.1/)
      expect(json().details[0].metadata).toEqual({ api_versions: '1.0, 1.1' })
      const grpc = await edge.grpcCall(edge.reader, 'u1', headers)
      expect(grpc).toMatchObject({ code: 9, reason: 'VERSION_NOT_SERVED', message: rest.message })
      const web = await edge
        .web(edge.reader)
        .getUser({ id: 'u1' }, { headers })
        .catch(error => error)
      expect(web).toMatchObject({ code: 9, rawMessage: rest.message })
    },
  )

  it('that was asked for is never another, even when none of it can serve', async () => {
    await publish(weights(50), { second: { healthy: false } })
    const { status, json } = await edge.rest('/api/v1/users/u1', {
      token: edge.reader,
      headers: { 'x-api-version': '1.1' },
    })
    expect([status, restOutcome(json()).code]).toEqual([503, 14])
    expect(await spread(20)).toMatchObject({ failed: 0 })
  })

  it('needs the same token and scope as without it', async () => {
    for (const version of ['1.0', '1.1']) {
      expect(await edge.grpcCall(undefined, 'u1', { 'x-api-version': version })).toMatchObject({ code: 16 })
      const profile = await edge.key.token('profile')
      expect(await edge.grpcCall(profile, 'u1', { 'x-api-version': version })).toMatchObject({ code: 7 })
    }
  })

  it('is followed by weights among the versions that serve it', async () => {
    await publish(weights(10), { second: { apiVersion: '1.0' } })
    const { failed, 'users-2': got } = await spread(500, { 'x-api-version': '1.0' })
    expect(failed).toBe(0)
    expect(got).toBeGreaterThan(10)
    expect(got).toBeLessThan(100)
  })
})
