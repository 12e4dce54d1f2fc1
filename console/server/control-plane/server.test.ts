import { fromBinary } from '@bufbuild/protobuf'
import { status } from '@grpc/grpc-js'
import { DiscoveryVariant, ProxyProgress } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import { afterEach, describe, expect, it } from 'vitest'
import { messageType } from './encode.ts'
import { connectProxy } from './proxy-fixture.ts'
import { clusterType, endpointType, extensionType, listenerType, routeType } from './snapshot.ts'
import { StateError } from './state.ts'
import { instance, meshState, startControlPlane, until, usersContract } from './testbed.ts'

const cleanups: (() => void)[] = []

afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup()
})

async function start() {
  const started = await startControlPlane('secret')
  cleanups.push(started.stop)
  const connect = (options: Parameters<typeof connectProxy>[1] = {}) => {
    const proxy = connectProxy(started.port, { token: 'secret', ...options })
    cleanups.push(proxy.close)
    return proxy
  }
  return { ...started, connect }
}

const users = (...instances: ReturnType<typeof instance>[]) =>
  meshState({ services: [{ name: 'users', contract: usersContract, instances }] })

describe('a proxy', () => {
  it.each([{ token: '' }, { token: 'wrong' }, { token: 'wrong', metadata: { site11_join_token: 'secret' } }])(
    'without the join token is refused: %j',
    async options => {
      const { controlPlane, connect } = await start()
      controlPlane.publish(meshState(), 1)
      const proxy = connect(options)
      proxy.ask(clusterType)
      expect(await proxy.ended).toBe(status.UNAUTHENTICATED)
      expect(proxy.received).toEqual([])
      expect(controlPlane.proxies()).toEqual([])
    },
  )

  it('may show the join token in the metadata of its node, and gets nothing before', async () => {
    const { controlPlane, port } = await start()
    controlPlane.publish(meshState(), 1)
    const [good, bad] = ['secret', 'wrong'].map(site11_join_token =>
      connectProxy(port, { metadata: { site11_join_token } }),
    )
    cleanups.push(
      () => good?.close(),
      () => bad?.close(),
    )
    for (const proxy of [good, bad]) proxy?.ask(clusterType)
    expect(await bad?.ended).toBe(status.UNAUTHENTICATED)
    await until('clusters', () => good?.received[0])
    expect(controlPlane.proxies()).toHaveLength(1)
  })

  it.each<Parameters<typeof connectProxy>[1]>([
    { nodeId: '' },
    { metadata: { edge_address: 'localhost' } },
    { metadata: { edge_port: '8100' } },
    { metadata: { edge_port: 70_000 } },
  ])('that says of itself what cannot be used is refused: %j', async options => {
    const { connect } = await start()
    const proxy = connect(options)
    proxy.ask(clusterType)
    expect(await proxy.ended).toBe(status.INVALID_ARGUMENT)
  })

  it('is answered once there is a state', async () => {
    const { controlPlane, connect } = await start()
    const proxy = connect()
    proxy.ask(clusterType)
    await until('the proxy', () => controlPlane.proxies()[0])
    expect(proxy.received).toEqual([])
    controlPlane.publish(meshState(), 1)
    expect((await until('a response', () => proxy.received[0])).resources).toHaveLength(4)
  })

  it('gets the last good state when one cannot be used', async () => {
    const { controlPlane, connect } = await start()
    controlPlane.publish(meshState(), 1)
    const broken = meshState({ services: [{ name: 'users', contract: Buffer.from('?'), instances: [] }] })
    expect(() => controlPlane.publish(broken, 2)).toThrow(StateError)
    const proxy = connect()
    proxy.ask(clusterType)
    expect((await until('clusters', () => proxy.received[0])).resources).toHaveLength(4)
  })

  it('has the public listener where its metadata says, and it alone', async () => {
    const { controlPlane, connect } = await start()
    controlPlane.publish(meshState(), 1)
    const proxies = [connect(), connect({ nodeId: 'edge-2', metadata: { edge_address: '127.0.0.2', edge_port: 8100 } })]
    const addresses = proxies.map(async proxy => {
      proxy.ask(listenerType)
      const { resources } = await until('the listener', () => proxy.received[0])
      const type = messageType('envoy.config.listener.v3.Listener')
      return fromBinary(type, resources[0]?.value ?? new Uint8Array())
    })
    const socket = (address: string, portValue: number) => ({
      address: { address: { value: { address, portSpecifier: { value: portValue } } } },
    })
    expect(await Promise.all(addresses)).toMatchObject([socket('127.0.0.1', 0), socket('127.0.0.2', 8100)])
  })
})

