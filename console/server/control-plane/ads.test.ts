import { describe, expect, it } from 'vitest'
import { type AdsInput, type AdsResponse, newStream, progressOf, type Stream, step } from './ads.ts'
import { testSnapshot as snapshot } from './ads-fixture.ts'
import {
  clusterType,
  endpointType,
  extensionType,
  listenerType,
  routeType,
  type Snapshot,
  type TypeUrl,
} from './snapshot.ts'

/** Drives one stream by hand. */
function session(first?: Snapshot) {
  let stream: Stream = newStream
  const nonces: Partial<Record<TypeUrl, string>> = {}
  const feed = (input: AdsInput) => {
    const result = step(stream, input)
    stream = result.stream
    for (const { typeUrl, nonce } of result.responses) nonces[typeUrl] = nonce
    return result.responses.map(shown)
  }
  const ask = (typeUrl: TypeUrl, resourceNames: string[] = [], more: { nonce?: string; error?: string } = {}) =>
    feed({
      kind: 'request',
      request: {
        typeUrl,
        nodeId: stream.nodeId ? '' : 'edge-1',
        resourceNames,
        responseNonce: more.nonce ?? nonces[typeUrl] ?? '',
        error: more.error,
      },
    })
  const publish = (next: Snapshot) => feed({ kind: 'snapshot', snapshot: next })
  if (first) publish(first)
  return { ask, publish, stream: () => stream, progress: () => progressOf(stream), nonces }
}

/** A response as `[type, ...resources]`. */
function shown({ typeUrl, resources }: AdsResponse): string[] {
  const hashes = resources.map(({ hash, name }) => (hash.includes('@') ? hash : `${name}@empty`))
  return [typeUrl, ...hashes.sort()]
}

/** Subscribes as Envoy does and acknowledges everything. */
function started(first: Snapshot, clusters: string[]) {
  const s = session(first)
  s.ask(clusterType)
  s.ask(endpointType, clusters)
  s.ask(clusterType)
  s.ask(endpointType, clusters)
  s.ask(listenerType)
  s.ask(listenerType)
  s.ask(extensionType, ['jwt'])
  s.ask(extensionType, ['jwt'])
  s.ask(routeType, ['edge'])
  s.ask(routeType, ['edge'])
  expect(s.progress()).toBe('accepted')
  return s
}

describe('a stream', () => {
  it('is sent nothing before there is a snapshot', () => {
    const s = session()
    expect(s.ask(clusterType)).toEqual([])
    expect(s.publish(snapshot({ users: 1 }))).toEqual([[clusterType, 'users@1']])
  })

  it('is sent all clusters on its first request, and nothing on the ACK', () => {
    const s = session(snapshot({ users: 1, oauth: 1 }))
    expect(s.ask(clusterType)).toEqual([[clusterType, 'oauth@1', 'users@1']])
    expect(s.progress()).toBe('waiting')
    expect(s.ask(clusterType)).toEqual([])
    expect(s.stream().nodeId).toBe('edge-1')
  })

  it('is sent only the endpoints and routes it asks for by name', () => {
    const s = session(snapshot({ users: 1, oauth: 1 }))
    expect(s.ask(endpointType, ['users'])).toEqual([[endpointType, 'users@1']])
    expect(s.ask(endpointType, ['users'])).toEqual([])
    expect(s.ask(routeType, ['other'])).toEqual([])
    expect(s.ask(routeType, ['other', 'edge'])).toEqual([[routeType, 'edge@1']])
  })

  it('is sent what is new when it asks for other names', () => {
    const s = session(snapshot({ users: 1, oauth: 1 }))
    s.ask(endpointType, ['users'])
    expect(s.ask(endpointType, ['users', 'oauth'])).toEqual([[endpointType, 'oauth@1']])
    expect(s.ask(endpointType, ['oauth'])).toEqual([])
    expect(s.ask(endpointType, ['users', 'oauth'])).toEqual([[endpointType, 'users@1']])
  })

  it('gets an empty assignment for a cluster that nobody knows', () => {
    const s = session(snapshot({ users: 1 }))
    expect(s.ask(endpointType, ['gone'])).toEqual([[endpointType, 'gone@empty']])
  })

  it('can ask for clusters by name and as a whole', () => {
    const s = session(snapshot({ users: 1, oauth: 1 }))
    expect(s.ask(clusterType, ['users'])).toEqual([[clusterType, 'users@1']])
    expect(s.ask(clusterType, ['*'])).toEqual([[clusterType, 'oauth@1', 'users@1']])
  })

  it('is told that a listener it asks for by name is not there', () => {
    const s = session(snapshot({ users: 1 }))
    expect(s.ask(listenerType, ['missing'])).toEqual([[listenerType]])
  })

  it('is not answered for a type that the control plane does not have', () => {
    const s = session(snapshot({ users: 1 }))
    const request = {
      typeUrl: 'type.googleapis.com/other',
      nodeId: 'x',
      resourceNames: [],
      responseNonce: '',
      error: undefined,
    }
    expect(step(s.stream(), { kind: 'request', request }).responses).toEqual([])
  })

  it('is answered again after a reconnect, though it has the same version', () => {
    const same = snapshot({ users: 1 })
    started(same, ['users'])
    const again = session(same)
    expect(again.ask(clusterType)).toEqual([[clusterType, 'users@1']])
    again.ask(clusterType)
    expect(again.ask(endpointType, ['users'])).toEqual([[endpointType, 'users@1']])
  })

  it('ignores a request with a stale nonce', () => {
    const s = session(snapshot({ users: 1 }))
    s.ask(clusterType)
    const before = s.stream()
    expect(s.ask(clusterType, [], { nonce: 'stale', error: 'no' })).toEqual([])
    expect(s.stream()).toBe(before)
  })
})

