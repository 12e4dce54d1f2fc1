import { User, UserState } from '@site11/proto/grpc/site11/users/v1/user.ts'
import { ListUsersRequest } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { because, callBy, consoleService, startUsers, type TestUsers, userCaller } from './test-users.ts'

const nobody = '0190b0b8-5f2c-7cc0-8f0a-2f9a4f6f9b11'
const call = callBy(consoleService)
let users: TestUsers
beforeAll(async () => {
  users = await startUsers()
})
afterAll(() => users.stop())
beforeEach(() => {
  users.clock.now = new Date()
})

const list = (fields: Partial<ListUsersRequest>) => users.handlers.listUsers(ListUsersRequest.fromPartial(fields), call)
const setRoles = (id: string, roles: string[]) => users.handlers.setUserRoles({ id, roles, etag: '' }, call)
const update = (id: string, fields: Partial<User>, updateMask?: string[]) =>
  users.handlers.updateUser({ user: User.fromPartial({ ...fields, id }), updateMask }, call)
const outcomes = async (calls: Promise<unknown>[]) => {
  const settled = await Promise.allSettled(calls)
  const failed = settled.filter(one => one.status === 'rejected')
  return { succeeded: settled.length - failed.length, reasons: failed.map(({ reason }) => reason.details?.reason) }
}

describe('a created user', () => {
  test('can be read, as it was answered', async () => {
    const created = await users.create({ displayName: '김철수', locale: 'ko-KR', profile: { company: 'Site11' } })
    expect(created).toMatchObject({ roles: ['user'], state: UserState.USER_STATE_ACTIVE, emailVerified: false })
    expect(created.createTime).toEqual(users.clock.now)
    expect(await users.handlers.getUser({ id: created.id }, call)).toEqual({ user: created })
    expect(await users.handlers.batchGetUsers({ ids: [created.id, created.id] }, call)).toEqual({
      users: [created, created],
    })
  })

  test('has the address for itself, in any spelling', async () => {
    const { email } = await users.create()
    await expect(users.create({ email: ` ${email.toUpperCase()} ` })).rejects.toMatchObject(
      because('EMAIL_TAKEN', 'user.email'),
    )
  })

  test('is one, of 200 created at once with one address', async () => {
    const { succeeded, reasons } = await outcomes(
      Array.from({ length: 200 }, () => users.create({ email: 'race@example.com' })),
    )
    expect(succeeded).toBe(1)
    expect(new Set(reasons)).toEqual(new Set(['EMAIL_TAKEN']))
    expect((await list({ filter: 'email = "race@example.com"' })).users).toHaveLength(1)
  })

  test('is not made when only validating, but what is wrong is told', async () => {
    const validated = await users.create({ email: 'dry@example.com' }, { validateOnly: true })
    expect(validated).toMatchObject({ id: '', email: 'dry@example.com' })
    expect((await list({ filter: 'email = "dry@example.com"' })).users).toEqual([])
    await users.create({ email: 'dry@example.com' })
    await expect(users.create({ email: 'dry@example.com' }, { validateOnly: true })).rejects.toMatchObject(
      because('EMAIL_TAKEN'),
    )
    await expect(users.create({}, { validateOnly: true, password: 'password123' })).rejects.toMatchObject(
      because('WEAK_PASSWORD', 'password'),
    )
  })
})

describe('a repeated request_id', () => {
  const requestId = '0190b0b8-5f2c-7cc0-8f0a-000000000001'

  test('returns the user that the first request made, also at the same time', async () => {
    const same = { email: 'once@example.com', displayName: 'Once' }
    const made = await Promise.all(
      Array.from({ length: 10 }, () => users.create(same, { requestId, password: 'four unrelated words' })),
    )
    expect(new Set(made.map(({ id }) => id)).size).toBe(1)
    const again = await users.create(same, { requestId, password: 'four unrelated words' })
    expect(again).toEqual(made[0])
  })

  test.each([
    ['another name', { email: 'once@example.com', displayName: 'Twice' }, 'four unrelated words'],
    ['another password', { email: 'once@example.com', displayName: 'Once' }, 'four other words'],
    ['no password', { email: 'once@example.com', displayName: 'Once' }, ''],
    ['another address', { email: 'twice@example.com', displayName: 'Once' }, 'four unrelated words'],
  ])('with %s is refused', async (_, fields, password) => {
    await expect(users.create(fields, { requestId, password })).rejects.toMatchObject(because('REQUEST_ID_REUSED'))
  })

  test('of another caller is another request', async () => {
    const user = User.fromPartial({ email: 'other-caller@example.com' })
    const request = { user, password: '', requestId, validateOnly: false }
    const made = await users.handlers.createUser(request, callBy(userCaller(nobody)))
    expect(made.user?.email).toBe('other-caller@example.com')
  })
})

