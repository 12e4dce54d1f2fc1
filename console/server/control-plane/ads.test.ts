import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type AdsInput, type AdsResponse, newStream, progressOf, type Stream, step } from './ads.ts'
import {
  clusterType,
  endpointType,
  extensionType,
  listenerType,
  type Resource,
  routeType,
  type Snapshot,
  type TypeUrl,
  typeUrls,
} from './snapshot.ts'

/** `{ users: 1 }` is the resource `users` in its first version. */
type Versions = Record<string, number>

function resources(versions: Versions): ReadonlyMap<string, Resource> {
  const entries = Object.entries(versions).map(([name, version]) => ({
    name,
    hash: `${name}@${version}`,
    value: Buffer.of(version),
  }))
  return new Map(entries.map(resource => [resource.name, resource]))
}

function snapshot(
  clusters: Versions,
  endpoints: Versions = clusters,
  routes = 1,
  extensions: Versions = { jwt: 1 },
): Snapshot {
  return {
    [clusterType]: resources(clusters),
    [endpointType]: resources(endpoints),
    [listenerType]: resources({ edge: 1 }),
    [extensionType]: resources(extensions),
    [routeType]: resources({ edge: routes }),
  }
}

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
    expect(s.ask(endpointType, ['users', 'oauth'])).toEqual([])
    expect(s.ask(clusterType)).toEqual([[endpointType, 'oauth@1']])
    expect(s.ask(endpointType, ['users', 'oauth'])).toEqual([[routeType, 'edge@2']])
    expect(s.ask(routeType, ['edge'])).toEqual([])
    expect(s.progress()).toBe('accepted')
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

/**
 * A client that keeps what it accepts, as Envoy does, and answers whenever the test lets it. It refuses what is marked bad.
 */
class Client {
  readonly has: Record<TypeUrl, Map<string, string>>
  readonly inbox: AdsResponse[] = []
  readonly outbox: AdsInput[] = []
  readonly refused = new Map<TypeUrl, Set<string>>(typeUrls.map(type => [type, new Set()]))
  private readonly nonce = new Map<TypeUrl, string>()
  private readonly bad: (hash: string) => boolean

  constructor(bad: (hash: string) => boolean) {
    this.bad = bad
    this.has = Object.fromEntries(typeUrls.map(type => [type, new Map()])) as Record<TypeUrl, Map<string, string>>
    this.request(clusterType)
    this.request(listenerType)
    this.request(extensionType)
    this.request(routeType)
  }

  /** Takes the oldest response and puts its answer in the outbox. */
  receive(): void {
    const response = this.inbox.shift()
    if (!response) return
    const { typeUrl, nonce, resources } = response
    this.nonce.set(typeUrl, nonce)
    const content = resources
      .map(({ hash }) => hash)
      .sort()
      .join()
    if (resources.some(({ hash }) => this.bad(hash))) {
      expect(this.refused.get(typeUrl)?.has(content), 'a refused version was sent again').toBe(false)
      this.refused.get(typeUrl)?.add(content)
      return this.request(typeUrl, 'bad')
    }
    const before = new Map(this.has[typeUrl])
    if (typeUrl === clusterType || typeUrl === listenerType) this.has[typeUrl].clear()
    for (const { name, hash } of resources) this.has[typeUrl].set(name, hash)
    if (typeUrl === clusterType) {
      // A cluster that is new or changed must be given its endpoints anew.
      for (const [name, hash] of this.has[clusterType])
        if (before.get(name) !== hash) this.has[endpointType].delete(name)
      for (const name of this.has[endpointType].keys())
        if (!this.has[clusterType].has(name)) this.has[endpointType].delete(name)
      this.request(endpointType)
    }
    this.request(typeUrl)
  }

  private request(typeUrl: TypeUrl, error?: string): void {
    const names = { [endpointType]: [...this.has[clusterType].keys()], [routeType]: ['edge'], [extensionType]: ['jwt'] }
    const resourceNames = typeUrl === clusterType || typeUrl === listenerType ? [] : (names[typeUrl] ?? [])
    const responseNonce = this.nonce.get(typeUrl) ?? ''
    this.outbox.push({ kind: 'request', request: { typeUrl, nodeId: 'edge-1', resourceNames, responseNonce, error } })
  }
}

