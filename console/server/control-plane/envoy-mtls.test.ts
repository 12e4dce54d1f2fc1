/** Envoy and instances over TLS, each sure of the other, while certificates and authorities change. */
import type { ServerCredentials } from '@grpc/grpc-js'
import { createTestAuthority, testAuthority, testService } from '@site11/runtime/test-identity.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Edge, startEdge } from './edge-fixture.ts'
import { clusterType } from './snapshot.ts'
import { instance, startUsers, until, usersContract } from './testbed.ts'

const trust = testAuthority.bundle
const foreign = createTestAuthority('foreign')

describe.each([{ delta: false }, { delta: true }])('Envoy asking for changes only: $delta', ({ delta }) => {
  let edge: Edge
  beforeAll(async () => {
    edge = await startEdge({ delta })
  })
  afterAll(() => edge?.stop())

  const servedBy = (port: number) => ({
    services: [{ name: 'users', contract: usersContract, instances: [instance('users-1', port)] }],
  })
  const get = () => edge.rest('/api/v1/users/u1', { token: edge.reader })

  const impostors: [string, () => ServerCredentials][] = [
    ['the certificate of another service', () => testService('images').server()],
    ['that of a service whose name begins alike', () => testService('users_more').server()],
    ['that of a proxy', () => testAuthority.identity({ proxy: 'edge-1' }).server()],
    ['that of a foreign authority', () => foreign.identity({ service: 'users', instance: 'u' }, { trust }).server()],
    [
      'one that has expired',
      () => testAuthority.identity({ service: 'users', instance: 'u' }, { untilMs: -1 }).server(),
    ],
  ]
  it.each(impostors)('sends nothing to an instance with %s', async (_, credentials) => {
    const impostor = await startUsers('impostor', credentials())
    expect(await edge.publish(servedBy(impostor.port))).toMatchObject({ waiting: [] })
    expect((await get()).status).toBe(503)
    expect(impostor.seen).toEqual([])
    await edge.publish()
    await until('the real one to be back', async () => (await get()).status === 200)
    impostor.stop()
  })

  it('an instance takes nothing from a proxy with a certificate of a foreign authority', async () => {
    const strict = await startUsers(
      'strict',
      testAuthority.identity({ service: 'users', instance: 'u' }, { trust: foreign.bundle }).server(),
    )
    await edge.publish(servedBy(strict.port))
    expect((await get()).status).toBe(503)
    expect(strict.seen).toEqual([])
    await edge.publish()
    await until('the real one to be back', async () => (await get()).status === 200)
    strict.stop()
  })

  it('authority, certificates of proxies and instances are replaced under traffic, and not one request fails', async () => {
    const next = createTestAuthority('next')
    const both = trust + next.bundle
    const users = testAuthority.identity({ service: 'users', instance: 'users-1' })
    const server = await startUsers('users-1', users.server())
    await until('all to be taken', async () => (await edge.publish(servedBy(server.port))).waiting.length === 0)
    await until('the new one', async () => (await get()).status === 200)
    const { controlPlane, certificates } = edge.plane()
    const clusters = () => controlPlane.proxies()[0]?.types.find(({ typeUrl }) => typeUrl === clusterType)?.ackedVersion
    const before = clusters()

    const statuses: number[] = []
    let running = true
    const load = Promise.all(
      Array.from({ length: 8 }, async () => {
        while (running) statuses.push((await get()).status)
      }),
    )
    const more = async () => {
      const wanted = statuses.length + 200
      await until('traffic', () => statuses.length >= wanted)
    }
    const publish = async (trustBundle: string) => {
      expect(await edge.publish({ ...servedBy(server.port), trustBundle })).toMatchObject({ waiting: [] })
    }
    await more()
    // The next authority is believed by all, then signs, and the old one goes.
    users.setTrust(both)
    await publish(both)
    await more()
    const own = next.certificate({ service: 'users', instance: 'users-1' })
    users.setCertificate({ chain: own.certificateChain, privateKey: own.privateKey })
    certificates.set('edge-1', next.certificate({ proxy: 'edge-1' }))
    controlPlane.certify()
    await more()
    await publish(next.bundle)
    users.setTrust(next.bundle)
    await more()
    // Only new connections show what is in force: a server that is new has none but those.
    const fresh = await startUsers('users-1', users.server())
    await edge.publish({ ...servedBy(fresh.port), trustBundle: next.bundle })
    await until('the fresh one', () => fresh.seen.length > 20)
    running = false
    await load
    console.log(`${statuses.length} requests over a change of authority`)
    expect(new Set(statuses)).toEqual(new Set([200]))
    expect(clusters()).toBe(before)
    await edge.publish()
    certificates.clear()
    controlPlane.certify()
    server.stop()
    fresh.stop()
  })
})