describe('what does not exist', () => {
  test('is NOT_FOUND by every method', async () => {
    const { handlers } = users
    const missing = because('NOT_FOUND')
    await expect(handlers.getUser({ id: nobody }, call)).rejects.toMatchObject(missing)
    await expect(update(nobody, { displayName: 'x' })).rejects.toMatchObject(missing)
    await expect(handlers.deleteUser({ id: nobody, etag: '' }, call)).rejects.toMatchObject(missing)
    await expect(handlers.undeleteUser({ id: nobody, etag: '' }, call)).rejects.toMatchObject(missing)
    await expect(handlers.enableUser({ id: nobody, etag: '' }, call)).rejects.toMatchObject(missing)
    await expect(setRoles(nobody, ['user'])).rejects.toMatchObject(missing)
    await expect(handlers.getSignInState({ id: nobody }, call)).rejects.toMatchObject(missing)
  })

  test('is named, each id, in a batch', async () => {
    const { id } = await users.create()
    const other = nobody.replace(/.$/, '2')
    await expect(users.handlers.batchGetUsers({ ids: [nobody, id, other] }, call)).rejects.toMatchObject({
      ...because('NOT_FOUND'),
      message: expect.stringMatching(new RegExp(`${nobody}.*${other}`)),
    })
  })
})

describe('an update', () => {
  test('changes what it names and the etag', async () => {
    const before = await users.create({ displayName: 'Before', locale: 'en' })
    users.clock.now = new Date(users.clock.now.getTime() + 1000)
    const { user } = await update(before.id, { displayName: 'After' }, ['display_name'])
    expect(user).toEqual({ ...before, displayName: 'After', etag: user?.etag, updateTime: users.clock.now })
    expect(user?.etag).not.toBe(before.etag)
    expect(await users.handlers.getUser({ id: before.id }, call)).toEqual({ user })
  })

  test('with a stale etag is refused', async () => {
    const before = await users.create()
    await update(before.id, { etag: before.etag, displayName: 'First' })
    await expect(update(before.id, { etag: before.etag, displayName: 'Second' })).rejects.toMatchObject(
      because('ETAG_MISMATCH'),
    )
  })

  test('with one etag succeeds for one of many', async () => {
    const { id, etag } = await users.create()
    const { succeeded, reasons } = await outcomes(
      Array.from({ length: 20 }, (_, index) => update(id, { etag, displayName: `Name ${index}` })),
    )
    expect(succeeded).toBe(1)
    expect(new Set(reasons)).toEqual(new Set(['ETAG_MISMATCH']))
  })

  test('without an etag loses no other at the same time', async () => {
    const { id } = await users.create()
    await Promise.all([
      update(id, { displayName: 'Name' }, ['display_name']),
      update(id, { avatar: 'image-1' }, ['avatar']),
      update(id, { locale: 'ko' }, ['locale']),
      setRoles(id, ['operator']),
    ])
    const { user } = await users.handlers.getUser({ id }, call)
    expect(user).toMatchObject({ displayName: 'Name', avatar: 'image-1', locale: 'ko', roles: ['operator'] })
  })

  test('to an address that is taken is refused', async () => {
    const [one, two] = [await users.create(), await users.create()]
    await expect(update(one.id, { email: two.email })).rejects.toMatchObject(because('EMAIL_TAKEN', 'user.email'))
  })

  test('is found by the new words, not by the old', async () => {
    const { id, email } = await users.create({ displayName: '박영희' })
    await update(id, { displayName: '최민수' })
    expect((await list({ search: 'ㅊㅁㅅ' })).users.map(user => user.id)).toEqual([id])
    expect((await list({ search: 'ㅂㅇㅎ' })).users).toEqual([])
    expect((await list({ search: `${email} 민수` })).users.map(user => user.id)).toEqual([id])
  })
})

