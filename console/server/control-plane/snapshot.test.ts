import { describe, expect, it } from 'vitest'
import { encode } from './encode.ts'
import { assignment } from './endpoints.ts'
import {
  clusterType,
  endpointType,
  extensionType,
  listenerType,
  routeType,
  secretType,
  snapshotFrom,
  type TypeUrl,
  typeUrls,
  versionOf,
  withEdge,
} from './snapshot.ts'
import { type MeshState, StateError } from './state.ts'
import { instance, meshState, usersContract } from './testbed.ts'

/** Of what Envoy gets. */
const versions = (state: MeshState) => {
  const snapshot = snapshotFrom(state)
  const all = (type: TypeUrl) => [...snapshot[type].values()].filter(each => !each.onDemand)
  return Object.fromEntries(typeUrls.map(type => [type, versionOf(all(type))]))
}

/** The types whose version differs. */
function changes(before: MeshState, after: MeshState) {
  const [a, b] = [versions(before), versions(after)]
  return typeUrls.filter(type => a[type] !== b[type])
}

const withInstances = (...instances: ReturnType<typeof instance>[]) =>
  meshState({ services: [{ name: 'users', contract: usersContract, instances }] })

describe('a snapshot', () => {
  it('is the same for the same state, in whatever order things are listed', () => {
    const state = meshState({ corsOrigins: ['http://a', 'http://b'] })
    const turned = { ...state, services: state.services.toReversed(), corsOrigins: ['http://b', 'http://a'] }
    expect(changes(state, turned)).toEqual([])
    const [a, b] = [instance('users-1', 1), instance('users-2', 2, { zone: 'b' })]
    expect(changes(withInstances(a, b), withInstances(b, a))).toEqual([])
  })

  it('has every cluster with endpoints, and nothing else', () => {
    const snapshot = snapshotFrom(meshState())
    const clusters = [...snapshot[clusterType].values()].filter(each => !each.onDemand).map(each => each.name)
    expect(clusters).toEqual([...snapshot[endpointType].keys()])
    expect(clusters).toEqual(['console', 'console-http', 'statistics', 'users'])
  })

  it('has a listener, routes and a cluster of each service for the clients of gRPC, and the authorities, on demand', () => {
    const snapshot = snapshotFrom(meshState())
    const onDemand = typeUrls.map(type => [...snapshot[type].values()].filter(each => each.onDemand))
    expect(onDemand.map(list => list.map(({ name }) => name))).toEqual([
      ['grpc/console', 'grpc/users'],
      [],
      ['console', 'users'],
      [],
      ['console', 'users'],
      // For Envoy, which asks for it where a cluster names it.
      ['trust'],
    ])
  })

  it('is what it would be without what was made before: the same objects where nothing changed', () => {
    const [state, other] = [withInstances(instance('users-1', 1)), withInstances(instance('users-1', 2))]
    const [first, between, again, once] = [state, other, state, state].map(snapshotFrom)
    expect(again).toEqual(first)
    expect(between).not.toEqual(first)
    for (const type of typeUrls) expect(once?.[type]).toBe(again?.[type])
    for (const type of typeUrls) if (type !== endpointType) expect(between?.[type]).toBe(first?.[type])
  })

  it('changes only in its endpoints when instances come and go', () => {
    const one = withInstances(instance('users-1', 1))
    // With the last one goes what is known of the versions.
    expect(changes(one, withInstances())).toEqual([endpointType, routeType])
    expect(changes(one, withInstances(instance('users-1', 1), instance('users-2', 2)))).toEqual([endpointType])
    expect(changes(one, withInstances(instance('users-1', 1, { healthy: false })))).toEqual([endpointType])
    expect(changes(one, withInstances(instance('users-1', 1, { draining: true })))).toEqual([endpointType])
  })

  it('changes only in what is got by ECDS when keys change, so that the listener stays', () => {
    const rotated = meshState({ jwks: { keys: [{ kty: 'EC', kid: 'new' }] } })
    expect(changes(meshState(), rotated)).toEqual([extensionType])
  })

  it('leaves the listener as it is when services come and go', () => {
    const fewer = meshState({ services: meshState().services.slice(0, 1) })
    expect(changes(meshState(), fewer)).not.toContain(listenerType)
    expect(changes(meshState(), fewer)).toContain(routeType)
  })

  it('changes only in its secret when the certificate of the edge does', () => {
    const tls = (certificateChain: string) => meshState({ tls: { certificateChain, privateKey: 'key' } })
    expect(changes(tls('a'), tls('b'))).toEqual([secretType])
    expect(changes(meshState(), tls('a'))).toEqual([listenerType, secretType])
  })

  it('differs for a proxy that listens elsewhere in the listener of the edge alone', () => {
    const snapshot = snapshotFrom(meshState())
    const edge = { address: '127.0.0.2', port: 1 }
    const moved = withEdge(snapshot, edge, false)
    const different = typeUrls.flatMap(type =>
      [...moved[type].values()].filter(each => snapshot[type].get(each.name) !== each),
    )
    expect(different).toEqual([expect.objectContaining({ name: 'edge' })])
    expect(withEdge(snapshot, { ...edge }, false)).toEqual(moved)
    expect(moved[listenerType]).toEqual(snapshotFrom(meshState({ edge }))[listenerType])
  })

  it('is refused when an instance has no IP address, naming the service', () => {
    const attempt = () => snapshotFrom(withInstances(instance('users-1', 1, { host: 'localhost' })))
    expect(attempt).toThrow(StateError)
    expect(attempt).toThrow(expect.objectContaining({ service: 'users' }))
  })
})

describe('an assignment', () => {
  it('lists the failing and the leaving as such', () => {
    const all = [instance('a', 1), instance('b', 2, { healthy: false }), instance('c', 3, { draining: true })]
    expect(assignment('users', all)).toMatchObject({
      endpoints: [
        { lb_endpoints: [{ health_status: 'HEALTHY' }, { health_status: 'UNHEALTHY' }, { health_status: 'DRAINING' }] },
      ],
    })
  })

  it('groups by zone, with the weight that gRPC clients need', () => {
    const all = [instance('a', 1, { zone: 'z2' }), instance('b', 2, { zone: 'z1' }), instance('c', 3, { zone: 'z2' })]
    expect(assignment('users', all)).toMatchObject({
      endpoints: [
        { locality: { zone: 'z1' }, load_balancing_weight: 1 },
        { locality: { zone: 'z2' }, load_balancing_weight: 2 },
      ],
    })
  })
})

describe('encoding', () => {
  const cluster = { '@type': 'type.googleapis.com/envoy.config.cluster.v3.Cluster', name: 'users' }

  it('refuses a field that Envoy does not have, naming the resource, the message and the field', () => {
    const attempt = () => encode('users', { ...cluster, outlier_detection: { consecutive_6xx: 1 } })
    expect(attempt).toThrow(/users.*OutlierDetection.*consecutive_6xx/)
  })

  it('refuses a type that Envoy does not have', () => {
    expect(() => encode('x', { '@type': 'type.googleapis.com/envoy.Nothing' })).toThrow(/envoy\.Nothing/)
  })
})
