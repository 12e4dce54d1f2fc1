import { describe, expect, it } from 'vitest'
import { session, testSnapshot as snapshot, started } from './ads-fixture.ts'
import { clusterType, endpointType, extensionType, listenerType, routeType } from './snapshot.ts'

describe.each(['sotw', 'delta'] as const)('a NACK on a %s stream', variant => {
  const start = (first: ReturnType<typeof snapshot>, clusters: string[]) => started(variant, first, clusters)

  it('is remembered with its reason, changes nothing of what is accepted, and the version is never sent again', () => {
    const s = start(snapshot({ users: 1 }), ['users'])
    const changed = (version: number) => snapshot({ users: version }, { endpoints: { users: 1 } })
    s.publish(changed(2))
    s.ack(endpointType)
    const { sentVersion, ackedVersion } = s.stream().subscriptions[clusterType] ?? {}
    expect(s.nack(clusterType, 'no such field')).toEqual([])
    expect(s.refused(clusterType)).toEqual({ version: sentVersion, reason: 'no such field', names: ['users'] })
    expect(s.stream().subscriptions[clusterType]?.ackedVersion).toBe(ackedVersion)
    expect(s.accepted(clusterType)).toEqual(['users@1'])
    expect(s.progress()).toBe('refused')
    expect(s.publish(changed(2))).toEqual([])
    expect(s.publish(changed(3))[0]).toEqual([clusterType, 'users@3'])
    s.ack(clusterType)
    s.ack(endpointType)
    expect(s.progress()).toBe('accepted')
    expect(s.publish(changed(2))).toEqual([])
    expect(s.progress()).toBe('refused')
    expect(s.publish(changed(3))).toEqual([])
    expect(s.progress()).toBe('accepted')
  })

  it('of a cluster keeps neither the other clusters nor later types from changing', () => {
    const s = start(snapshot({ users: 1, oauth: 1 }), ['users', 'oauth'])
    s.publish(snapshot({ users: 2, oauth: 1 }, { routes: { edge: 2 } }))
    s.ack(endpointType)
    expect(s.nack(clusterType)).toEqual([[routeType, 'edge@2']])
    s.ack(routeType)
    expect(s.publish(snapshot({ users: 2, oauth: 2 }, { routes: { edge: 2 } }))[0]).toEqual(
      variant === 'delta' ? [clusterType, 'oauth@2'] : [clusterType, 'oauth@2', 'users@1'],
    )
    s.ack(clusterType)
    s.ack(endpointType)
    expect(s.accepted(clusterType)).toEqual(['oauth@2', 'users@1'])
    expect(s.refused(clusterType)?.names).toEqual(['users'])
  })

  it('of several resources has each sent alone, so that only the bad one is refused', () => {
    const routes = (edge: number, other: number) => snapshot({}, { routes: { edge, other } })
    const s = session(variant, routes(1, 1))
    s.ask(routeType, ['edge', 'other'])
    s.ack(routeType)
    expect(s.publish(routes(2, 2))).toEqual([[routeType, 'edge@2', 'other@2']])
    expect(s.nack(routeType)).toEqual([[routeType, 'edge@2']])
    expect(s.refused(routeType)).toBe(undefined)
    expect(s.progress()).toBe('waiting')
    expect(s.ack(routeType)).toEqual([[routeType, 'other@2']])
    // It may have taken the bad one the first time: it is given back what it had.
    expect(s.nack(routeType, 'bad route')).toEqual([[routeType, 'other@1']])
    s.ack(routeType)
    expect(s.refused(routeType)).toMatchObject({ reason: 'bad route', names: ['other'] })
    expect(s.accepted(routeType)).toEqual(['edge@2', 'other@1'])
    expect(s.publish(routes(3, 2))).toEqual([[routeType, 'edge@3']])
    s.ack(routeType)
    expect(s.progress()).toBe('refused')
    expect(s.publish(routes(3, 3))).toEqual([[routeType, 'other@3']])
    s.ack(routeType)
    expect(s.progress()).toBe('accepted')
  })

  it('of a filter is of that alone: each has its own response', () => {
    const extensions = (jwt: number, transcoder: number) => snapshot({}, { extensions: { jwt, transcoder } })
    const s = session(variant, extensions(1, 1))
    expect(s.ask(extensionType, ['jwt', 'transcoder'])).toEqual([[extensionType, 'jwt@1']])
    expect(s.ack(extensionType)).toEqual([[extensionType, 'transcoder@1']])
    s.ack(extensionType)
    expect(s.publish(extensions(2, 2))).toEqual([[extensionType, 'jwt@2']])
    expect(s.nack(extensionType)).toEqual([[extensionType, 'transcoder@2']])
    expect(s.refused(extensionType)?.names).toEqual(['jwt'])
    expect(s.ack(extensionType)).toEqual([])
    expect(s.accepted(extensionType)).toEqual(['jwt@1', 'transcoder@2'])
    expect(s.progress()).toBe('refused')
  })

  it('of several clusters tries one after the other, and nobody routes to them before', () => {
    const s = start(snapshot({ users: 1, oauth: 1 }), ['users', 'oauth'])
    const delta = variant === 'delta'
    s.publish(snapshot({ users: 2, oauth: 2 }, { routes: { edge: 2 } }))
    s.ack(endpointType)
    const [first] = s.nack(clusterType)
    expect(first).toEqual(delta ? [clusterType, 'users@2'] : [clusterType, 'oauth@1', 'users@2'])
    s.ack(endpointType)
    const next = s.ack(clusterType)
    // The whole set was refused already: the state of the world knows without asking whose fault that is.
    expect(next[0]).toEqual(delta ? [clusterType, 'oauth@2'] : [routeType, 'edge@2'])
    if (delta) {
      s.ack(endpointType)
      expect(s.nack(clusterType)[0]).toEqual([clusterType, 'oauth@1'])
      s.ack(endpointType)
      expect(s.ack(clusterType)).toEqual([[routeType, 'edge@2']])
    }
    s.ack(routeType)
    expect(s.progress()).toBe('refused')
    expect(s.refused(clusterType)?.names).toEqual(['oauth'])
    expect(s.accepted(clusterType)).toEqual(['oauth@1', 'users@2'])
  })

  it('is over when the snapshot no longer has the version that was refused', () => {
    const s = start(snapshot({ users: 1 }), ['users'])
    s.publish(snapshot({ users: 1 }, { routes: { edge: 2 } }))
    s.nack(routeType)
    expect(s.publish(snapshot({ users: 1 }))).toEqual([])
    expect(s.refused(routeType)).toBe(undefined)
    expect(s.progress()).toBe('accepted')
  })

  it('of endpoints has the last good ones warm a cluster that changes', () => {
    const s = start(snapshot({ users: 1 }), ['users'])
    s.publish(snapshot({ users: 1 }, { endpoints: { users: 2 } }))
    expect(s.nack(endpointType)).toEqual([])
    expect(s.publish(snapshot({ users: 2 }, { endpoints: { users: 2 } }))).toEqual([
      [clusterType, 'users@2'],
      [endpointType, 'users@1'],
    ])
  })

  it('of the first listeners deletes none that the client may have from before', () => {
    const s = session(variant, snapshot({}, { listeners: { edge: 1, other: 4 } }))
    s.ask(listenerType)
    const tried = s.nack(listenerType)
    if (variant === 'sotw') {
      expect(tried).toEqual([])
      expect(s.refused(listenerType)?.names).toEqual(['edge', 'other'])
      expect(s.publish(snapshot({}, { listeners: { edge: 1, other: 5 } }))).toEqual([
        [listenerType, 'edge@1', 'other@5'],
      ])
      s.ack(listenerType)
      return expect(s.progress()).toBe('accepted')
    }
    expect(tried).toEqual([[listenerType, 'edge@1']])
    expect(s.ack(listenerType)).toEqual([[listenerType, 'other@4']])
    expect(s.nack(listenerType)).toEqual([])
    expect(s.refused(listenerType)?.names).toEqual(['other'])
  })
})