describe('a change', () => {
  it('goes out in order, each type after the ACK of the one before', () => {
    const s = started(snapshot({ users: 1 }), ['users'])
    expect(s.publish(snapshot({ users: 1, oauth: 1 }, undefined, 2))).toEqual([[clusterType, 'oauth@1', 'users@1']])
    expect(s.ask(clusterType)).toEqual([])
    expect(s.ask(endpointType, ['users', 'oauth'])).toEqual([[endpointType, 'oauth@1']])
    expect(s.ask(endpointType, ['users', 'oauth'])).toEqual([[routeType, 'edge@2']])
    expect(s.ask(routeType, ['edge'])).toEqual([])
    expect(s.progress()).toBe('accepted')
  })

  it('sends the endpoints of a new cluster before the ACK of the cluster, which waits for them, and routes after both', () => {
    const s = started(snapshot({ users: 1 }), ['users'])
    s.publish(snapshot({ users: 1, oauth: 1 }, undefined, 2))
    expect(s.ask(endpointType, ['users', 'oauth'])).toEqual([[endpointType, 'oauth@1']])
    expect(s.ask(endpointType, ['users', 'oauth'])).toEqual([])
    expect(s.ask(clusterType)).toEqual([[routeType, 'edge@2']])
  })

  it('holds the routes back until the endpoints of a new cluster were asked for', () => {
    const s = started(snapshot({ users: 1 }), ['users'])
    s.publish(snapshot({ users: 1, oauth: 1 }, undefined, 2))
    expect(s.ask(clusterType)).toEqual([])
    expect(s.progress()).toBe('waiting')
    expect(s.ask(endpointType, ['users', 'oauth'])).toEqual([[endpointType, 'oauth@1']])
    expect(s.ask(endpointType, ['users', 'oauth'])).toEqual([[routeType, 'edge@2']])
  })

  it('of a cluster sends its endpoints again, though they are the same', () => {
    const s = started(snapshot({ users: 1, oauth: 1 }), ['users', 'oauth'])
    s.publish(snapshot({ users: 2, oauth: 1 }, { users: 1, oauth: 1 }))
    expect(s.ask(clusterType)).toEqual([[endpointType, 'users@1']])
  })

  it('of nothing sends nothing', () => {
    const s = started(snapshot({ users: 1 }), ['users'])
    expect(s.publish(snapshot({ users: 1 }))).toEqual([])
  })

  it('replaces one that still waits', () => {
    const s = started(snapshot({ users: 1 }), ['users'])
    expect(s.publish(snapshot({ users: 1 }, { users: 2 }))).toEqual([[endpointType, 'users@2']])
    expect(s.publish(snapshot({ users: 1 }, { users: 3 }))).toEqual([])
    expect(s.publish(snapshot({ users: 1 }, { users: 4 }))).toEqual([])
    expect(s.ask(endpointType, ['users'])).toEqual([[endpointType, 'users@4']])
  })

  it('that removes a cluster keeps it, with its endpoints, until the routes are acknowledged', () => {
    const s = started(snapshot({ users: 1, oauth: 1 }), ['users', 'oauth'])
    expect(s.publish(snapshot({ users: 1 }, undefined, 2))).toEqual([[routeType, 'edge@2']])
    expect(s.ask(routeType, ['edge'])).toEqual([[clusterType, 'users@1']])
    expect(s.ask(endpointType, ['users'])).toEqual([])
    expect(s.ask(clusterType)).toEqual([])
    expect(s.progress()).toBe('accepted')
  })

  it('that removes a cluster does not do so while the routes are refused', () => {
    const s = started(snapshot({ users: 1, oauth: 1 }), ['users', 'oauth'])
    s.publish(snapshot({ users: 1 }, undefined, 2))
    expect(s.ask(routeType, ['edge'], { error: 'bad route' })).toEqual([])
    expect(s.progress()).toBe('refused')
    expect(s.publish(snapshot({ users: 1 }, undefined, 3))).toEqual([[routeType, 'edge@3']])
    expect(s.ask(routeType, ['edge'])).toEqual([[clusterType, 'users@1']])
  })
})