describe('the own profile', () => {
  test('is read and changed by its user', async () => {
    const { id, etag } = await users.create()
    const mine = callBy(userCaller(id))
    const user = User.fromPartial({ displayName: 'Me', roles: ['admin'], email: 'hijack@example.com', etag })
    const { user: after } = await users.handlers.updateMe({ user, updateMask: undefined }, mine)
    expect(after).toMatchObject({ displayName: 'Me', roles: ['user'] })
    expect(after?.email).not.toBe('hijack@example.com')
    expect(await users.handlers.getMe({}, mine)).toEqual({ user: after })
    await expect(users.handlers.updateMe({ user, updateMask: undefined }, mine)).rejects.toMatchObject(
      because('ETAG_MISMATCH'),
    )
  })

  test('is gone with a deleted account', async () => {
    const { id } = await users.create()
    await users.handlers.deleteUser({ id, etag: '' }, call)
    await expect(users.handlers.getMe({}, callBy(userCaller(id)))).rejects.toMatchObject(because('SESSION_ENDED'))
  })
})

describe('a deleted user', () => {
  test('is left out of lists, shown when asked for, and can be brought back', async () => {
    const { id, email } = await users.create()
    const { user: deleted } = await users.handlers.deleteUser({ id, etag: '' }, call)
    expect(deleted?.deleteTime).toEqual(users.clock.now)
    const filter = `email = "${email}"`
    expect((await list({ filter })).users).toEqual([])
    expect((await list({ filter, showDeleted: true })).users).toEqual([deleted])
    expect((await users.handlers.getUser({ id }, call)).user).toEqual(deleted)
    const { user } = await users.handlers.undeleteUser({ id, etag: deleted?.etag ?? '' }, call)
    expect(user?.deleteTime).toBeUndefined()
    expect((await list({ filter })).users).toEqual([user])
  })

  test('cannot be changed, nor deleted again', async () => {
    const { id } = await users.create()
    await users.handlers.deleteUser({ id, etag: '' }, call)
    await expect(update(id, { displayName: 'x' })).rejects.toMatchObject(because('WRONG_STATE'))
    await expect(users.handlers.deleteUser({ id, etag: '' }, call)).rejects.toMatchObject(because('WRONG_STATE'))
  })

  test('frees its address, and comes back only while that is free', async () => {
    const first = await users.create()
    await users.handlers.deleteUser({ id: first.id, etag: '' }, call)
    await users.create({ email: first.email })
    await expect(users.handlers.undeleteUser({ id: first.id, etag: '' }, call)).rejects.toMatchObject(
      because('EMAIL_TAKEN'),
    )
  })
})

describe('a disabled user', () => {
  test('is active again at its time, without a change', async () => {
    const { id, email } = await users.create()
    const until = new Date(users.clock.now.getTime() + 60_000)
    const { user } = await users.handlers.disableUser({ id, reason: 'spam', until, etag: '' }, call)
    expect(user).toMatchObject({ state: UserState.USER_STATE_DISABLED, disabledReason: 'spam', disabledUntil: until })
    const active = `state = ACTIVE AND email = "${email}"`
    expect((await list({ filter: active })).users).toHaveLength(0)
    expect((await list({ filter: `state = DISABLED AND email = "${email}"` })).users).toHaveLength(1)
    users.clock.now = until
    expect((await list({ filter: active })).users).toHaveLength(1)
    expect((await list({ filter: `state != ACTIVE AND email = "${email}"` })).users).toHaveLength(0)
    expect((await users.handlers.getSignInState({ id }, call)).state).toMatchObject({ maySignIn: true })
  })

  test('stays so without a time, until enabled', async () => {
    const { id } = await users.create()
    await users.handlers.disableUser({ id, reason: 'left', until: undefined, etag: '' }, call)
    expect((await users.handlers.getSignInState({ id }, call)).state).toMatchObject({ maySignIn: false })
    const { user } = await users.handlers.enableUser({ id, etag: '' }, call)
    expect(user).toMatchObject({ state: UserState.USER_STATE_ACTIVE, disabledReason: '' })
  })
})

