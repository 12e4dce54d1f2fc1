import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { InstanceBeliefsSchema, MeshHealthSchema } from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import { InstanceHealth, type InstanceSchema } from '@site11/proto/es/site11/console/v1/registry_service_pb.ts'
import { expect, test } from 'vitest'
import { servicesOf } from '../mesh/services.ts'
import type { Point, Signals } from '../signals/signals.ts'
import { type RowsInput, rowsOf } from './rows.ts'

const beliefs = (service: string, instance: string, init: MessageInitShape<typeof InstanceSchema> = {}) =>
  create(InstanceBeliefsSchema, {
    registered: true,
    agreed: true,
    instance: { service, instance, version: '0.1.0', health: InstanceHealth.HEALTHY, attached: true, ...init },
  })
const failing = { health: InstanceHealth.FAILING, healthReason: 'cannot be reached' }
const services = servicesOf(
  [
    beliefs('images', 'images-1'),
    beliefs('users', 'users-1'),
    beliefs('users', 'users-2', failing),
    beliefs('users', 'users-10', { draining: true, drainedBy: 'operator', version: '0.2.0' }),
  ],
  create(MeshHealthSchema, { services: [{ service: 'data', reason: 'absent' }] }),
)
const at = (requests: number, serverErrors: number, p95: number): Point[] => [
  { start: 0, requests, serverErrors, clientErrors: 0, p50: 1, p95, p99: p95 },
]
const signals = (series: [string, Point[]][]): Signals => ({
  series: new Map(series),
  time: 10_000,
  stepMs: 10_000,
  dropped: 0,
})

const keys = (search: RowsInput['search'], more: Partial<RowsInput> = {}) =>
  rowsOf({ services, signals: undefined, instanceSignals: undefined, search, ...more }).map(({ key }) => key)

test('a short list is open, numbers in names count as numbers', () => {
  expect(keys({})).toEqual([
    'data',
    'images',
    'images/images-1',
    'users',
    'users/users-1',
    'users/users-2',
    'users/users-10',
  ])
})

test('what the address opens is open, and nothing else', () => {
  expect(keys({ open: ['images'] })).toEqual(['data', 'images', 'images/images-1', 'users'])
})

test('of a long list only what needs attention is open at first', () => {
  const many = Array.from({ length: 60 }, (_, index) => beliefs('many', `many-${index}`))
  const long = servicesOf([...many, beliefs('users', 'users-1'), beliefs('users', 'users-2', failing)], undefined)
  expect(keys({}, { services: long })).toEqual(['many', 'users', 'users/users-1', 'users/users-2'])
})

test.each([
  ['users-1', ['users', 'users/users-1', 'users/users-10']],
  ['USERS 0.2', ['users', 'users/users-1', 'users/users-2', 'users/users-10']],
  ['nothing like it', []],
])('%s finds by name, version and address', (search, found) => {
  expect(keys({ search, open: [] })).toEqual(found)
})

test('what needs attention, and what is drained', () => {
  expect(keys({ show: 'attention' })).toEqual(['data', 'users', 'users/users-2'])
  expect(keys({ show: 'drained' })).toEqual(['users', 'users/users-10'])
})

test('by state the worst stands first, in services and among them', () => {
  expect(keys({ order: 'state' })).toEqual([
    'data',
    'users',
    'users/users-2',
    'users/users-10',
    'users/users-1',
    'images',
    'images/images-1',
  ])
})

test('by a figure the most stands first, and what has none last', () => {
  const more = {
    signals: signals([
      ['images', at(600, 0, 5)],
      ['users', at(60, 30, 50)],
    ]),
  }
  expect(keys({ order: 'rate', open: [] }, more)).toEqual(['images', 'users', 'data'])
  expect(keys({ order: 'errors', open: [] }, more)).toEqual(['users', 'images', 'data'])
  expect(keys({ order: 'p95', desc: true, open: [] }, more)).toEqual(['data', 'images', 'users'])
})

test('each row has its own figures', () => {
  const rows = rowsOf({
    services,
    signals: signals([['users', at(120, 0, 7)]]),
    instanceSignals: signals([['users users-1', at(60, 0, 9)]]),
    search: {},
  })
  const of = (key: string) => rows.find(row => row.key === key)?.figures
  expect(of('users')).toMatchObject({ rate: 2, p95: 7 })
  expect(of('users/users-1')).toMatchObject({ rate: 1, p95: 9 })
  expect(of('users/users-2')).toMatchObject({ rate: 0, p95: undefined })
})