describe.each(['sotw', 'delta'] as const)('of a proxy (%s)', variant => {
  it('is told what it was sent, accepted and refused, when, why and by which change', async () => {
    const { controlPlane, events, connect } = await start()
    controlPlane.publish(users(instance('users-1', 1)), 7)
    const proxy = connect({ variant, program: 'test' })
    const begin = new Date()
    proxy.ask(endpointType, ['users'])
    const first = await proxy.answer(0, { names: ['users'] })
    await until('the ACK', () => controlPlane.proxies()[0]?.progress === ProxyProgress.PROXY_PROGRESS_ACCEPTED)
    controlPlane.publish(users(instance('users-1', 2)), 9)
    const second = await proxy.answer(1, { names: ['users'], error: 'I do not like it' })
    const told = await until('the NACK', () => controlPlane.proxies().find(({ types }) => types[0]?.nackReason))
    expect(told).toEqual({
      nodeId: 'edge-1',
      client: 'test',
      variant:
        DiscoveryVariant[variant === 'sotw' ? 'DISCOVERY_VARIANT_STATE_OF_THE_WORLD' : 'DISCOVERY_VARIANT_DELTA'],
      connectTime: expect.any(Date),
      progress: ProxyProgress.PROXY_PROGRESS_REFUSED,
      progressSince: expect.any(Date),
      takenChange: 7,
      types: [
        {
          typeUrl: endpointType,
          sentVersion: second.version,
          ackedVersion: first.version,
          nackedVersion: second.version,
          nackReason: 'I do not like it',
          sentTime: expect.any(Date),
          ackedTime: expect.any(Date),
          nackedTime: expect.any(Date),
          nackedResources: ['users'],
          nackChanges: [8, 9],
        },
      ],
    })
    const { sentTime, ackedTime, nackedTime } = told.types[0] ?? {}
    const times = [begin, told.connectTime, ackedTime, sentTime, nackedTime].map(time => time?.getTime() ?? 0)
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    expect(events).toEqual([
      { type: 'connected', nodeId: 'edge-1', client: 'test' },
      { type: 'accepted', nodeId: 'edge-1', change: 7, contracts: new Map() },
      {
        type: 'refused',
        nodeId: 'edge-1',
        typeUrl: endpointType,
        version: second.version,
        reason: 'I do not like it',
        resources: ['users'],
        changes: { first: 8, last: 9 },
        contracts: new Map([['users', usersContract]]),
      },
    ])
  })

  it('all changes since what it accepted last may be why it refuses', async () => {
    const { controlPlane, connect } = await start()
    controlPlane.publish(users(), 1)
    const proxy = connect({ variant })
    proxy.ask(endpointType, ['users', 'console-http'])
    await proxy.answer(0, { names: ['users', 'console-http'] })
    await until('the ACK', () => controlPlane.proxies()[0]?.takenChange === 1)
    for (const port of [2, 3, 4]) controlPlane.publish(users(instance('users-1', port)), port)
    await proxy.answer(1, { names: ['users', 'console-http'], error: 'no' })
    await until('the next', () => proxy.received[2])
    await proxy.answer(2, { names: ['users', 'console-http'], error: 'no' })
    const refused = await until('the NACK', () => controlPlane.proxies()[0]?.types.find(type => type.nackReason))
    expect(refused.nackChanges).toEqual([2, 3, 4])
  })

  it('is told what it believes of instances, and since when, by what it has accepted', async () => {
    const { controlPlane, connect } = await start()
    const [one, two] = [instance('users-1', 1), instance('users-2', 2)]
    controlPlane.publish(users(one, two), 1)
    const proxy = connect({ variant })
    proxy.ask(endpointType, ['users', 'console-http'])
    const first = await until('endpoints', () => proxy.received[0])
    expect(controlPlane.beliefs()).toEqual([{ nodeId: 'edge-1', endpoints: new Map() }])
    await proxy.answer(0, { names: ['users', 'console-http'] })
    const beliefs = () => Object.fromEntries(controlPlane.beliefs()[0]?.endpoints ?? [])
    await until('the ACK', () => beliefs()['users/users-1'])
    const before = beliefs()
    const healthy = { status: 'healthy', version: first.version, since: expect.any(Date) }
    expect(before).toEqual({ 'users/users-1': healthy, 'users/users-2': healthy })

    controlPlane.publish(users({ ...one, healthy: false }, two), 2)
    const second = await until('endpoints', () => proxy.received[1])
    expect(beliefs()).toEqual(before)
    await proxy.answer(1, { names: ['users', 'console-http'] })
    await until('the ACK', () => beliefs()['users/users-1']?.status === 'unhealthy')
    expect(beliefs()).toEqual({
      'users/users-1': { status: 'unhealthy', version: second.version, since: expect.any(Date) },
      'users/users-2': before['users/users-2'],
    })

    controlPlane.publish(users({ ...two, draining: true }), 3)
    await proxy.answer(2, { names: ['users', 'console-http'] })
    await until('the ACK', () => beliefs()['users/users-2']?.status === 'draining')
    expect(Object.keys(beliefs())).toEqual(['users/users-2'])
  })

  it('that never answers is held one response, however much changes, and does not hold up others', async () => {
    const { controlPlane, connect } = await start()
    controlPlane.publish(users(instance('users-1', 1)), 1)
    const [silent, other] = [connect({ variant, nodeId: 'silent' }), connect({ variant, nodeId: 'other' })]
    for (const proxy of [silent, other]) proxy.ask(endpointType, ['users'])
    await until('endpoints', () => silent.received[0])
    await other.answer(0, { names: ['users'] })
    for (let change = 2; change <= 200; change++) controlPlane.publish(users(instance('users-1', change)), change)
    const acked = controlPlane.waitForAcks({ timeoutMs: 10_000 })
    let next = 1
    await until('the other to have it', async () => {
      if (other.received[next]) await other.answer(next++, { names: ['users'] })
      return controlPlane.proxies().find(({ nodeId }) => nodeId === 'other')?.takenChange === 200
    })
    expect(silent.received).toHaveLength(1)
    await silent.answer(0, { names: ['users'] })
    await silent.answer(1, { names: ['users'] })
    expect(await acked).toEqual({ change: 200, waiting: [] })
    expect(silent.received).toHaveLength(2)
  })
})

