import {
  ChangePasswordRequestSchema,
  RefreshRequestSchema,
} from '@site11/proto/es/site11/console/v1/auth_service_pb.ts'
import {
  CreateUserRequestSchema,
  ListUsersRequestSchema,
  WatchUsersRequestSchema,
} from '@site11/proto/es/site11/users/v1/users_service_pb.ts'
import { expect, test } from 'vitest'
import { hasSecrets, withoutSecrets } from './secrets.ts'

test('passwords and tokens are left out, under either name', () => {
  const user = { email: 'a@b.kr' }
  expect(withoutSecrets(CreateUserRequestSchema, { user, password: 'p' })).toEqual({ user })
  expect(withoutSecrets(ChangePasswordRequestSchema, { currentPassword: 'p', new_password: 'q' })).toEqual({})
  expect(withoutSecrets(RefreshRequestSchema, { refreshToken: 't' })).toEqual({})
})

test('what only marks a place in a list or a stream is no secret', () => {
  expect(withoutSecrets(ListUsersRequestSchema, { pageToken: 't' })).toEqual({ pageToken: 't' })
  expect(hasSecrets(WatchUsersRequestSchema)).toBe(false)
  expect(hasSecrets(CreateUserRequestSchema)).toBe(true)
})
