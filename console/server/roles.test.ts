import { getOption } from '@bufbuild/protobuf'
import { method as policyOption } from '@site11/proto/es/site11/policy/v1/policy_pb.ts'
import { registry } from '@site11/runtime/contract.ts'
import { expect, test } from 'vitest'
import { scopesOf } from './roles.ts'

test('every scope that a contract asks for is granted to admin', () => {
  const asked = [...registry]
    .flatMap(type => (type.kind === 'service' ? type.methods : []))
    .map(method => getOption(method, policyOption).access)
    .flatMap(access => (access.case === 'scope' ? [access.value] : []))
  expect(asked.length).toBeGreaterThan(0)
  expect([...new Set(asked)].filter(scope => !scopesOf(['admin']).includes(scope))).toEqual([])
})

test('roles add up, without repeats and in order', () => {
  expect(scopesOf(['user'])).toEqual(['profile', 'statistics:track'])
  expect(scopesOf(['user', 'operator'])).toEqual([
    'events:read',
    'events:write',
    'mesh:read',
    'mesh:write',
    'profile',
    'statistics:read',
    'statistics:track',
    'statistics:write',
    'users:read',
  ])
})

test('a role that does not exist grants nothing', () => {
  expect(scopesOf(['root', 'constructor', '__proto__'])).toEqual([])
})
