import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type AdsInput, type AdsResponse, newStream, progressOf, type Stream, step } from './ads.ts'
import { testSnapshot } from './ads-fixture.ts'
import {
  clusterType,
  endpointType,
  extensionType,
  listenerType,
  routeType,
  type TypeUrl,
  typeUrls,
} from './snapshot.ts'

/** Version 4 of anything is refused by the client. */
const isBad = (hash: string) => hash.endsWith('@4')

/** A client that keeps what it accepts, as Envoy does, and answers whenever the test lets it. */
class Client {
  readonly has = new Map<TypeUrl, Map<string, string>>(typeUrls.map(type => [type, new Map()]))
  readonly refused = new Map<TypeUrl, Set<string>>(typeUrls.map(type => [type, new Set()]))
  readonly inbox: AdsResponse[] = []
  readonly outbox: AdsInput[] = []
  private readonly nonces = new Map<TypeUrl, string>()

  constructor() {
    for (const type of [clusterType, listenerType, extensionType, routeType] as const) this.request(type)
  }

  resources(type: TypeUrl): Map<string, string> {
    return this.has.get(type) ?? new Map()
  }

  /** Takes the oldest response and puts its answer in the outbox. */
  receive(): void {
    const response = this.inbox.shift()
    if (!response) return
    const { typeUrl, nonce, resources } = response
    this.nonces.set(typeUrl, nonce)
    if (resources.some(({ hash }) => isBad(hash))) {
      const content = resources.map(({ hash }) => hash).sort()
      const refused = this.refused.get(typeUrl)
      expect(refused?.has(content.join()), 'a refused version was sent again').toBe(false)
      refused?.add(content.join())
      this.request(typeUrl, 'bad')
      return
    }
    const before = new Map(this.resources(typeUrl))
    const whole = typeUrl === clusterType || typeUrl === listenerType
    const kept: [string, string][] = whole ? [] : [...before]
    this.has.set(typeUrl, new Map([...kept, ...resources.map(({ name, hash }): [string, string] => [name, hash])]))
    if (typeUrl === clusterType) this.warm(before)
    this.request(typeUrl)
  }

  /** A cluster that is new or changed must be given its endpoints anew; one that is gone has none. */
  private warm(before: Map<string, string>): void {
    const clusters = this.resources(clusterType)
    const endpoints = [...this.resources(endpointType)].filter(
      ([name]) => clusters.get(name) === before.get(name) && clusters.has(name),
    )
    this.has.set(endpointType, new Map(endpoints))
    this.request(endpointType)
  }

  private request(typeUrl: TypeUrl, error?: string): void {
    const names: Partial<Record<TypeUrl, string[]>> = {
      [endpointType]: [...this.resources(clusterType).keys()],
      [routeType]: ['edge'],
      [extensionType]: ['jwt'],
    }
    const responseNonce = this.nonces.get(typeUrl) ?? ''
    const request = { typeUrl, nodeId: 'edge-1', resourceNames: names[typeUrl] ?? [], responseNonce, error }
    this.outbox.push({ kind: 'request', request })
  }
}

const version = fc.integer({ min: 1, max: 4 })

const published = fc.record({
  clusters: fc.dictionary(fc.constantFrom('a', 'b', 'c'), version, { maxKeys: 3 }),
  endpoints: fc.dictionary(fc.constantFrom('a', 'b', 'c'), version, { maxKeys: 3 }),
  routes: version,
  jwt: version,
})

type Published = typeof published extends fc.Arbitrary<infer T> ? T : never

/** The routes refer to all clusters of their snapshot, and their hash tells which those are. */
function snapshotOf({ clusters, endpoints, routes, jwt }: Published) {
  const names = Object.keys(clusters).sort()
  const assigned = Object.fromEntries(names.map(name => [name, endpoints[name] ?? 1]))
  const route = { name: 'edge', hash: `${names.join('+')}@${routes}`, value: Buffer.of() }
  return { ...testSnapshot(clusters, assigned, routes, { jwt }), [routeType]: new Map([['edge', route]]) }
}

const action = fc.oneof(
  { weight: 2, arbitrary: published.map(state => ({ kind: 'publish' as const, state })) },
  { weight: 5, arbitrary: fc.constant({ kind: 'deliver' as const }) },
  { weight: 5, arbitrary: fc.constant({ kind: 'receive' as const }) },
)

type Action = typeof action extends fc.Arbitrary<infer T> ? T : never

/** A cluster that came anew in a refused response is new to the client when it comes again, and is warmed then. */
const clustersAfterRefusal: [Action[], Published] = [
  [
    { kind: 'publish', state: { clusters: { a: 1 }, endpoints: {}, routes: 1, jwt: 1 } },
    ...Array.from({ length: 4 }, () => ({ kind: 'deliver' as const })),
    { kind: 'publish', state: { clusters: { c: 4 }, endpoints: {}, routes: 1, jwt: 1 } },
    { kind: 'receive' },
    { kind: 'deliver' },
    { kind: 'deliver' },
  ],
  { clusters: { a: 2 }, endpoints: {}, routes: 1, jwt: 1 },
]

it('in whatever order things happen, no cluster in use is taken away, nothing refused comes again, and all is delivered', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), published, (actions, last) => {
      const client = new Client()
      let stream: Stream = newStream
      const feed = (input: AdsInput | undefined) => {
        if (!input) return
        const result = step(stream, input)
        stream = result.stream
        client.inbox.push(...result.responses)
        for (const { typeUrl } of result.responses) {
          const earlier = typeUrl === endpointType ? [] : typeUrls.slice(0, typeUrls.indexOf(typeUrl))
          expect(earlier.filter(type => stream.subscriptions[type]?.waiting)).toEqual([])
        }
      }
      const receive = () => {
        client.receive()
        // A cluster that was refused may never have come.
        if (client.refused.get(clusterType)?.size) return
        const [names] = (client.resources(routeType).get('edge') ?? '@').split('@')
        for (const name of names?.split('+') ?? []) if (name) expect(client.resources(clusterType).has(name)).toBe(true)
      }
      for (const each of actions) {
        if (each.kind === 'publish') feed({ kind: 'snapshot', snapshot: snapshotOf(each.state) })
        else if (each.kind === 'deliver') feed(client.outbox.shift())
        else receive()
      }
      const final = snapshotOf(last)
      feed({ kind: 'snapshot', snapshot: final })
      while (client.outbox.length + client.inbox.length > 0) {
        feed(client.outbox.shift())
        receive()
      }
      expect(progressOf(stream)).not.toBe('waiting')
      for (const type of typeUrls) {
        if (stream.subscriptions[type]?.refused) continue
        const wanted = [...final[type].values()].filter(
          ({ name }) => type !== endpointType || client.resources(clusterType).has(name),
        )
        for (const { name, hash } of wanted) expect(client.resources(type).get(name)).toBe(hash)
      }
      if (progressOf(stream) !== 'accepted') return
      const names = [...final[clusterType].keys()].sort()
      expect([...client.resources(clusterType).keys()].sort()).toEqual(names)
      expect([...client.resources(endpointType).keys()].sort()).toEqual(names)
    }),
    { numRuns: 1000, examples: [clustersAfterRefusal] },
  )
})