describe('the last active admin', () => {
  const { ...remove } = {
    role: (id: string) => setRoles(id, ['user']),
    state: (id: string) => users.handlers.disableUser({ id, reason: 'x', until: undefined, etag: '' }, call),
    life: (id: string) => users.handlers.deleteUser({ id, etag: '' }, call),
  }
  const admins = async () => (await list({ filter: 'roles:admin AND state = ACTIVE' })).users

  test('keeps role, state and life', async () => {
    const { id } = await users.create()
    await setRoles(id, ['admin', 'user'])
    for (const attempt of Object.values(remove)) await expect(attempt(id)).rejects.toMatchObject(because('WRONG_STATE'))
    expect(await setRoles(id, ['admin'])).toMatchObject({ user: { roles: ['admin'] } })
  })

  test('is left when all admins are removed at once', async () => {
    for (let round = 0; round < 5; round++) {
      const made = await Promise.all(Array.from({ length: 4 }, () => users.create()))
      for (const { id } of made) await setRoles(id, ['admin'])
      const present = await admins()
      const attempts = Object.values(remove)
      const { reasons } = await outcomes(
        present.map(({ id }, index) => (attempts[(index + round) % attempts.length] ?? remove.role)(id)),
      )
      expect(await admins()).toHaveLength(1)
      expect(reasons).toEqual(['WRONG_STATE'])
    }
  })

  test('does not count a disabled admin', async () => {
    const [last] = await admins()
    const { id } = await users.create()
    await setRoles(id, ['admin'])
    await remove.state(id)
    await expect(remove.role(last?.id ?? '')).rejects.toMatchObject(because('WRONG_STATE'))
    expect(await setRoles(id, ['user'])).toMatchObject({ user: { roles: ['user'] } })
  })
})

describe('a list', () => {
  test('has pages without gap or repeat while users come and go', async () => {
    const stay = new Set<string>()
    for (let index = 0; index < 30; index++) stay.add((await users.create({ displayName: 'Pages' })).id)
    const seen: string[] = []
    let pageToken = ''
    do {
      const page = await list({ pageSize: 7, pageToken, search: 'pages', orderBy: 'email' })
      seen.push(...page.users.map(({ id }) => id))
      pageToken = page.nextPageToken
      const gone = await users.create({ displayName: 'Pages' })
      await users.handlers.deleteUser({ id: gone.id, etag: '' }, call)
    } while (pageToken)
    expect(seen).toHaveLength(30)
    expect(new Set(seen)).toEqual(stay)
  })

  test.each([
    ['', (a: User, b: User) => Number(b.createTime) - Number(a.createTime)],
    ['create_time', (a: User, b: User) => Number(a.createTime) - Number(b.createTime)],
    ['display_name desc', (a: User, b: User) => (a.displayName < b.displayName ? 1 : -1)],
    ['update_time', (a: User, b: User) => Number(a.updateTime) - Number(b.updateTime)],
  ])('is ordered by "%s"', async (orderBy, compare) => {
    const email = `order${orderBy.replace(/\W/g, '')}`
    for (const name of ['B', 'A', 'C']) {
      users.clock.now = new Date(users.clock.now.getTime() + 1000)
      await users.create({ email: `${email}${name}@example.com`, displayName: name })
    }
    const found = (await list({ orderBy, search: email })).users
    expect(found).toHaveLength(3)
    expect(found.map(({ id }) => id)).toEqual(found.toSorted(compare).map(({ id }) => id))
  })

  test.each([
    ['filter', { filter: 'password_hash = "x"' }, 'INVALID_FILTER'],
    ['filter', { filter: 'state = ASLEEP' }, 'INVALID_FILTER'],
    ['order', { orderBy: 'password_hash' }, 'INVALID_ORDER'],
    ['page token', { pageToken: 'nonsense' }, 'INVALID_PAGE_TOKEN'],
  ])('with a bad %s is refused: %o', async (_, request, reason) => {
    await expect(list(request)).rejects.toMatchObject(because(reason))
  })

  test('refuses the token of another query', async () => {
    const { nextPageToken } = await list({ pageSize: 1 })
    await expect(list({ pageSize: 1, pageToken: nextPageToken, search: 'x' })).rejects.toMatchObject(
      because('INVALID_PAGE_TOKEN'),
    )
  })

  test('takes words for what they are, never for a pattern', async () => {
    await users.create({ displayName: 'Pattern' })
    for (const search of ['.*', '^p', 'p.ttern', '(', '[', '\\', '$', '{"$gt":""}']) {
      expect((await list({ search })).users).toEqual([])
    }
  })
})

test('a role that does not exist is refused', async () => {
  const { id } = await users.create()
  await expect(setRoles(id, ['root'])).rejects.toMatchObject(because('UNKNOWN_ROLE', 'roles'))
})

test('nothing secret leaves', async () => {
  const { id } = await users.create({}, { password: 'four unrelated words' })
  const answers = JSON.stringify([
    await users.handlers.getUser({ id }, call),
    await list({ filter: `id = "${id}"` }),
    await update(id, { displayName: 'x' }),
    await users.handlers.getSignInState({ id }, call),
  ])
  expect(answers).not.toMatch(/argon2|passwordHash|requestHash/)
})
