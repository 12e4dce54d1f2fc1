import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import {
  InstanceHealth,
  InstanceSchema,
  ProxyProgress,
  ProxySchema,
} from '@site11/proto/es/site11/console/v1/registry_service_pb.ts'
import { expect, test } from 'vitest'
import { healthOf, proxyState, registryOf, summaryOf } from './state.ts'

const since = timestampFromMs(1_700_000_000_000)
const instance = (init: MessageInitShape<typeof InstanceSchema> = {}) =>
  create(InstanceSchema, {
    service: 'users',
    instance: 'users-1',
    health: InstanceHealth.HEALTHY,
    healthSince: since,
    attached: true,
    ...init,
  })
const cluster = 'type.googleapis.com/envoy.config.cluster.v3.Cluster'
const proxy = (init: MessageInitShape<typeof ProxySchema> = {}) =>
  create(ProxySchema, { nodeId: 'edge-1', types: [{ typeUrl: cluster, sentVersion: '2', ackedVersion: '2' }], ...init })

test.each([
  ['healthy', {}],
  ['failing', { health: InstanceHealth.FAILING, healthReason: 'mongodb: no answer' }],
  ['starting', { health: InstanceHealth.UNSPECIFIED }],
  ['draining', { draining: true }],
  ['draining', { draining: true, drainedBy: 'operator', drainReason: 'a new disk' }],
  ['degraded', { dependencies: [{ name: 'redis', healthy: false, reason: 'refused' }] }],
])('an instance is %s', (name, init) => {
  const state = healthOf(instance(init))
  expect(state.name).toBe(name)
  expect(state.why === undefined).toBe(name === 'healthy')
})

test('the reason of the health check is told as it is', () => {
  const state = healthOf(instance({ health: InstanceHealth.FAILING, healthReason: 'mongodb: no answer' }))
  expect(state).toMatchObject({ since: new Date(1_700_000_000_000), why: { text: 'mongodb: no answer' } })
})

test('a lost stream shows beside a health check that passes', () => {
  const lost = instance({ attached: false, seenTime: since })
  expect(healthOf(lost).name).toBe('healthy')
  expect(registryOf(lost)).toMatchObject({ name: 'unknown', why: { key: 'noStream' } })
  expect(registryOf(instance())).toBeUndefined()
})

test('a proxy that refuses a version says which type and why', () => {
  const types = [
    { typeUrl: cluster, sentVersion: '3', ackedVersion: '2', nackedVersion: '3', nackReason: 'no such field' },
  ]
  expect(proxyState(proxy({ types }))).toMatchObject({
    name: 'failing',
    why: { key: 'refused', values: { type: 'Cluster', reason: 'no such field' } },
  })
})

test('a proxy that has not answered yet is not up to date', () => {
  const types = [{ typeUrl: cluster, sentVersion: '3', ackedVersion: '2' }]
  expect(proxyState(proxy({ types, progress: ProxyProgress.WAITING })).name).toBe('starting')
})

test.each([
  ['healthy', [instance()], [proxy()]],
  ['failing', [instance()], []],
  ['failing', [instance({ health: InstanceHealth.FAILING })], [proxy()]],
  ['degraded', [instance(), instance({ instance: 'users-2', health: InstanceHealth.FAILING })], [proxy()]],
  ['degraded', [instance({ attached: false })], [proxy()]],
  ['degraded', [instance()], [proxy({ types: [{ typeUrl: cluster, sentVersion: '3', nackedVersion: '3' }] })]],
  ['healthy', [instance(), instance({ instance: 'users-2', draining: true })], [proxy()]],
])('the mesh is %s', (name, instances, proxies) => {
  expect(summaryOf(instances, proxies).name).toBe(name)
})
