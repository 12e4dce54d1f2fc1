import { describe, expect, it } from 'vitest'
import { session, testSnapshot as snapshot, started } from './ads-fixture.ts'
import {
  clusterType,
  endpointType,
  extensionType,
  listenerType,
  routeType,
  secretType,
  type TypeUrl,
} from './snapshot.ts'

describe.each(['sotw', 'delta'] as const)('a %s stream', variant => {
  const delta = variant === 'delta'
  /** What is sent of a type that the state of the world sends whole. */
  const whole = (type: TypeUrl, all: string[], changed: string[], removed: string[] = []) =>
    delta ? [type, ...changed, ...removed.map(name => `-${name}`)] : [type, ...all]
  const open = (first?: Parameters<typeof session>[1]) => session(variant, first)
  const start = (first: ReturnType<typeof snapshot>, clusters: string[]) => {
    const s = started(variant, first, clusters)
    expect(s.progress()).toBe('accepted')
    return s
  }

  describe('first request', () => {
    it('is answered with nothing before there is a snapshot', () => {
      const s = open()
      expect(s.ask(clusterType)).toEqual([])
      expect(s.publish(snapshot({ users: 1 }))).toEqual([[clusterType, 'users@1']])
    })

    it('is answered with all clusters, even if there are none, and its ACK with nothing', () => {
      expect(open(snapshot({})).ask(clusterType)).toEqual([[clusterType]])
      const s = open(snapshot({ users: 1, oauth: 1 }))
      expect(s.ask(clusterType)).toEqual([[clusterType, 'oauth@1', 'users@1']])
      expect(s.progress()).toBe('waiting')
      expect(s.ack(clusterType)).toEqual([])
      expect(s.progress()).toBe('accepted')
      expect(s.stream().nodeId).toBe('edge-1')
    })

    it('is answered again after a reconnect, though nothing changed', () => {
      const same = snapshot({ users: 1 })
      start(same, ['users'])
      const again = open(same)
      expect(again.ask(clusterType)).toEqual([[clusterType, 'users@1']])
      again.ack(clusterType)
      expect(again.ask(endpointType, ['users'])).toEqual([[endpointType, 'users@1']])
    })

    it('for an unknown type is ignored', () => {
      const s = start(snapshot({ users: 1 }), ['users'])
      const before = s.stream()
      expect(s.ask('type.googleapis.com/other', ['users'])).toEqual([])
      expect(s.stream()).toBe(before)
      expect(s.publish(snapshot({ users: 1 }, { routes: { edge: 2 } }))).toEqual([[routeType, 'edge@2']])
    })
  })

  describe('subscription', () => {
    it('by name gets only these', () => {
      const s = open(snapshot({ users: 1, oauth: 1 }))
      expect(s.ask(endpointType, ['users'])).toEqual([[endpointType, 'users@1']])
      expect(s.ack(endpointType)).toEqual([])
      expect(s.ask(extensionType, ['jwt'])).toEqual([[extensionType, 'jwt@1']])
    })

    it('to more gets what is new, also what was given up before', () => {
      const s = open(snapshot({ users: 1, oauth: 1 }))
      s.ask(endpointType, ['users'])
      expect(s.ask(endpointType, ['users', 'oauth'])).toEqual([[endpointType, 'oauth@1']])
      expect(s.ask(endpointType, ['oauth'])).toEqual([])
      expect(s.accepted(endpointType)).toEqual(['oauth@1'])
      expect(s.ask(endpointType, ['users', 'oauth'])).toEqual([[endpointType, 'users@1']])
    })

    it('to the endpoints of a cluster that nobody knows gets an empty assignment', () => {
      const s = open(snapshot({ users: 1 }))
      expect(s.ask(endpointType, ['gone'])).toEqual([[endpointType, 'gone@empty']])
      s.ack(endpointType)
      expect(s.publish(snapshot({ users: 1, gone: 1 }))).toEqual([[endpointType, 'gone@1']])
    })

    it('to a listener that is not there is told so', () => {
      const s = open(snapshot({ users: 1 }))
      expect(s.ask(listenerType, ['missing'])).toEqual([whole(listenerType, [], [], ['missing'])])
      s.ack(listenerType)
      expect(s.progress()).toBe('accepted')
      expect(s.publish(snapshot({}, { listeners: { missing: 1 } }))).toEqual([[listenerType, 'missing@1']])
    })

    it('to clusters can be by name and to all', () => {
      const s = open(snapshot({ users: 1, oauth: 1 }))
      expect(s.ask(clusterType, ['users'])).toEqual([[clusterType, 'users@1']])
      expect(s.ask(clusterType, ['users', '*'])).toEqual([whole(clusterType, ['oauth@1', 'users@1'], ['oauth@1'])])
      expect(s.ask(clusterType, ['users'])).toEqual([])
      expect(s.accepted(clusterType)).toEqual(['users@1'])
      expect(s.publish(snapshot({ users: 1, oauth: 2 }))).toEqual([])
    })

    it('to all does not include what is on demand', () => {
      const s = open(snapshot({ users: 1 }, { onDemand: { 'grpc/users': 1 } }))
      expect(s.ask(clusterType, ['*'])).toEqual([[clusterType, 'users@1']])
      s.ack(clusterType)
      expect(s.publish(snapshot({ users: 1 }, { onDemand: { 'grpc/users': 2 } }))).toEqual([])
      expect(s.ask(clusterType, ['*', 'grpc/users'])).toEqual([
        whole(clusterType, ['grpc/users@2', 'users@1'], ['grpc/users@2']),
      ])
      s.ack(clusterType)
      expect(s.ask(clusterType, ['*'])).toEqual([whole(clusterType, ['users@1'], [], ['grpc/users'])])
    })

    it('to endpoints alone has those of a service that is gone emptied', () => {
      const s = open(snapshot({ users: 1 }))
      s.ask(endpointType, ['users'])
      s.ack(endpointType)
      expect(s.publish(snapshot({}))).toEqual([[endpointType, 'users@empty']])
    })

    it('to all clusters and the endpoints of some does not hold back the rest', () => {
      const s = open(snapshot({ users: 1, oauth: 1 }))
      s.ask(clusterType)
      s.ask(endpointType, ['users'])
      s.ack(endpointType)
      s.ask(routeType, ['edge'])
      expect(s.ack(clusterType)).toEqual([[routeType, 'edge@1']])
      s.ack(routeType)
      expect(s.progress()).toBe('accepted')
    })
  })

  describe('ACK', () => {
    it('makes accepted what was sent, and of what is deleted nothing is left', () => {
      const s = start(snapshot({ users: 1, oauth: 1 }), ['users', 'oauth'])
      expect(s.accepted(clusterType)).toEqual(['oauth@1', 'users@1'])
      s.publish(snapshot({ users: 1, oauth: 1 }, { endpoints: { users: 2, oauth: 1 } }))
      expect(s.accepted(endpointType)).toEqual(['oauth@1', 'users@1'])
      s.ack(endpointType)
      expect(s.accepted(endpointType)).toEqual(['oauth@1', 'users@2'])
      s.publish(snapshot({ users: 1 }, { endpoints: { users: 2 } }))
      expect(s.accepted(clusterType)).toEqual(['oauth@1', 'users@1'])
      s.ack(clusterType)
      expect(s.accepted(clusterType)).toEqual(['users@1'])
      s.ask(endpointType, ['users'])
      expect(s.accepted(endpointType)).toEqual(['users@2'])
    })

    it('with a stale nonce says nothing', () => {
      const s = open(snapshot({ users: 1 }))
      s.ask(clusterType)
      expect(s.ask(clusterType, [], { nonce: 'stale', error: 'no' })).toEqual([])
      expect(s.ask(clusterType, [], { nonce: 'stale' })).toEqual([])
      expect(s.progress()).toBe('waiting')
      s.ack(clusterType)
      expect(s.progress()).toBe('accepted')
    })
  })

  describe('change', () => {
    const grown = () => snapshot({ users: 1, oauth: 1 }, { routes: { edge: 2 } })

    it('goes out in order: a cluster, its endpoints before the ACK that waits for them, then what refers to it', () => {
      const s = start(snapshot({ users: 1 }), ['users'])
      expect(s.publish(grown())).toEqual([whole(clusterType, ['oauth@1', 'users@1'], ['oauth@1'])])
      expect(s.ask(endpointType, ['users', 'oauth'])).toEqual([[endpointType, 'oauth@1']])
      expect(s.ack(endpointType)).toEqual([])
      expect(s.ack(clusterType)).toEqual([[routeType, 'edge@2']])
      expect(s.ack(routeType)).toEqual([])
      expect(s.progress()).toBe('accepted')
    })

    it('waits for the ACK of a cluster alone where nobody asks for its endpoints', () => {
      const s = start(snapshot({ users: 1 }), ['users'])
      s.publish(grown())
      expect(s.ack(clusterType)).toEqual([[routeType, 'edge@2']])
    })

    it('of a cluster sends its endpoints right behind it, though they are the same', () => {
      const s = start(snapshot({ users: 1, oauth: 1 }), ['users', 'oauth'])
      const changed = snapshot({ users: 2, oauth: 1 }, { endpoints: { users: 1, oauth: 1 } })
      expect(s.publish(changed)).toEqual([
        whole(clusterType, ['oauth@1', 'users@2'], ['users@2']),
        [endpointType, 'users@1'],
      ])
    })

    it('of a cluster while endpoints are in flight sends these once more', () => {
      const s = start(snapshot({ users: 1 }), ['users'])
      s.publish(snapshot({ users: 1 }, { endpoints: { users: 2 } }))
      s.publish(snapshot({ users: 2 }))
      expect(s.ack(endpointType)).toEqual([[endpointType, 'users@2']])
    })

    it('of nothing sends nothing', () => {
      const s = start(snapshot({ users: 1 }), ['users'])
      expect(s.publish(snapshot({ users: 1 }))).toEqual([])
    })

    it('replaces one that still waits', () => {
      const s = start(snapshot({ users: 1 }), ['users'])
      expect(s.publish(snapshot({ users: 1 }, { endpoints: { users: 2 } }))).toEqual([[endpointType, 'users@2']])
      expect(s.publish(snapshot({ users: 1 }, { endpoints: { users: 3 } }))).toEqual([])
      expect(s.publish(snapshot({ users: 1 }, { endpoints: { users: 4 } }))).toEqual([])
      expect(s.ack(endpointType)).toEqual([[endpointType, 'users@4']])
    })

    it('that removes a cluster keeps it, with its endpoints, until the routes are acknowledged', () => {
      const s = start(snapshot({ users: 1, oauth: 1 }), ['users', 'oauth'])
      expect(s.publish(snapshot({ users: 1 }, { routes: { edge: 2 } }))).toEqual([[routeType, 'edge@2']])
      expect(s.ack(routeType)).toEqual([whole(clusterType, ['users@1'], [], ['oauth'])])
      expect(s.ask(endpointType, ['users'])).toEqual([])
      expect(s.ack(clusterType)).toEqual([])
      expect(s.progress()).toBe('accepted')
    })

    it('that removes a cluster does not do so while the routes are refused', () => {
      const s = start(snapshot({ users: 1, oauth: 1 }), ['users', 'oauth'])
      s.publish(snapshot({ users: 1 }, { routes: { edge: 2 } }))
      expect(s.nack(routeType)).toEqual([])
      expect(s.progress()).toBe('refused')
      expect(s.publish(snapshot({ users: 1 }, { routes: { edge: 3 } }))).toEqual([[routeType, 'edge@3']])
      expect(s.ack(routeType)).toEqual([whole(clusterType, ['users@1'], [], ['oauth'])])
    })
  })

  describe('secret', () => {
    it('waits for nothing, and nothing waits for it', () => {
      const s = start(snapshot({ users: 1 }), ['users'])
      expect(s.publish(snapshot({ users: 2 }, { secrets: { edge: 2 }, routes: { edge: 2 } }))).toEqual([
        [clusterType, 'users@2'],
        [endpointType, 'users@2'],
        [secretType, 'edge@2'],
      ])
      s.ack(endpointType)
      expect(s.ack(clusterType)).toEqual([[routeType, 'edge@2']])
      s.ack(routeType)
      expect(s.progress()).toBe('waiting')
      s.ack(secretType)
      expect(s.progress()).toBe('accepted')
    })

    it('is asked for while clusters and listeners wait for it', () => {
      const s = open(snapshot({ users: 1 }))
      s.ask(clusterType)
      expect(s.ask(secretType, ['edge'])).toEqual([[secretType, 'edge@1']])
    })

    it('that is gone goes after the listener that used it', () => {
      const s = start(snapshot({ users: 1 }), ['users'])
      expect(s.publish(snapshot({ users: 1 }, { secrets: {}, listeners: { edge: 2 } }))).toEqual([
        [listenerType, 'edge@2'],
      ])
      expect(s.ack(listenerType)).toEqual(delta ? [[secretType, '-edge']] : [])
    })
  })
})