describe('two streams of one node id', () => {
  it('are one proxy, the one that came last; when that goes, the other', async () => {
    const { controlPlane, events, connect } = await start()
    controlPlane.publish(users(), 1)
    const old = connect()
    old.ask(endpointType, ['users'])
    await until('endpoints', () => old.received[0])
    const back = connect({ program: 'back' })
    back.ask(endpointType, ['users'])
    await back.answer(0, { names: ['users'] })
    await until('the ACK', () => controlPlane.proxies()[0]?.takenChange === 1)
    expect(controlPlane.proxies()).toMatchObject([{ nodeId: 'edge-1', client: 'back' }])
    expect(controlPlane.beliefs()).toHaveLength(1)
    expect(await controlPlane.waitForAcks({ timeoutMs: 5_000 })).toEqual({ change: 1, waiting: [] })
    back.cancel()
    await until('the old one', () => controlPlane.proxies()[0]?.client === 'test')
    expect(events.filter(({ type }) => type !== 'accepted')).toEqual([
      { type: 'connected', nodeId: 'edge-1', client: 'test' },
    ])
    old.cancel()
    await until('none', () => controlPlane.proxies().length === 0)
    expect(events.at(-1)).toEqual({ type: 'disconnected', nodeId: 'edge-1', client: 'test' })
  })
})

