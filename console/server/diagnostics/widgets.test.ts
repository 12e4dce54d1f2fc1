import { create, fromBinary, getExtension, setExtension, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema, ServiceOptionsSchema } from '@bufbuild/protobuf/wkt'
import { Aggregation } from '@site11/proto/es/site11/statistics/v1/metrics_service_pb.ts'
import { Widget_Aggregation, WidgetSchema, widget } from '@site11/proto/es/site11/types/v1/widget_pb.ts'
import { AuthServiceService } from '@site11/proto/grpc/site11/console/v1/auth_service.ts'
import { UsersServiceService } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import { contractOf } from '@site11/runtime/contract.ts'
import { expect, test } from 'vitest'
import { listWidgets } from './widgets.ts'

const console = { name: 'console', contract: contractOf([AuthServiceService]) }
const users = { name: 'users', contract: contractOf([UsersServiceService]) }

const titles = (...inForce: (typeof users)[]) =>
  listWidgets(inForce).widgets.map(({ service, widget }) => `${service}: ${widget?.title}`)

/** @returns the contract of Users with these widgets instead of its own. */
function withWidgets(...wanted: string[]) {
  const set = fromBinary(FileDescriptorSetSchema, users.contract)
  const service = set.file.flatMap(file => file.service).find(({ name }) => name === 'UsersService')
  if (!service) throw new Error('no UsersService')
  const options = service.options ?? create(ServiceOptionsSchema)
  const made = wanted.map(title => create(WidgetSchema, { title, titles: { ko: title }, metric: 'events' }))
  setExtension(options, widget, made)
  service.options = options
  expect(getExtension(options, widget)).toHaveLength(wanted.length)
  return { name: 'users', contract: toBinary(FileDescriptorSetSchema, set) }
}

test('a widget says whose it is and what it shows, in every language', () => {
  expect(listWidgets([users]).widgets[0]).toEqual({
    service: 'users',
    widget: {
      title: 'New users',
      titles: { ko: '새 사용자' },
      metric: 'events',
      aggregation: Widget_Aggregation.SUM,
      filter: 'type = "site11.users.v1.UserCreated"',
      groupBy: '',
    },
  })
})

test('widgets stand by service, and as their contract has them', () => {
  expect(titles(withWidgets('Z', 'A', 'M'), console)).toEqual([
    'console: Sign-ins refused',
    'users: Z',
    'users: A',
    'users: M',
  ])
})

test('a service whose contract is gone has no widget, nor has one that contributes none', () => {
  expect(titles(console)).toEqual(['console: Sign-ins refused'])
  expect(titles(withWidgets(), console)).toEqual(['console: Sign-ins refused'])
})

test('nobody contributes in the name of another, and a contract that cannot be read contributes nothing', () => {
  expect(titles({ name: 'widgets', contract: users.contract })).toEqual([])
  expect(titles({ name: 'widgets', contract: Uint8Array.of(255, 255) }, console)).toHaveLength(1)
})

test('what a value may be has the numbers that Statistics has for it', () => {
  expect(Widget_Aggregation).toEqual(Aggregation)
})
