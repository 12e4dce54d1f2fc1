import {
  Proxy as ProxyMessage,
  ProxyProgress,
  ProxyResourceType,
} from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import { expect, test } from 'vitest'
import { emptyState, type Instance } from '../registry/registry.ts'
import { type HealthInput, healthReport } from './report.ts'

const instance = (name: string, change: Partial<Instance> = {}): Instance => ({
  service: name.split('-')[0] ?? '',
  instance: name,
  version: '1.0.0',
  apiVersion: '1.0',
  address: `127.0.0.1:8${name.at(-1)}`,
  ip: '127.0.0.1',
  port: 80,
  zone: '',
  startTime: new Date(0),
  contractHash: '',
  stream: 1,
  seenMs: 0,
  registerTime: new Date(0),
  draining: false,
  drainTime: undefined,
  drained: undefined,
  clockOffsetMs: 0,
  healthChangesMs: [],
  health: { status: 'healthy', since: new Date(0), reason: '' },
  dependencies: [],
  calls: [],
  ...change,
})
const failing = { health: { status: 'failing', since: new Date(0), reason: 'cannot be reached' } } as const
const proxy = ProxyMessage.fromPartial({ nodeId: 'edge-1', progress: ProxyProgress.PROXY_PROGRESS_ACCEPTED })
const type = ProxyResourceType.fromPartial({ typeUrl: 'cluster', sentVersion: '2', ackedVersion: '1' })

function report(instances: Instance[], change: Partial<HealthInput> = {}, services: string[] = []) {
  const known = { contractHash: '', contractTime: new Date(0), acceptedHash: '', refused: undefined, emptySinceMs: 0 }
  const names = [...services, ...instances.map(({ service }) => service)]
  return healthReport({
    registry: {
      ...emptyState(0),
      services: new Map(names.map(name => [name, known])),
      instances: new Map(instances.map(each => [each.instance, each])),
    },
    own: instance('console-1'),
    proxies: [proxy],
    problems: [],
    nowMs: 0,
    ...change,
  })
}
const of = (name: string, { services }: ReturnType<typeof report>) => services.find(service => service.name === name)

test('all is well when every service has healthy instances and a proxy is connected', () => {
  const { status, services, proxies } = report([instance('users-1')])
  expect(status).toBe('healthy')
  expect(services.map(({ name, status }) => [name, status])).toEqual([
    ['console', 'healthy'],
    ['users', 'healthy'],
  ])
  expect(proxies).toEqual([{ name: 'edge-1', status: 'healthy', reason: '' }])
})

test('a service without instances fails, Users even before it was ever seen', () => {
  expect(of('users', report([]))).toMatchObject({ status: 'failing', reason: 'no instance', instances: [] })
  const images = report([instance('users-1')], {}, ['images'])
  expect(images.status).toBe('failing')
  expect(of('images', images)).toMatchObject({ status: 'failing', reason: 'no instance' })
})

test('a service is degraded while some of its instances are healthy, and fails when none is', () => {
  const some = report([instance('users-1'), instance('users-2', failing)])
  expect([some.status, of('users', some)?.status, of('users', some)?.reason]).toEqual([
    'degraded',
    'degraded',
    '1 of 2 not healthy',
  ])
  const none = report([instance('users-1', failing)])
  expect([none.status, of('users', none)?.status]).toEqual(['failing', 'failing'])
  expect(of('users', none)?.instances).toMatchObject([
    { name: 'users-1', status: 'failing', reason: 'cannot be reached' },
  ])
})

test('an instance that leaves is no fault while others serve, and no help when none does', () => {
  expect(report([instance('users-1'), instance('users-2', { draining: true })]).status).toBe('healthy')
  expect(report([instance('users-1', { draining: true })]).status).toBe('failing')
})

test('a service of which every instance is drained fails, with who drained them', () => {
  const drained = { by: 'users/1', reason: 'a new disk', time: new Date(0) }
  const users = of('users', report([instance('users-1', { drained })]))
  expect(users).toMatchObject({ status: 'failing', reason: 'every instance is drained' })
  expect(users?.instances).toMatchObject([{ status: 'draining', reason: 'drained by users/1: a new disk' }])
  expect(report([instance('users-1', { drained }), instance('users-2')]).status).toBe('healthy')
})

test('an instance that fails tells why in the words of its dependencies', () => {
  const dependencies = [
    { name: 'keys', healthy: true, reason: '' },
    { name: 'mongodb', healthy: false, reason: 'no answer' },
  ]
  const { services, dependencies: seen } = report([instance('users-1', { ...failing, dependencies })])
  expect(services.find(({ name }) => name === 'users')?.instances[0]?.reason).toBe('mongodb: no answer')
  expect(seen).toEqual([
    { name: 'keys', status: 'healthy', reason: '', neededBy: ['users'] },
    { name: 'mongodb', status: 'failing', reason: 'no answer', neededBy: ['users'] },
  ])
})

test('without a proxy nothing is reached', () => {
  const { status, problems } = report([instance('users-1')], { proxies: [] })
  expect(status).toBe('failing')
  expect(problems).toHaveLength(1)
})

test('a proxy that refuses its configuration degrades, with its reason', () => {
  const refusing = { ...proxy, types: [type, { ...type, nackedVersion: '2', nackReason: 'bad listener' }] }
  const { status, proxies } = report([instance('users-1')], { proxies: [refusing] })
  expect(status).toBe('degraded')
  expect(proxies).toEqual([{ name: 'edge-1', status: 'degraded', reason: 'bad listener' }])
})

test('a proxy that takes nothing for long degrades', () => {
  const waiting = { ...proxy, progress: ProxyProgress.PROXY_PROGRESS_WAITING, progressSince: new Date(0) }
  const after = (nowMs: number) => report([instance('users-1')], { proxies: [waiting], nowMs })
  expect(after(1000).status).toBe('healthy')
  expect(after(7000)).toMatchObject({ status: 'degraded', proxies: [{ reason: expect.stringContaining('7 s') }] })
})

test('any other problem degrades', () => {
  expect(report([instance('users-1')], { problems: ['odd'] })).toMatchObject({ status: 'degraded', problems: ['odd'] })
})
