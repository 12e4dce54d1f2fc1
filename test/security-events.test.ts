/** Who has changed rights, credentials and sessions, as administrators and users see it, and the proof that nothing of it was altered. */
import { SignInEventType } from '@site11/proto/es/site11/console/v1/auth_service_pb.ts'
import { SecurityEventType } from '@site11/proto/es/site11/users/v1/security_pb.ts'
import { expect, test } from 'vitest'
import { admin, login, newEmail, password, register } from './accounts.ts'
import { apiOver, refusalOf } from './api.ts'
import { until } from './until.ts'

const asAdmin = apiOver('REST', admin)

test('what is done to a user and its sessions is listed with who did it, and proven', async () => {
  const { email, session } = await register()
  const { userId } = session
  const own = apiOver('REST', async () => session.accessToken)
  const { userId: adminId } = await asAdmin.auth.getMe({})
  await asAdmin.users.setUserRoles({ id: userId, roles: ['operator', 'user'] })
  const other = await login({ email, password })
  const newPassword = 'another long password'
  await own.auth.changePassword({ currentPassword: password, newPassword })
  for (let n = 0; n < 5; n++) {
    expect(await refusalOf(login({ email, password: 'a guess' }))).toMatchObject({ reason: 'BAD_CREDENTIALS' })
  }
  const { events } = await until('the failures are put down', async () => {
    const found = await asAdmin.users.listSecurityEvents({ userId })
    return found.events[0]?.type === SecurityEventType.SIGN_IN_SLOWED ? found : undefined
  })
  expect(events).toMatchObject([
    { type: SecurityEventType.SIGN_IN_SLOWED, actor: '' },
    { type: SecurityEventType.PASSWORD_CHANGED, actor: `users/${userId}` },
    {
      type: SecurityEventType.ROLES_CHANGED,
      actor: `users/${adminId}`,
      roles: ['operator', 'user'],
      previousRoles: ['user'],
    },
    { type: SecurityEventType.ACCOUNT_CREATED, actor: 'services/console', version: 1n },
  ])
  expect((await own.users.listMySecurityEvents({ pageSize: 2 })).events).toMatchObject(events.slice(0, 2))
  await asAdmin.auth.revokeUserSessions({ userId })
  const signIns = (await asAdmin.auth.listUserSignInEvents({ userId })).events
  expect(signIns).toMatchObject([
    { type: SignInEventType.REVOKED, actor: `users/${adminId}`, sessionIds: [session.sessionId] },
    { type: SignInEventType.OUTDATED, actor: `users/${userId}`, sessionIds: [other.sessionId] },
    { type: SignInEventType.SIGNED_IN, sessionIds: [other.sessionId] },
    { type: SignInEventType.SIGNED_IN, sessionIds: [session.sessionId] },
  ])
  expect((await own.auth.listSignInEvents({})).events).toEqual(signIns)
  expect(await asAdmin.users.verifySecurityEvents({ userId })).toMatchObject({ valid: true, users: 1, events: 4 })
  expect(await asAdmin.auth.verifySignInEvents({ userId })).toMatchObject({ valid: true, users: 1, events: 4 })
})

test('all streams of the mesh are whole', async () => {
  for (const verify of [
    (pageToken: string) => asAdmin.users.verifySecurityEvents({ pageToken }),
    (pageToken: string) => asAdmin.auth.verifySignInEvents({ pageToken }),
  ]) {
    let page = await verify('')
    expect(page.flaws).toEqual([])
    while (page.nextPageToken) {
      page = await verify(page.nextPageToken)
      expect(page.flaws).toEqual([])
    }
  }
})

test('others than administrators see their own only, and proofs are for administrators', async () => {
  const { session } = await register(newEmail())
  const own = apiOver('REST', async () => session.accessToken)
  const { userId } = session
  for (const call of [
    own.users.listSecurityEvents({ userId }),
    own.users.verifySecurityEvents({ userId }),
    own.auth.listUserSignInEvents({ userId }),
    own.auth.verifySignInEvents({}),
  ])
    expect(await refusalOf(call)).toMatchObject({ code: 'PermissionDenied', reason: 'SCOPE_MISSING' })
  const unknown = asAdmin.users.listSecurityEvents({ userId: '018f0000-0000-7000-8000-00000000000a' })
  expect(await refusalOf(unknown)).toMatchObject({ reason: 'NOT_FOUND' })
  const damaged = asAdmin.auth.listUserSignInEvents({ userId, pageToken: 'x' })
  expect(await refusalOf(damaged)).toMatchObject({ reason: 'INVALID_PAGE_TOKEN' })
})
