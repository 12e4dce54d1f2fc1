import { expect, test } from 'vitest'
import { addressOf } from './changes.ts'

test.each([
  ['services/users', '/services/users'],
  ['instances/users-1', '/services/users/users-1'],
  ['instances/gone-1', undefined],
  ['proxies/envoy-1', '/gateway'],
  ['mesh', undefined],
])('%s is at %s', (subject, address) => {
  expect(addressOf(subject, name => (name === 'users-1' ? 'users' : undefined))).toBe(address)
})
