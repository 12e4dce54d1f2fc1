import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { Client, credentials, Metadata, status } from '@grpc/grpc-js'
import { afterEach, describe, expect, it } from 'vitest'
import { envoyTypes } from './encode.ts'
import { clusterType, endpointType } from './snapshot.ts'
import { StateError } from './state.ts'
import { instance, meshState, startControlPlane, until, usersContract } from './testbed.ts'

const path = '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources'
const type = (name: string) => envoyTypes.getMessage(`envoy.service.discovery.v3.${name}`) ?? expect.fail(name)
const cleanups: (() => void)[] = []

afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup()
})

type Response = { typeUrl: string; versionInfo: string; nonce: string; resources: { value: Uint8Array }[] }

/** A proxy reduced to a stream: asks, and acknowledges when told to. */
function connect(port: number, nodeId: string, token: string) {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
  const metadata = new Metadata()
  metadata.set('x-site11-join-token', token)
  const encode = (fields: Record<string, unknown>) =>
    Buffer.from(toBinary(type('DiscoveryRequest'), create(type('DiscoveryRequest'), fields)))
  const decode = (bytes: Buffer) => fromBinary(type('DiscoveryResponse'), bytes) as unknown as Response
  const call = client.makeBidiStreamRequest(path, encode, decode, metadata)
  const received: Response[] = []
  const ended = new Promise<number>(resolve => {
    call.on('status', ({ code }) => resolve(code))
    call.on('error', () => {})
  })
  call.on('data', (response: Response) => received.push(response))
  cleanups.push(() => client.close())
  const ask = (typeUrl: string, resourceNames: string[] = [], responseNonce = '', error = '') =>
    call.write({
      node: { id: nodeId },
      typeUrl,
      resourceNames,
      responseNonce,
      ...(error && { errorDetail: { code: 3, message: error } }),
    })
  return { ask, received, ended, cancel: () => call.cancel() }
}

async function start() {
  const started = await startControlPlane('secret')
  cleanups.push(started.stop)
  return started
}

const users = (...instances: ReturnType<typeof instance>[]) =>
  meshState({ services: [{ name: 'users', contract: usersContract, instances }] })

describe('the discovery server', () => {
  it('refuses a proxy without the join token', async () => {
    const { controlPlane, port } = await start()
    controlPlane.publish(meshState())
    for (const token of ['', 'wrong']) expect(await connect(port, 'x', token).ended).toBe(status.UNAUTHENTICATED)
    expect(controlPlane.proxies()).toEqual([])
  })

  it('answers what was asked before the first publication once there is one', async () => {
    const { controlPlane, port } = await start()
    const proxy = connect(port, 'edge-1', 'secret')
    proxy.ask(clusterType)
    await until('the proxy', () => controlPlane.proxies()[0]?.nodeId === 'edge-1')
    expect(proxy.received).toEqual([])
    controlPlane.publish(meshState())
    const response = await until('a response', () => proxy.received[0])
    expect(response.resources).toHaveLength(3)
  })

  it('tells what each proxy was sent, accepted and refused, and why', async () => {
    const { controlPlane, port } = await start()
    controlPlane.publish(meshState())
    const proxy = connect(port, 'edge-1', 'secret')
    proxy.ask(clusterType)
    const first = await until('clusters', () => proxy.received[0])
    expect(await controlPlane.whenAcked(20)).toEqual({ waitingFor: ['edge-1'] })
    proxy.ask(clusterType, [], first.nonce)
    await until('the ACK', () => controlPlane.proxies()[0]?.types[0]?.ackedVersion === first.versionInfo)
    controlPlane.publish(users())
    const second = await until('fewer clusters', () => proxy.received[1])
    proxy.ask(clusterType, [], second.nonce, 'I do not like it')
    await until('the NACK', () => controlPlane.proxies()[0]?.types[0]?.nackReason)
    expect(controlPlane.proxies()[0]?.types).toEqual([
      {
        typeUrl: clusterType,
        sentVersion: second.versionInfo,
        ackedVersion: first.versionInfo,
        nackedVersion: second.versionInfo,
        nackReason: 'I do not like it',
      },
    ])
    expect(await controlPlane.whenAcked(5_000)).toEqual({ waitingFor: ['edge-1'] })
  })

  it('forgets a proxy that is gone, and waits for it no longer', async () => {
    const { controlPlane, port } = await start()
    controlPlane.publish(meshState())
    const proxy = connect(port, 'edge-1', 'secret')
    proxy.ask(clusterType)
    await until('clusters', () => proxy.received[0])
    const acked = controlPlane.whenAcked(10_000)
    proxy.cancel()
    expect(await acked).toEqual({ waitingFor: [] })
    expect(controlPlane.proxies()).toEqual([])
  })

  it('keeps the last good state when one cannot be used', async () => {
    const { controlPlane, port } = await start()
    controlPlane.publish(meshState())
    const broken = meshState({ services: [{ name: 'users', contract: Buffer.from('?'), instances: [] }] })
    expect(() => controlPlane.publish(broken)).toThrow(StateError)
    const proxy = connect(port, 'edge-1', 'secret')
    proxy.ask(clusterType)
    expect((await until('clusters', () => proxy.received[0])).resources).toHaveLength(3)
  })

  it('sends changes that are close to each other as one, and a removal at once', async () => {
    const { controlPlane, port } = await start()
    controlPlane.publish(users(instance('users-1', 1)))
    const proxy = connect(port, 'edge-1', 'secret')
    const answer = async (count: number) => {
      const response = await until(`response ${count}`, () => proxy.received[count - 1])
      proxy.ask(endpointType, ['users'], response.nonce)
      await controlPlane.whenAcked(5_000)
    }
    proxy.ask(endpointType, ['users'])
    await answer(1)
    const all = [1, 2, 3, 4].map(number => instance(`users-${number}`, number))
    for (const count of [2, 3, 4]) controlPlane.publish(users(...all.slice(0, count)))
    expect(controlPlane.proxies()[0]?.types[0]?.sentVersion).toBe(proxy.received[0]?.versionInfo)
    await answer(2)
    expect(proxy.received).toHaveLength(2)
    controlPlane.publish(users(...all.slice(1)))
    expect(controlPlane.proxies()[0]?.types[0]?.sentVersion).not.toBe(proxy.received[1]?.versionInfo)
    await answer(3)
  })
})
