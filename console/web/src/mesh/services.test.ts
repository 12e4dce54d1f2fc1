import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import {
  HealthStatus,
  InstanceBeliefsSchema,
  MeshHealthSchema,
} from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import { InstanceHealth, type InstanceSchema } from '@site11/proto/es/site11/console/v1/registry_service_pb.ts'
import { expect, test } from 'vitest'
import { type ServiceView, servicesOf } from './services.ts'

const since = (minutes: number) => timestampFromMs(1_700_000_000_000 + minutes * 60_000)
const beliefs = (instance: string, init: MessageInitShape<typeof InstanceSchema> = {}, registered = true) =>
  create(InstanceBeliefsSchema, {
    registered,
    instance: {
      service: 'users',
      version: '0.1.0',
      health: InstanceHealth.HEALTHY,
      healthSince: since(0),
      attached: true,
      ...init,
      instance,
    },
  })
const failing = (minutes: number) => ({
  health: InstanceHealth.FAILING,
  healthReason: 'cannot be reached',
  healthSince: since(minutes),
})
const only = (...members: ReturnType<typeof beliefs>[]) => servicesOf(members, undefined)[0] as ServiceView

test('one that fails beside one that serves degrades the service, since then and for that reason', () => {
  expect(only(beliefs('users-1'), beliefs('users-2', failing(5)))).toMatchObject({
    serving: 1,
    ill: [{ name: 'users-2' }],
    state: { name: 'degraded', since: new Date(1_700_000_300_000), why: { text: 'cannot be reached' } },
  })
})

test('nobody who serves: failing, since the first of them', () => {
  const { state, serving } = only(beliefs('users-1', failing(7)), beliefs('users-2', failing(5)))
  expect([state.name, serving, state.since]).toEqual(['failing', 0, new Date(1_700_000_300_000)])
})

test('all drained is failing, and says who did it', () => {
  const drained = { draining: true, drainedBy: 'operator', drainTime: since(1) }
  expect(only(beliefs('users-1', drained)).state).toMatchObject({ name: 'failing', why: { key: 'drained' } })
})

test('one drained, another one starting: the service is healthy', () => {
  const members = [
    beliefs('users-1'),
    beliefs('users-2', { draining: true, drainedBy: 'operator' }),
    beliefs('users-3', { health: InstanceHealth.UNSPECIFIED }),
  ]
  expect(only(...members)).toMatchObject({ serving: 1, ill: [], state: { name: 'healthy' } })
})

test('all of them starting is a start', () => {
  expect(only(beliefs('users-1', { health: InstanceHealth.UNSPECIFIED })).state.name).toBe('starting')
})

test('one that serves without a stream degrades the service', () => {
  expect(only(beliefs('users-1', { attached: false }))).toMatchObject({ serving: 1, state: { name: 'degraded' } })
})

test('an instance that only a proxy knows is shown, and is not one of the service', () => {
  expect(only(beliefs('users-1'), beliefs('users-9', { version: '' }, false))).toMatchObject({
    serving: 1,
    versions: ['0.1.0'],
    instances: [{ state: { name: 'healthy' } }, { state: { name: 'unknown', why: { key: 'notRegistered' } } }],
  })
})

test('a service without an instance is there, and says what the Console says of it', () => {
  const health = create(MeshHealthSchema, {
    services: [{ service: 'images', status: HealthStatus.FAILING, reason: 'No instance is registered.' }],
  })
  expect(servicesOf([beliefs('users-1')], health)).toMatchObject([
    { name: 'images', state: { name: 'failing', why: { text: 'No instance is registered.' } } },
    { name: 'users' },
  ])
})
