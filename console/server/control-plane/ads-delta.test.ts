import { describe, expect, it } from 'vitest'
import type { DeltaRequest } from './ads.ts'
import { session, testSnapshot as snapshot, started } from './ads-fixture.ts'
import { clusterType, endpointType, routeType } from './snapshot.ts'

/** A request that answers nothing. */
const delta = (typeUrl: string, more: Partial<DeltaRequest>) => ({
  kind: 'delta' as const,
  request: {
    typeUrl,
    nodeId: '',
    subscribe: [],
    unsubscribe: [],
    initialVersions: {},
    responseNonce: '',
    error: undefined,
    ...more,
  },
})

describe('a delta request', () => {
  it('that subscribes again is answered again, though nothing changed', () => {
    const s = started('delta', snapshot({ users: 1 }), ['users'])
    expect(s.feed(delta(endpointType, { subscribe: ['users'] }))).toEqual([[endpointType, 'users@1']])
    expect(s.feed(delta(endpointType, { subscribe: ['users'] }))).toEqual([])
    expect(s.ack(endpointType)).toEqual([[endpointType, 'users@1']])
  })

  it('for what does not exist is told so, and again when it asks again', () => {
    const s = session('delta', snapshot({ users: 1 }))
    expect(s.ask(routeType, ['other', 'edge'])).toEqual([[routeType, 'edge@1', '-other']])
    s.ack(routeType)
    expect(s.feed(delta(routeType, { subscribe: ['other'] }))).toEqual([[routeType, '-other']])
  })

  it('is told when what it asked for goes', () => {
    const s = session('delta', snapshot({}, { routes: { edge: 1, other: 1 } }))
    s.ask(routeType, ['edge', 'other'])
    s.ack(routeType)
    expect(s.publish(snapshot({}))).toEqual([[routeType, '-other']])
    s.ack(routeType)
    expect(s.accepted(routeType)).toEqual(['edge@1'])
    expect(s.progress()).toBe('accepted')
  })

  it('with a stale nonce answers nothing, but subscribes', () => {
    const s = session('delta', snapshot({ users: 1, oauth: 1 }))
    s.ask(endpointType, ['users'])
    expect(s.feed(delta(endpointType, { subscribe: ['oauth'], responseNonce: 'stale', error: 'no' }))).toEqual([])
    expect(s.feed(delta(endpointType, { responseNonce: '1' }))).toEqual([[endpointType, 'oauth@1']])
  })

  it('without a nonce answers nothing', () => {
    const s = session('delta', snapshot({ users: 1 }))
    s.ask(clusterType)
    s.feed(delta(clusterType, {}))
    expect(s.progress()).toBe('waiting')
  })

  it('may subscribe to names besides all, give up all, and give up the names', () => {
    const s = session('delta', snapshot({ users: 1, oauth: 1 }))
    s.ask(clusterType)
    s.ack(clusterType)
    expect(s.feed(delta(clusterType, { subscribe: ['users'] }))).toEqual([[clusterType, 'users@1']])
    s.ack(clusterType)
    expect(s.feed(delta(clusterType, { unsubscribe: ['*'] }))).toEqual([])
    expect(s.accepted(clusterType)).toEqual(['users@1'])
    expect(s.publish(snapshot({ users: 1, oauth: 2 }))).toEqual([])
    s.feed(delta(clusterType, { unsubscribe: ['users'] }))
    expect(s.publish(snapshot({ users: 2, oauth: 2 }))).toEqual([])
    expect(s.accepted(clusterType)).toEqual([])
  })

  it('that wants all, but one no longer by name, is told whether all includes that', () => {
    const s = session('delta', snapshot({ users: 1 }, { onDemand: { 'grpc/users': 1 } }))
    s.ask(clusterType, ['*', 'users', 'grpc/users'])
    s.ack(clusterType)
    expect(s.feed(delta(clusterType, { unsubscribe: ['users', 'grpc/users'] }))).toEqual([
      [clusterType, 'users@1', '-grpc/users'],
    ])
  })
})

describe('a delta client that comes back', () => {
  const has = { users: 'users@1', oauth: 'oauth@1', old: 'old@1' }

  it('is spared what it has, given what changed, and told what is gone', () => {
    const s = session('delta', snapshot({ users: 1, oauth: 2 }))
    expect(s.ask(clusterType, [], { has })).toEqual([[clusterType, 'oauth@2', '-old']])
    expect(s.accepted(clusterType)).toEqual(['users@1'])
    s.ack(clusterType)
    expect(s.accepted(clusterType)).toEqual(['oauth@2', 'users@1'])
    expect(s.progress()).toBe('accepted')
  })

  it('and lacks nothing has it accepted at once, where it asks by name', () => {
    const s = session('delta', snapshot({}))
    expect(s.ask(routeType, ['edge'], { has: { edge: 'edge@1' } })).toEqual([])
    expect(s.accepted(routeType)).toEqual(['edge@1'])
    expect(s.progress()).toBe('accepted')
    expect(s.publish(snapshot({}, { routes: { edge: 2 } }))).toEqual([[routeType, 'edge@2']])
  })

  it('before there is a snapshot is compared with the first one', () => {
    const s = session('delta')
    expect(s.ask(clusterType, [], { has })).toEqual([])
    expect(s.publish(snapshot({ users: 1, oauth: 2 }))).toEqual([[clusterType, 'oauth@2', '-old']])
  })

  it('is given all endpoints: it may still wait for them to warm a cluster', () => {
    const s = session('delta', snapshot({ users: 1 }))
    s.ask(clusterType, [], { has: { users: 'users@1' } })
    expect(s.ask(endpointType, ['users'], { has: { users: 'users@1' } })).toEqual([[endpointType, 'users@1']])
  })

  it('keeps what it has of a resource whose new version it refuses', () => {
    const s = session('delta', snapshot({ users: 4 }))
    expect(s.ask(clusterType, [], { has: { users: 'users@1' } })).toEqual([[clusterType, 'users@4']])
    expect(s.nack(clusterType)).toEqual([])
    expect(s.progress()).toBe('refused')
    expect(s.publish(snapshot({}))).toEqual([[clusterType, '-users']])
  })
})
