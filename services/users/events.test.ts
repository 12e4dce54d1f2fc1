import { UserPasswordChanged, UserUpdated } from '@site11/proto/grpc/site11/users/v1/events.ts'
import { User } from '@site11/proto/grpc/site11/users/v1/user.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { UserDocument } from './document.ts'
import { callBy, consoleService, startUsers, type TestUsers } from './test-users.ts'

const call = callBy(consoleService)
let users: TestUsers
beforeAll(async () => {
  users = await startUsers()
})
afterAll(() => users.stop())

async function outboxOf(id: string) {
  const found = await users.store.db.collection<UserDocument>('users').findOne({ _id: id }, { promoteBuffers: true })
  return (found?.outbox ?? []).map(({ type, sequence, data }) => ({
    type: type.replace('site11.users.v1.', ''),
    sequence,
    data: data as Uint8Array,
  }))
}

test('every change of a user leaves its event, with the version that came of it', async () => {
  const { id } = await users.create()
  const { handlers } = users
  await handlers.updateUser(
    { user: User.fromPartial({ id, displayName: 'A', locale: 'ko-KR' }), updateMask: undefined },
    call,
  )
  await handlers.disableUser({ id, reason: 'why', until: undefined, etag: '' }, call)
  await handlers.disableUser({ id, reason: 'another', until: undefined, etag: '' }, call)
  await handlers.enableUser({ id, etag: '' }, call)
  await handlers.enableUser({ id, etag: '' }, call)
  await handlers.setUserRoles({ id, roles: ['operator', 'user'], etag: '' }, call)
  await handlers.deleteUser({ id, etag: '' }, call)
  await handlers.undeleteUser({ id, etag: '' }, call)
  const outbox = await outboxOf(id)
  expect(outbox.map(({ type, sequence }) => `${sequence} ${type}`)).toEqual([
    '1 UserCreated',
    '2 UserUpdated',
    '3 UserDisabled',
    '4 UserDisabled',
    '5 UserEnabled',
    '6 UserUpdated',
    '7 UserRolesChanged',
    '8 UserDeleted',
    '9 UserUndeleted',
  ])
  expect(UserUpdated.decode(outbox[1]?.data ?? Buffer.alloc(0)).fields).toEqual(['display_name', 'locale'])
  expect(UserUpdated.decode(outbox[5]?.data ?? Buffer.alloc(0)).fields).toEqual([])
})

test('a new password leaves its event, and what is kept of it is as before', async () => {
  const password = 'four unrelated words'
  const { id, email } = await users.create({}, { password })
  const change = { id, currentPassword: password, newPassword: 'another four of them', clientAddress: '192.0.2.1' }
  await users.handlers.changePassword(change, call)
  const [, event] = await outboxOf(id)
  expect(event).toMatchObject({ type: 'UserPasswordChanged', sequence: 2 })
  expect(UserPasswordChanged.decode(event?.data ?? Buffer.alloc(0))).toEqual({ passwordVersion: 2, byLink: false })
  const signIn = { email, password: change.newPassword, clientAddress: '192.0.2.1' }
  await expect(users.handlers.verifyPassword(signIn, call)).resolves.toMatchObject({ state: { passwordVersion: 2 } })
  await users.handlers.requestPasswordReset({ email }, call)
  const token = (await users.mails()).findLast(({ to }) => to === email)?.token ?? ''
  await users.handlers.resetPassword({ token, newPassword: 'yet another four words' }, call)
  const [, , last] = await outboxOf(id)
  expect(UserPasswordChanged.decode(last?.data ?? Buffer.alloc(0))).toEqual({ passwordVersion: 3, byLink: true })
  expect((await users.handlers.getUser({ id }, call)).user).toMatchObject({ emailVerified: true })
})

test('a request that is repeated leaves no second event, and events carry nothing that tells who it is', async () => {
  const requestId = 'b8f0a1f0-8f5c-4c0b-9f3c-111111111111'
  const fields = { email: 'kim@example.com', displayName: '김철수', profile: { company: 'Secret' } }
  const { id } = await users.create(fields, { requestId })
  await users.create(fields, { requestId })
  const outbox = await outboxOf(id)
  expect(outbox).toHaveLength(1)
  expect(String(Buffer.from(outbox[0]?.data ?? []))).not.toMatch(/kim|김철수|Secret/)
})
