/** The life of a user, the same steps over each transport. */

import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { UserState } from '@site11/proto/es/site11/users/v1/user_pb.ts'
import { ChangeType, type WatchUsersResponse } from '@site11/proto/es/site11/users/v1/users_service_pb.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { admin, login, newEmail, password, tokensOf } from './accounts.ts'
import { type Api, apiOver, refusalOf, transports } from './api.ts'
import { until } from './until.ts'

describe.each(transports)('over %s a user', transport => {
  const email = newEmail()
  const asAdmin = apiOver(transport, admin)
  const asUser = apiOver(transport, tokensOf({ email, password }))
  const seen: WatchUsersResponse[] = []
  const watching = new AbortController()
  let watch: Promise<void>
  let id = ''
  let etag = ''

  const changesOf = (user: string) => seen.filter(change => change.user?.id === user).map(change => change.type)

  beforeAll(async () => {
    watch = follow(asAdmin, '', watching.signal, change => seen.push(change))
    await Promise.race([watch, until('the watch is ready', () => seen[0]?.type === ChangeType.READY)])
  })
  afterAll(async () => {
    watching.abort()
    await watch
  })

  test('is created with what the caller may set, and with what the server assigns', async () => {
    const { user } = await asAdmin.users.createUser({
      user: {
        email: `  ${email.toUpperCase()}`.trim(),
        displayName: '김철수',
        locale: 'ko-KR',
        timeZone: 'Asia/Seoul',
        profile: { company: '사과' },
        roles: ['admin'],
      },
      password,
    })
    id = user?.id ?? ''
    etag = user?.etag ?? ''
    expect(user).toMatchObject({
      email,
      displayName: '김철수',
      locale: 'ko-KR',
      timeZone: 'Asia/Seoul',
      profile: { company: '사과' },
    })
    expect(user).toMatchObject({
      roles: ['user'],
      state: UserState.ACTIVE,
      emailVerified: false,
    })
    expect(user?.deleteTime).toBeUndefined()
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-/)
    expect(etag).not.toBe('')
    expect(user?.createTime).toEqual(user?.updateTime)
  })

  test('is found by id, in a batch, by filter, by search and by initial consonants', async () => {
    const one = await asAdmin.users.getUser({ id })
    expect(one.user).toMatchObject({ id, email, etag })
    const other = await asAdmin.users.createUser({ user: { email: newEmail() } })
    const otherId = other.user?.id ?? ''
    const batch = await asAdmin.users.batchGetUsers({ ids: [otherId, id] })
    expect(batch.users.map(user => user.id)).toEqual([otherId, id])
    const filtered = await asAdmin.users.listUsers({ filter: `email = "${email}" AND state = ACTIVE` })
    expect(filtered.users.map(user => user.id)).toEqual([id])
    for (const search of [email.slice(0, 20), `ㄱㅊㅅ ${email.slice(0, 12)}`, `김 ${email.slice(0, 12)}`]) {
      const found = await asAdmin.users.listUsers({ search })
      expect(
        found.users.map(user => user.id),
        search,
      ).toEqual([id])
    }
  })

  test('is listed in the order asked for', async () => {
    const { users } = await asAdmin.users.listUsers({ orderBy: 'email desc', pageSize: 5 })
    const emails = users.map(user => user.email)
    expect(emails).toEqual(emails.toSorted().reverse())
  })

  test('is changed field by field, under the guard of its etag', async () => {
    const { user } = await asAdmin.users.updateUser({
      user: { id, etag, displayName: 'Kim', locale: 'en' },
      updateMask: { paths: ['display_name'] },
    })
    expect(user).toMatchObject({ displayName: 'Kim', locale: 'ko-KR', email })
    expect(user?.etag).not.toBe(etag)
    const stale = await refusalOf(asAdmin.users.updateUser({ user: { id, etag, displayName: 'Lee' } }))
    expect(stale).toMatchObject({ code: 'Aborted', reason: 'ETAG_MISMATCH' })
    const without = await asAdmin.users.updateUser({ user: { id, timeZone: 'Europe/Berlin' } })
    expect(without.user).toMatchObject({ displayName: 'Kim', timeZone: 'Europe/Berlin' })
  })

  test('keeps profile fields that are empty', async () => {
    const { user } = await asAdmin.users.updateUser({
      user: { id, profile: { company: '', phone: '' } },
      updateMask: { paths: ['profile'] },
    })
    expect(user?.profile).toEqual({ company: '', phone: '' })
    expect((await asAdmin.users.getUser({ id })).user?.profile).toEqual({ company: '', phone: '' })
  })

  test('signs in, sees itself and changes its own profile, but neither roles nor address', async () => {
    const me = await asUser.users.getMe({})
    expect(me.user).toMatchObject({ id, email })
    expect(await asUser.auth.getMe({})).toMatchObject({
      userId: id,
      email,
      roles: ['user'],
      scopes: ['profile', 'statistics:track'],
    })
    const changed = await asUser.users.updateMe({
      user: { displayName: '철수', roles: ['admin'], email: newEmail() },
      updateMask: { paths: ['display_name'] },
    })
    expect(changed.user).toMatchObject({ displayName: '철수', roles: ['user'], email })
    const refused = await refusalOf(
      asUser.users.updateMe({ user: { email: newEmail() }, updateMask: { paths: ['email'] } }),
    )
    expect(refused).toMatchObject({ code: 'InvalidArgument', fields: ['update_mask'] })
  })

  test('may not touch others, nor read them', async () => {
    const other = await asAdmin.users.createUser({ user: { email: newEmail() } })
    const otherId = other.user?.id ?? ''
    const calls = [
      asUser.users.getUser({ id: otherId }),
      asUser.users.batchGetUsers({ ids: [otherId] }),
      asUser.users.listUsers({}),
      asUser.users.updateUser({ user: { id: otherId, displayName: 'x' } }),
      asUser.users.deleteUser({ id: otherId }),
      asUser.users.disableUser({ id: otherId, reason: 'x' }),
      asUser.users.setUserRoles({ id, roles: ['admin'] }),
    ]
    for (const refusal of await Promise.all(calls.map(refusalOf))) expect(refusal.code).toBe('PermissionDenied')
  })

  test('gets roles from an admin, and with them scopes at the next login', async () => {
    const { user } = await asAdmin.users.setUserRoles({ id, roles: ['operator', 'user'] })
    expect(user?.roles.toSorted()).toEqual(['operator', 'user'])
    const { scope, accessToken } = await login({ email, password })
    expect(scope.split(' ')).toEqual(expect.arrayContaining(['mesh:read', 'profile', 'users:read']))
    expect(scope.split(' ')).not.toContain('users:admin')
    const asOperator = apiOver(transport, async () => accessToken)
    const { instances } = await asOperator.registry.listInstances({ service: 'users' })
    expect(instances.map(({ service }) => service)).toContain('users')
  })

  test('is disabled: the right password is refused and says why, the wrong one says nothing', async () => {
    const { user } = await asAdmin.users.disableUser({ id, reason: 'on leave' })
    expect(user).toMatchObject({ state: UserState.DISABLED, disabledReason: 'on leave' })
    const refused = await refusalOf(asAdmin.auth.login({ email, password }))
    expect(refused).toMatchObject({
      code: 'PermissionDenied',
      reason: 'ACCOUNT_DISABLED',
      metadata: { reason: 'on leave' },
    })
    const wrong = await refusalOf(asAdmin.auth.login({ email, password: 'wrong password' }))
    expect(wrong).toMatchObject({ code: 'Unauthenticated', reason: 'BAD_CREDENTIALS' })
  })

  test('is enabled and signs in again', async () => {
    const { user } = await asAdmin.users.enableUser({ id })
    expect(user).toMatchObject({ state: UserState.ACTIVE, disabledReason: '' })
    await login({ email, password })
  })

  test('is disabled until a time, and active again by itself', async () => {
    const end = timestampFromMs(Date.now() + 2000)
    const { user } = await asAdmin.users.disableUser({ id, reason: 'for a moment', until: end })
    expect(user).toMatchObject({ state: UserState.DISABLED, disabledUntil: end })
    await until('it may sign in again', () => login({ email, password }))
    expect((await asAdmin.users.getUser({ id })).user).toMatchObject({ state: UserState.ACTIVE, disabledReason: '' })
    const filter = `email = "${email}" AND state = ACTIVE`
    expect((await asAdmin.users.listUsers({ filter })).users).toHaveLength(1)
  })

  test('is deleted: nobody signs in as it, lists leave it out, its id still tells', async () => {
    const { user } = await asAdmin.users.deleteUser({ id })
    expect(user?.deleteTime).toBeDefined()
    expect(await refusalOf(asAdmin.auth.login({ email, password }))).toMatchObject({
      code: 'Unauthenticated',
      reason: 'BAD_CREDENTIALS',
    })
    const filter = `email = "${email}"`
    expect((await asAdmin.users.listUsers({ filter })).users).toEqual([])
    expect((await asAdmin.users.listUsers({ filter, showDeleted: true })).users.map(each => each.id)).toEqual([id])
    expect((await asAdmin.users.getUser({ id })).user?.deleteTime).toBeDefined()
  })

  test('is brought back as it was, unless its address was taken meanwhile', async () => {
    const successor = await asAdmin.users.createUser({ user: { email } })
    expect(await refusalOf(asAdmin.users.undeleteUser({ id }))).toMatchObject({
      code: 'AlreadyExists',
      reason: 'EMAIL_TAKEN',
    })
    await asAdmin.users.deleteUser({ id: successor.user?.id ?? '' })
    const { user } = await asAdmin.users.undeleteUser({ id })
    expect(user).toMatchObject({ id, email, displayName: '철수' })
    expect(user?.deleteTime).toBeUndefined()
    await login({ email, password })
  })

  test('had all this seen by a watch, and a watch resumed in the middle sees the rest', async () => {
    await asAdmin.users.updateUser({ user: { id, displayName: 'the end' } })
    await until('the last change is seen', () =>
      seen.some(change => change.user?.id === id && change.user.displayName === 'the end'),
    )
    const changes = changesOf(id)
    expect(changes[0]).toBe(ChangeType.CREATED)
    expect(changes.filter(type => type === ChangeType.DELETED)).toHaveLength(1)
    expect(changes.indexOf(ChangeType.DELETED)).toBeLessThan(changes.length - 1)

    const middle = seen.findIndex(change => change.user?.id === id && change.type === ChangeType.DELETED)
    const rest: WatchUsersResponse[] = []
    const resumed = new AbortController()
    const following = follow(asAdmin, seen[middle]?.resumeToken ?? '', resumed.signal, change => rest.push(change))
    await until('the resumed watch sees the last change', () =>
      rest.some(change => change.user?.displayName === 'the end' && change.user.id === id),
    )
    resumed.abort()
    await following
    const tokens = (list: WatchUsersResponse[]) =>
      list.filter(change => change.user?.id === id).map(change => change.resumeToken)
    expect(tokens(rest)).toEqual(tokens(seen.slice(middle + 1)))
  })
})

/** Hands on each change until the signal fires. */
async function follow(api: Api, resumeToken: string, signal: AbortSignal, take: (change: WatchUsersResponse) => void) {
  try {
    for await (const change of api.users.watchUsers({ resumeToken }, { signal, timeoutMs: 0 })) take(change)
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