describe('waiting for a change', () => {
  it('says of each proxy what it has not done', async () => {
    const { controlPlane, connect } = await start()
    controlPlane.publish(users(), 1)
    const reasons = async (change?: number) => {
      const { waiting } = await controlPlane.waitForAcks({ ...(change !== undefined && { change }), timeoutMs: 0 })
      return waiting
    }
    expect(await reasons()).toEqual([])
    const silent = connect({ nodeId: 'b' })
    silent.ask(endpointType, ['users'])
    const { version } = await until('endpoints', () => silent.received[0])
    const lazy = connect({ nodeId: 'a' })
    lazy.ask(clusterType)
    await lazy.answer(0)
    await until('the ACK', () => controlPlane.proxies()[0]?.types[0]?.ackedVersion)
    expect(await reasons()).toEqual([
      { nodeId: 'a', reason: expect.stringMatching(/^has not asked for endpoints since it connected \d\.\d s ago$/) },
      {
        nodeId: 'b',
        reason: expect.stringMatching(`^has not answered endpoints version ${version} sent \\d\\.\\d s ago$`),
      },
    ])
    await silent.answer(0, { names: ['users'], error: 'no' })
    await until('the NACK', () => controlPlane.proxies()[1]?.types[0]?.nackReason)
    expect((await reasons())[1]).toEqual({ nodeId: 'b', reason: 'refuses endpoints (users): no' })
    expect((await reasons(2))[1]).toEqual({ nodeId: 'b', reason: 'is still to be sent change 2' })
    silent.cancel()
    await until('it to be gone', () => controlPlane.proxies().length === 1)
    expect((await reasons())[1]).toEqual({
      nodeId: 'b',
      reason: expect.stringMatching(/^lost its stream \d\.\d s ago/),
    })
  })

  it('ends when a proxy has it, though it has much newer to take', async () => {
    const { controlPlane, connect } = await start()
    controlPlane.publish(users(), 1)
    const proxy = connect()
    proxy.ask(endpointType, ['users'])
    await proxy.answer(0, { names: ['users'] })
    controlPlane.publish(users(instance('users-1', 2)), 2)
    await until('it', () => proxy.received[1])
    const taken = controlPlane.waitForAcks({ change: 2, timeoutMs: 10_000 })
    // Out at once, as it takes an instance away; and kept back by the protocol until the one before is answered.
    controlPlane.publish(users(instance('users-1', 3)), 3)
    await proxy.answer(1, { names: ['users'] })
    expect(await taken).toEqual({ change: 2, waiting: [] })
    expect(controlPlane.proxies()[0]).toMatchObject({ takenChange: 2, progress: ProxyProgress.PROXY_PROGRESS_WAITING })
  })

  it('waits a moment for a proxy that lost its stream, and no longer', async () => {
    const { controlPlane, connect } = await start()
    controlPlane.publish(users(), 1)
    const proxy = connect()
    proxy.ask(endpointType, ['users'])
    await until('endpoints', () => proxy.received[0])
    const acked = controlPlane.waitForAcks({ timeoutMs: 10_000 })
    proxy.cancel()
    expect(await acked).toMatchObject({ waiting: [{ nodeId: 'edge-1' }] })
    const back = connect()
    back.ask(endpointType, ['users'])
    await back.answer(0, { names: ['users'] })
    expect(await controlPlane.waitForAcks({ timeoutMs: 10_000 })).toEqual({ change: 1, waiting: [] })
    back.end()
    await until('it to be gone', () => controlPlane.proxies().length === 0)
    expect(await controlPlane.waitForAcks({ timeoutMs: 10_000 })).toEqual({ change: 1, waiting: [] })
  })

  it('waits for the change to be published, and ends when it is told to', async () => {
    const { controlPlane } = await start()
    controlPlane.publish(users(), 1)
    const waiting = controlPlane.waitForAcks({ change: 2, timeoutMs: 10_000 })
    controlPlane.publish(users(), 2)
    expect(await waiting).toEqual({ change: 2, waiting: [] })
    const abort = new AbortController()
    const never = controlPlane.waitForAcks({ change: 3, timeoutMs: 60_000, signal: abort.signal })
    abort.abort()
    expect((await never).change).toBe(3)
  })
})

