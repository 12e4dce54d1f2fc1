import { AuthService } from '@site11/proto/es/site11/console/v1/auth_service_pb.ts'
import { RegistryService } from '@site11/proto/es/site11/console/v1/registry_service_pb.ts'
import { UsersService } from '@site11/proto/es/site11/users/v1/users_service_pb.ts'
import { expect, test } from 'vitest'
import { methodsOf, pathOf, policyOf } from './contract.ts'

test('a service has the methods of all its contracts', () => {
  const all = [AuthService, RegistryService, UsersService]
  const paths = methodsOf(all, 'console').map(pathOf)
  expect(paths).toContain('/site11.console.v1.RegistryService/DrainInstance')
  expect(paths).toContain('/site11.console.v1.AuthService/Login')
  expect(paths.join()).not.toContain('UsersService')
})

test('the policy says who may call and within what bounds', () => {
  const { drainInstance, attach } = RegistryService.method
  expect(policyOf(drainInstance)).toMatchObject({
    access: 'scope',
    scope: 'mesh:write',
    timeoutMs: 10_000,
    audit: true,
  })
  expect(policyOf(attach)).toMatchObject({ access: 'services', callers: ['*'], timeoutMs: undefined })
})
