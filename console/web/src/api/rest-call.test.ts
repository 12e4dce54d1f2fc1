import type { DescMethod, JsonObject } from '@bufbuild/protobuf'
import { DiagnosticsService } from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import { RegistryService } from '@site11/proto/es/site11/console/v1/registry_service_pb.ts'
import { UsersService } from '@site11/proto/es/site11/users/v1/users_service_pb.ts'
import { expect, test } from 'vitest'
import { restCall, restTarget } from './rest-call.ts'

const { listUsers, updateUser, batchGetUsers, getUser, disableUser } = UsersService.method

test.each<[DescMethod, JsonObject, string, unknown]>([
  [listUsers, {}, 'GET /api/v1/users', undefined],
  [listUsers, { pageSize: 10, filter: 'a = "b c"' }, 'GET /api/v1/users?pageSize=10&filter=a+%3D+%22b+c%22', undefined],
  [getUser, { id: 'a/b' }, 'GET /api/v1/users/a%2Fb', undefined],
  [getUser, {}, 'GET /api/v1/users/{id}', undefined],
  [batchGetUsers, { ids: ['a', 'b'] }, 'GET /api/v1/users:batchGet?ids=a&ids=b', undefined],
  [disableUser, { id: 'x', reason: 'r' }, 'POST /api/v1/users/x:disable', { reason: 'r' }],
  [
    updateUser,
    { user: { id: 'x', displayName: 'n', profile: { a: 'b' } }, updateMask: 'displayName' },
    'PATCH /api/v1/users/x?updateMask=displayName',
    { displayName: 'n', profile: { a: 'b' } },
  ],
  [
    DiagnosticsService.method.waitForAcks,
    { change: '5', timeout: '1.500s' },
    'GET /api/v1/proxies:waitForAcks?change=5&timeout=1.500s',
    undefined,
  ],
])('$name of %j', (method, request, target, body) => {
  const call = restCall(method, request)
  expect(call && `${call.verb} ${restTarget(call)}`).toBe(target)
  expect(call?.body).toEqual(body)
})

test('a method that is bound to no path has no REST form', () => {
  expect(restCall(RegistryService.method.attach, {})).toBeUndefined()
})

test('what REST has no place for is named', () => {
  expect(restCall(listUsers, { filter: 'a', odd: [{ a: 1 }] })?.lost).toEqual(['odd'])
})
