import { LoginRequestSchema, RegisterRequestSchema } from '@site11/proto/es/site11/console/v1/auth_service_pb.ts'
import {
  CreateUserRequestSchema,
  DisableUserRequestSchema,
  ListUsersRequestSchema,
} from '@site11/proto/es/site11/users/v1/users_service_pb.ts'
import { expect, test } from 'vitest'
import { breachOf, rulesOf } from './rules.ts'

test.each([
  ['', { rule: 'required' }],
  ['kim', { rule: 'email' }],
  ['kim@example.com', undefined],
  [`${'a'.repeat(250)}@b.kr`, { rule: 'maxLength', limit: 254 }],
])('the address %j of a registration', (value, breach) => {
  expect(breachOf(rulesOf(RegisterRequestSchema, 'email'), value)).toEqual(breach)
})

test('a password is counted in characters, not in code units', () => {
  const rules = rulesOf(RegisterRequestSchema, 'password')
  expect(breachOf(rules, '👍👍👍👍')).toEqual({ rule: 'minLength', limit: 8 })
  expect(breachOf(rules, '👍'.repeat(256))).toBeUndefined()
})

test('a password at sign-in need not be long', () => {
  expect(breachOf(rulesOf(LoginRequestSchema, 'password'), 'x')).toBeUndefined()
})

test('an optional field may be empty but not wrong', () => {
  const rules = rulesOf(CreateUserRequestSchema, 'password')
  expect(breachOf(rules, '')).toBeUndefined()
  expect(breachOf(rules, 'short')).toEqual({ rule: 'minLength', limit: 8 })
})

test('a rule over a message can require one of its fields', () => {
  expect(breachOf(rulesOf(CreateUserRequestSchema, 'user.email'), '')).toEqual({
    rule: 'required',
  })
  expect(breachOf(rulesOf(CreateUserRequestSchema, 'user.displayName'), '')).toBeUndefined()
})

test('rules of nested fields are found, and patterns obeyed', () => {
  const rules = rulesOf(CreateUserRequestSchema, 'user.timeZone')
  expect(breachOf(rules, 'Asia/Seoul')).toBeUndefined()
  expect(breachOf(rules, 'Asia Seoul')).toEqual({ rule: 'pattern' })
})

test('a time that is to come must not be past', () => {
  const rules = rulesOf(DisableUserRequestSchema, 'until')
  expect(breachOf(rules, '2001-01-01T00:00')).toEqual({ rule: 'future' })
  expect(breachOf(rules, '2999-01-01T00:00')).toBeUndefined()
  expect(breachOf(rules, '')).toBeUndefined()
})

test('a field that the contract does not have is a fault of the form', () => {
  expect(() => rulesOf(ListUsersRequestSchema, 'user.name')).toThrow()
})
