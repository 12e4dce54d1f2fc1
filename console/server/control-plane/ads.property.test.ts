import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type AdsInput, newStream, progressOf, type Stream, step } from './ads.ts'
import { Client, inForce, isBad, type Kind } from './ads-clients.ts'
import { testSnapshot } from './ads-fixture.ts'
import {
  clusterType,
  endpointType,
  extensionType,
  listenerType,
  routeType,
  type Snapshot,
  type TypeUrl,
  typeUrls,
} from './snapshot.ts'

const version = fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 1, max: 3 }) }, fc.constant(4))
const services = fc.dictionary(fc.constantFrom('a', 'b', 'c'), version, { maxKeys: 3, noNullPrototype: true })

const published = fc.record({
  clusters: services,
  endpoints: services,
  onDemand: services,
  routes: version,
  jwt: version,
  transcoder: version,
  listener: version,
  secret: version,
})

type Published = typeof published extends fc.Arbitrary<infer T> ? T : never

/** The routes refer to all clusters of their snapshot, and their hash tells which those are. */
function snapshotOf({ clusters, endpoints, onDemand, routes, jwt, transcoder, listener, secret }: Published): Snapshot {
  const names = Object.keys(clusters).sort()
  const snapshot = testSnapshot(clusters, {
    endpoints: Object.fromEntries(names.map(name => [name, endpoints[name] ?? 1])),
    extensions: { jwt, transcoder },
    listeners: { edge: listener },
    secrets: { edge: secret },
    onDemand: Object.fromEntries(Object.entries(onDemand).map(([name, each]) => [`grpc/${name}`, each])),
  })
  const edge = { name: 'edge', hash: `${names.join('+')}@${routes}`, value: Buffer.of(routes) }
  return { ...snapshot, [routeType]: new Map([...snapshot[routeType], ['edge', edge]]) }
}

const action = fc.oneof(
  { weight: 4, arbitrary: published.map(state => ({ kind: 'publish' as const, state })) },
  { weight: 12, arbitrary: fc.constant({ kind: 'deliver' as const }) },
  { weight: 12, arbitrary: fc.constant({ kind: 'receive' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'reconnect' as const }) },
)

type Action = typeof action extends fc.Arbitrary<infer T> ? T : never

/** Drives one client and its stream; every step is checked against the rules. */
function run(kind: Kind, actions: readonly Action[], last: Published) {
  const client = new Client(kind)
  let stream: Stream = newStream(kind.variant)

  /** The clusters that the client's routes refer to. */
  const routed = () => {
    const [names] = (client.resources(routeType).get('edge') ?? '@').split('@')
    return (names ?? '').split('+').filter(name => name)
  }

  const feed = (input: AdsInput | undefined) => {
    if (!input) return
    const before = stream
    const result = step(stream, input)
    stream = result.stream
    client.inbox.push(...result.responses)
    if (input.kind !== 'snapshot' && input.request.error !== undefined) {
      const type = input.request.typeUrl as TypeUrl
      const accepted = before.subscriptions[type]?.accepted
      for (const [name, resource] of stream.subscriptions[type]?.accepted ?? [])
        expect(accepted?.get(name)).toBe(resource)
    }
    for (const { typeUrl } of result.responses) {
      if (typeUrl !== listenerType && typeUrl !== extensionType && typeUrl !== routeType) continue
      const earlier = typeUrls.slice(0, typeUrls.indexOf(typeUrl))
      expect(earlier.filter(type => stream.subscriptions[type]?.waiting)).toEqual([])
    }
  }

  const receive = () => {
    client.receive()
    if (kind.client === 'grpc') return
    const lacking = routed().filter(name => !client.resources(clusterType).has(name) && !client.excused.has(name))
    expect(lacking, 'routed to, and not there').toEqual([])
  }

  for (const each of actions) {
    if (each.kind === 'publish') feed({ kind: 'snapshot', snapshot: snapshotOf(each.state) })
    else if (each.kind === 'deliver') feed(client.outbox.shift())
    else if (each.kind === 'receive') receive()
    else {
      const { snapshot } = stream
      // A new stream does not know what the routes of the client refer to.
      for (const name of routed()) client.excused.add(name)
      client.connect()
      stream = newStream(kind.variant)
      feed(snapshot && { kind: 'snapshot', snapshot })
    }
  }
  const final = snapshotOf(last)
  feed({ kind: 'snapshot', snapshot: final })
  let turns = 0
  for (let rounds = 0; rounds < 20; rounds++) {
    while (client.outbox.length + client.inbox.length > 0) {
      expect(turns++, 'it never ends').toBeLessThan(1000)
      feed(client.outbox.shift())
      receive()
    }
    client.timeout()
  }
  return { client, stream, final }
}