describe('a NACK', () => {
  it('is remembered with its reason, and the version is never sent again', () => {
    const s = started(snapshot({ users: 1 }), ['users'])
    s.publish(snapshot({ users: 2 }, { users: 1 }))
    s.ask(clusterType, [], { error: 'no such field' })
    const { ackedVersion, sentVersion, refused } = s.stream().subscriptions[clusterType] ?? {}
    expect(refused).toMatchObject({ version: sentVersion, reason: 'no such field' })
    expect(ackedVersion).not.toBe(sentVersion)
    s.ask(endpointType, ['users'])
    expect(s.progress()).toBe('refused')
    expect(s.publish(snapshot({ users: 2 }, { users: 1 }))).toEqual([])
    expect(s.publish(snapshot({ users: 3 }, { users: 1 }))).toEqual([[clusterType, 'users@3']])
    s.ask(clusterType)
    s.ask(endpointType, ['users'])
    expect(s.progress()).toBe('accepted')
    expect(s.publish(snapshot({ users: 2 }, { users: 1 }))).toEqual([])
  })

  it('of one resource does not keep the others of its type from changing', () => {
    const good = { jwt: 1, transcoder: 1 }
    const s = session(snapshot({}, {}, 1, good))
    s.ask(extensionType, ['jwt', 'transcoder'])
    s.ask(extensionType, ['jwt', 'transcoder'])
    expect(s.publish(snapshot({}, {}, 1, { jwt: 1, transcoder: 2 }))).toEqual([[extensionType, 'transcoder@2']])
    s.ask(extensionType, ['jwt', 'transcoder'], { error: 'bad contract' })
    expect(s.publish(snapshot({}, {}, 1, { jwt: 2, transcoder: 2 }))).toEqual([[extensionType, 'jwt@2']])
    s.ask(extensionType, ['jwt', 'transcoder'])
    expect(s.progress()).toBe('refused')
    expect(s.publish(snapshot({}, {}, 1, { jwt: 2, transcoder: 1 }))).toEqual([[extensionType, 'transcoder@1']])
    s.ask(extensionType, ['jwt', 'transcoder'])
    expect(s.progress()).toBe('accepted')
  })

  it('of a cluster does not keep later types from being sent', () => {
    const s = started(snapshot({ users: 1 }), ['users'])
    s.publish(snapshot({ users: 2 }, { users: 1 }, 2))
    expect(s.ask(clusterType, [], { error: 'no' })).toEqual([[endpointType, 'users@1']])
    expect(s.ask(endpointType, ['users'])).toEqual([[routeType, 'edge@2']])
  })
})
