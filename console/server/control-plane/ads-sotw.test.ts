import { describe, expect, it } from 'vitest'
import { session, testSnapshot as snapshot } from './ads-fixture.ts'
import { clusterType, endpointType, listenerType, routeType } from './snapshot.ts'

describe('a state-of-the-world request', () => {
  it('with a stale nonce answers nothing, but its names count', () => {
    const s = session('sotw', snapshot({ users: 1, oauth: 1 }))
    s.ask(endpointType, ['users'])
    expect(s.ask(endpointType, ['oauth'], { nonce: 'stale', error: 'no' })).toEqual([])
    expect(s.progress()).toBe('waiting')
    expect(s.ask(endpointType, ['users', 'oauth'])).toEqual([[endpointType, 'oauth@1', 'users@1']])
  })

  it('for a route that does not exist is answered when there is one', () => {
    const s = session('sotw', snapshot({ users: 1 }))
    expect(s.ask(routeType, ['other'])).toEqual([])
    expect(s.progress()).toBe('accepted')
    expect(s.publish(snapshot({ users: 1 }, { routes: { other: 1 } }))).toEqual([[routeType, 'other@1']])
  })

  it('that names none asks for all, unless names were given before', () => {
    const all = session('sotw', snapshot({ users: 1 }))
    all.ask(clusterType, ['*'])
    all.ack(clusterType)
    expect(all.ask(clusterType, [])).toEqual([])
    expect(all.accepted(clusterType)).toEqual([])
    const named = session('sotw', snapshot({ users: 1, oauth: 1 }))
    named.ask(clusterType, ['users'])
    expect(named.ask(clusterType, [])).toEqual([])
    expect(named.publish(snapshot({ users: 2 }))).toEqual([])
  })
})

describe("gRPC's own client", () => {
  const grpc = (version: number, clusters: Record<string, number> = { users: 1 }) =>
    snapshot(clusters, { onDemand: { 'grpc/users': version } })

  function client(first: ReturnType<typeof snapshot>) {
    const s = session('sotw', first)
    for (const [type, name] of [
      [listenerType, 'grpc/users'],
      [routeType, 'grpc/users'],
      [clusterType, 'grpc/users'],
      [endpointType, 'users'],
    ] as const) {
      expect(s.ask(type, [name])).toEqual([[type, `${name}@1`]])
      s.ack(type)
    }
    expect(s.progress()).toBe('accepted')
    return s
  }

  it('gets each thing by name, whatever the name of the endpoints', () => {
    const s = client(grpc(1))
    expect(s.publish(grpc(2))).toEqual([[clusterType, 'grpc/users@2']])
    expect(s.ack(clusterType)).toEqual([[listenerType, 'grpc/users@2']])
    expect(s.ack(listenerType)).toEqual([[routeType, 'grpc/users@2']])
    s.ack(routeType)
    expect(s.progress()).toBe('accepted')
  })

  it('hears of nothing else', () => {
    const s = client(grpc(1))
    expect(s.publish(snapshot({ users: 1, oauth: 1 }, { onDemand: { 'grpc/users': 1, 'grpc/oauth': 1 } }))).toEqual([])
  })

  it('loses a service in order: the listener, then the cluster, then its endpoints', () => {
    const s = client(grpc(1))
    expect(s.publish(snapshot({}))).toEqual([[listenerType]])
    expect(s.ack(listenerType)).toEqual([[clusterType]])
    expect(s.ack(clusterType)).toEqual([[endpointType, 'users@empty']])
    s.ack(endpointType)
    expect(s.progress()).toBe('accepted')
    expect(s.publish(grpc(1))).toEqual([
      [clusterType, 'grpc/users@1'],
      [endpointType, 'users@1'],
    ])
  })
})