/** The client has all that is good, nothing that is gone, and the stream knows what it has. */
function checkEnd({ client, stream, final }: ReturnType<typeof run>, kind: Kind) {
  expect(progressOf(stream)).not.toBe('waiting')
  for (const [type, has] of inForce(client)) {
    const subscription = stream.subscriptions[type]
    if (!subscription) continue
    const { wildcard, names, accepted, refused, ackedVersion } = subscription
    // The state of the world has one answer for all, and the first may refuse all.
    const whole = kind.variant === 'sotw' && (type === clusterType || type === listenerType)
    if (whole && refused && ackedVersion === '') continue
    const wanted = [...final[type].values()].filter(({ name, onDemand }) => names.has(name) || (wildcard && !onDemand))
    for (const { name, hash } of wanted) {
      if (!isBad(hash)) expect(has.get(name), `${type} ${name}`).toBe(hash)
      else expect(refused?.names ?? [], `${type} ${name}`).toContain(name)
    }
    expect(refused?.names.filter(name => !isBad(final[type].get(name)?.hash ?? '')) ?? []).toEqual([])
    for (const [name, { hash }] of accepted) expect(has.get(name)).toBe(hash)
    // Of what it had before this stream in another version, the value is not known.
    const isKnown = (name: string) => final[type].has(name) && subscription.sent.get(name)?.value.length !== 0
    const unknown = [...has.keys()].filter(name => isKnown(name) && !accepted.has(name))
    expect(
      unknown.filter(name => !refused?.names.includes(name)),
      type,
    ).toEqual([])
    const mayStay = typeUrls.some(each => stream.subscriptions[each]?.refused)
    if ((type === clusterType || kind.variant === 'delta') && type !== endpointType && !mayStay)
      expect(
        [...has.keys()].filter(name => !wanted.some(each => each.name === name)),
        type,
      ).toEqual([])
  }
}

const kinds: Kind[] = [
  { client: 'envoy', variant: 'sotw', atomic: true },
  { client: 'envoy', variant: 'sotw', atomic: false },
  { client: 'envoy', variant: 'delta', atomic: true },
  { client: 'envoy', variant: 'delta', atomic: false },
  { client: 'grpc', variant: 'sotw', atomic: true },
  { client: 'grpc', variant: 'delta', atomic: false },
]

/** A cluster refused with another goes back to what the client has, while it is the other's turn to be tried; then one more is bad. */
const settledSuspect = (): [Action[], Published] => {
  const state = (clusters: Record<string, number>): Published => {
    const ones = { routes: 1, jwt: 1, transcoder: 1, listener: 1, secret: 1 }
    return { clusters, endpoints: {}, onDemand: {}, ...ones }
  }
  const publish = (clusters: Record<string, number>): Action => ({ kind: 'publish', state: state(clusters) })
  const turns = (kinds: string): Action[] => [...kinds].map(each => ({ kind: each === 'd' ? 'deliver' : 'receive' }))
  const actions = [...turns('ddd'), publish({ a: 2 }), ...turns('rdddr'), publish({ c: 4, a: 4 }), ...turns('drdd')]
  return [actions, state({ c: 1, a: 2, b: 4 })]
}

it.each(kinds)(
  'whatever happens in whatever order, the rules hold and all arrives: $client $variant, atomic $atomic',
  kind => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 80, size: 'max' }), published, (actions, last) => {
        checkEnd(run(kind, actions, last), kind)
      }),
      { numRuns: 150, examples: [settledSuspect()] },
    )
  },
)