describe('whatever happens in whatever order', () => {
  const names = ['a', 'b', 'c']
  const version = fc.integer({ min: 1, max: 4 })
  const clusters = fc.dictionary(fc.constantFrom(...names), version, { maxKeys: 3 })
  /** Version 4 of anything is bad. The routes are named after the clusters they refer to. */
  const published = fc.record({
    clusters,
    endpoints: fc.record({ a: version, b: version, c: version }),
    routes: version,
    jwt: version,
  })
  const action = fc.oneof(
    { weight: 2, arbitrary: published.map(state => ({ kind: 'publish' as const, state })) },
    { weight: 5, arbitrary: fc.constant({ kind: 'deliver' as const }) },
    { weight: 5, arbitrary: fc.constant({ kind: 'receive' as const }) },
  )

  it('the client never refers to a cluster it lacks, is never resent what it refused, and ends with all it accepts', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), published, (actions, last) => {
        const client = new Client(hash => hash.endsWith('@4'))
        let stream: Stream = newStream
        let outstanding = 0
        let refers: string[] = []
        const routesOf = new Map<string, string[]>()
        const feed = (input: AdsInput) => {
          const result = step(stream, input)
          stream = result.stream
          outstanding += result.responses.length
          expect(result.responses.length).toBeLessThanOrEqual(1)
          client.inbox.push(...result.responses)
        }
        const publish = (state: typeof last) => {
          const mine = Object.fromEntries(Object.keys(state.clusters).map(name => [name, state.endpoints[name as 'a']]))
          const next = snapshot(state.clusters, mine, state.routes, { jwt: state.jwt })
          const hash = `${Object.keys(state.clusters).sort().join('+')}@${state.routes}`
          routesOf.set(hash, Object.keys(state.clusters))
          const routes = new Map([['edge', { name: 'edge', hash, value: Buffer.of() }]])
          feed({ kind: 'snapshot', snapshot: { ...next, [routeType]: routes } })
        }
        const receive = () => {
          const [response] = client.inbox
          client.receive()
          if (response?.typeUrl === routeType) refers = routesOf.get(client.has[routeType].get('edge') ?? '') ?? refers
          // Nothing that is referred to is taken away. (What was refused may never have come.)
          const everBad = (client.refused.get(clusterType)?.size ?? 0) > 0
          if (!everBad) for (const name of refers) expect([...client.has[clusterType].keys()]).toContain(name)
        }
        const deliver = () => {
          const input = client.outbox.shift()
          if (input?.kind === 'request' && input.request.responseNonce !== '') outstanding -= 0
          if (input) feed(input)
        }
        const run = (each: { kind: 'publish'; state: typeof last } | { kind: 'deliver' } | { kind: 'receive' }) => {
          if (each.kind === 'publish') publish(each.state)
          else if (each.kind === 'deliver') deliver()
          else receive()
        }
        for (const each of actions) run(each)
        publish(last)
        for (let quiet = 0; quiet < 2; quiet += 1) {
          while (client.outbox.length + client.inbox.length > 0) {
            deliver()
            receive()
            quiet = 0
          }
        }
        expect(progressOf(stream)).not.toBe('waiting')
        const final = stream.snapshot
        if (!final) throw new Error('there is a snapshot')
        for (const type of typeUrls) {
          const wanted = [...final[type]].filter(([name]) => type !== endpointType || client.has[clusterType].has(name))
          if (wanted.some(([, { hash }]) => hash.endsWith('@4'))) continue
          if ((client.refused.get(type)?.size ?? 0) > 0 && stream.subscriptions[type]?.refused) continue
          for (const [name, { hash }] of wanted) expect(client.has[type].get(name), `${type} ${name}`).toBe(hash)
        }
        if (progressOf(stream) === 'accepted') {
          expect([...client.has[clusterType].keys()].sort()).toEqual([...final[clusterType].keys()].sort())
          expect([...client.has[endpointType].keys()].sort()).toEqual([...final[clusterType].keys()].sort())
        }
      }),
      { numRuns: 1000 },
    )
  })
})