describe('changes', () => {
  it('go out at once after a quiet time; those close behind wait for more, but for a removal', async () => {
    const { controlPlane, connect } = await start()
    const all = [1, 2, 3].map(number => instance(`users-${number}`, number))
    let change = 0
    /** A change of the dashboard is one that the proxy has not asked for. */
    const publish = (instances: typeof all, dashboard = 11) => {
      const services = [{ name: 'users', contract: usersContract, instances }]
      controlPlane.publish(meshState({ services, dashboard: { address: '127.0.0.1', port: dashboard } }), ++change)
    }
    publish(all.slice(0, 1))
    const proxy = connect()
    proxy.ask(endpointType, ['users'])
    await proxy.answer(0, { names: ['users'] })
    await controlPlane.waitForAcks({ timeoutMs: 5_000 })
    // What goes out at once is sent when publish returns.
    const sent = () => controlPlane.proxies()[0]?.types[0]?.sentVersion
    const versions = [sent()]
    const quiet = performance.now() + 40
    await until('quiet', () => performance.now() > quiet)
    publish(all.slice(0, 2))
    expect(sent()).not.toBe(versions.at(-1))
    await proxy.answer(1, { names: ['users'] })
    await controlPlane.waitForAcks({ timeoutMs: 5_000 })
    versions.push(sent())
    publish(all.slice(0, 2), 12)
    publish(all, 12)
    expect(sent()).toBe(versions.at(-1))
    publish(all.slice(1), 12)
    expect(sent()).not.toBe(versions.at(-1))
    await proxy.answer(2, { names: ['users'] })
    await controlPlane.waitForAcks({ timeoutMs: 5_000 })
    versions.push(sent())
    publish(all.slice(1), 13)
    publish(all, 13)
    expect(sent()).toBe(versions.at(-1))
    await proxy.answer(3, { names: ['users'] })
    expect(await controlPlane.waitForAcks({ timeoutMs: 5_000 })).toEqual({ change, waiting: [] })
    expect(new Set([...versions, sent()])).toHaveLength(4)
  })

  it('of fifty quick ones make few pushes', async () => {
    const { controlPlane, connect } = await start()
    const all = Array.from({ length: 51 }, (_, index) => instance(`users-${index}`, index + 1))
    controlPlane.publish(users(...all.slice(0, 1)), 1)
    const proxy = connect()
    proxy.ask(endpointType, ['users'])
    await proxy.answer(0, { names: ['users'] })
    for (let count = 2; count <= 51; count++) controlPlane.publish(users(...all.slice(0, count)), count)
    let next = 1
    await until('all of them', async () => {
      if (proxy.received[next]) await proxy.answer(next++, { names: ['users'] })
      return controlPlane.proxies()[0]?.takenChange === 51
    })
    expect(proxy.received.length).toBeLessThanOrEqual(4)
  })

  it('are all known of a proxy that takes contracts, once it has the whole snapshot', async () => {
    const { controlPlane, events, connect } = await start()
    const state = meshState()
    controlPlane.publish(state, 5)
    const proxy = connect()
    const wanted: [string, string[]][] = [
      [clusterType, []],
      [endpointType, ['users', 'console', 'console-http']],
      [listenerType, []],
      [extensionType, ['envoy.filters.http.jwt_authn']],
      [routeType, ['edge']],
    ]
    for (const [type, names] of wanted) proxy.ask(type, names)
    let next = 0
    const accepted = await until('it', async () => {
      const response = proxy.received[next]
      const names = wanted.find(([type]) => type === response?.typeUrl)?.[1] ?? []
      if (response) await proxy.answer(next++, { names })
      return events.find(event => event.type === 'accepted')
    })
    expect(accepted).toMatchObject({ nodeId: 'edge-1', change: 5 })
    const contracts = accepted.type === 'accepted' ? accepted.contracts : new Map()
    expect(state.services.map(({ name }) => name)).toEqual([...contracts.keys()])
    expect(state.services.every(({ name, contract }) => contracts.get(name) === contract)).toBe(true)
    expect(events.filter(event => event.type === 'accepted')).toHaveLength(1)
  })
})
