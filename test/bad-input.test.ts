/** Bad input, the same over each transport: the right code and reason, the fields at fault, and a message that says what to do. */
import { randomUUID } from 'node:crypto'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import type { User } from '@site11/proto/es/site11/users/v1/user_pb.ts'
import { beforeAll, describe, expect, test } from 'vitest'
import { admin, createUser, newEmail, password, register } from './accounts.ts'
import { type Api, apiOver, mesh, type Refusal, refusalOf, transports } from './api.ts'

let user: User
beforeAll(async () => {
  user = await createUser({ displayName: 'Somebody' })
})

type Expected = Partial<Omit<Refusal, 'message'>> & { says: RegExp }
const invalid = (fields: string[], says: RegExp): Expected => ({
  code: 'InvalidArgument',
  reason: 'INVALID_FIELD',
  fields,
  says,
})
const filter = (says: RegExp): Expected => ({
  code: 'InvalidArgument',
  reason: 'INVALID_FILTER',
  fields: ['filter'],
  says,
})
const order = (says: RegExp): Expected => ({
  code: 'InvalidArgument',
  reason: 'INVALID_ORDER',
  fields: ['order_by'],
  says,
})
const staleEtag: Expected = { code: 'Aborted', reason: 'ETAG_MISMATCH', says: /again/i }

const table: [string, (api: Api) => Promise<unknown>, Expected][] = [
  ['a missing message', api => api.users.createUser({}), invalid(['user'], /user/)],
  ['a missing e-mail address', api => api.users.createUser({ user: {} }), invalid(['user'], /user\.email is required/)],
  [
    'several wrong fields, all of them named',
    api =>
      api.users.createUser({
        user: { email: 'no address', displayName: 'x'.repeat(101), profile: { 'Not A Key': 'x' } },
        password: 'short',
      }),
    { code: 'InvalidArgument', reason: 'INVALID_FIELD', says: /email.*display_name.*password/s },
  ],
  ['an id that is no UUID', api => api.users.getUser({ id: 'nonsense' }), invalid(['id'], /id/)],
  [
    'an id that nobody has',
    api => api.users.getUser({ id: randomUUID() }),
    { code: 'NotFound', reason: 'NOT_FOUND', fields: [], says: /no user/ },
  ],
  [
    'ids that nobody has, in a batch',
    api => api.users.batchGetUsers({ ids: [user.id, randomUUID()] }),
    { code: 'NotFound', reason: 'NOT_FOUND', says: /user/ },
  ],
  ['an empty batch', api => api.users.batchGetUsers({}), invalid(['ids'], /ids/)],
  ['too large a page', api => api.users.listUsers({ pageSize: 1001 }), invalid(['page_size'], /1000/)],
  ['a negative page size', api => api.users.listUsers({ pageSize: -1 }), invalid(['page_size'], /0/)],
  [
    'a page token of nobody’s',
    api => api.users.listUsers({ pageToken: 'bm9uc2Vuc2U' }),
    { code: 'InvalidArgument', reason: 'INVALID_PAGE_TOKEN', fields: ['page_token'], says: /first page|without/i },
  ],
  [
    'a page token of another query',
    async api => {
      const { nextPageToken } = await api.users.listUsers({ pageSize: 1 })
      return api.users.listUsers({ pageSize: 1, pageToken: nextPageToken, orderBy: 'email' })
    },
    { code: 'InvalidArgument', reason: 'INVALID_PAGE_TOKEN', fields: ['page_token'], says: /first page|without|same/i },
  ],
  ['a filter that cannot be read', api => api.users.listUsers({ filter: 'email = = "x"' }), filter(/position|at/)],
  [
    'a filter over a field that does not exist',
    api => api.users.listUsers({ filter: 'nonsense = 1' }),
    filter(/display_name/),
  ],
  ['a filter in letters beyond ASCII', api => api.users.listUsers({ filter: '이름 = "김철수"' }), filter(/이름/)],
  [
    'a filter over a field that is not for filters',
    api => api.users.listUsers({ filter: 'password = "x"' }),
    filter(/password/),
  ],
  [
    'a filter with a wrong type',
    api => api.users.listUsers({ filter: 'create_time > yesterday' }),
    filter(/create_time/),
  ],
  ['a filter with an unknown state', api => api.users.listUsers({ filter: 'state = SLEEPING' }), filter(/ACTIVE/)],
  [
    'a filter that begins as an operator of the store',
    api => api.users.listUsers({ filter: '$where = "1"' }),
    filter(/./),
  ],
  [
    'an order by a field that does not exist',
    api => api.users.listUsers({ orderBy: 'password' }),
    order(/create_time/),
  ],
  ['an order in no direction', api => api.users.listUsers({ orderBy: 'email sideways' }), order(/desc/)],
  [
    'a mask with a field that does not exist',
    api => api.users.updateUser({ user: { id: user.id }, updateMask: { paths: ['nonsense'] } }),
    invalid(['update_mask'], /display_name/),
  ],
  [
    'a mask with a field that the server assigns',
    api => api.users.updateUser({ user: { id: user.id }, updateMask: { paths: ['roles'] } }),
    invalid(['update_mask'], /display_name/),
  ],
  [
    'a time zone that does not exist',
    api => api.users.updateUser({ user: { id: user.id, timeZone: 'Mars/Base' } }),
    invalid(['user.time_zone'], /Asia\/Seoul|IANA/),
  ],
  [
    'a stale etag at an update',
    api => api.users.updateUser({ user: { id: user.id, displayName: 'x', etag: 'stale' } }),
    staleEtag,
  ],
  ['a stale etag at a deletion', api => api.users.deleteUser({ id: user.id, etag: 'stale' }), staleEtag],
  ['a stale etag at a disabling', api => api.users.disableUser({ id: user.id, reason: 'x', etag: 'stale' }), staleEtag],
  [
    'a stale etag at a change of roles',
    api => api.users.setUserRoles({ id: user.id, roles: ['user'], etag: 'stale' }),
    staleEtag,
  ],
  [
    'an address that is taken',
    api => api.users.createUser({ user: { email: user.email.toUpperCase() } }),
    { code: 'AlreadyExists', reason: 'EMAIL_TAKEN', fields: ['user.email'], says: /address/ },
  ],
  [
    'a request id that is no UUID',
    api => api.users.createUser({ user: { email: newEmail() }, requestId: 'one' }),
    invalid(['request_id'], /request_id/),
  ],
  [
    'a request id used for another request',
    async api => {
      const requestId = randomUUID()
      await api.users.createUser({ user: { email: newEmail() }, requestId })
      return api.users.createUser({ user: { email: newEmail() }, requestId })
    },
    { code: 'InvalidArgument', reason: 'REQUEST_ID_REUSED', fields: ['request_id'], says: /new/ },
  ],
  [
    'a password that everybody guesses',
    api => api.users.createUser({ user: { email: newEmail() }, password: 'password123' }),
    { code: 'InvalidArgument', reason: 'WEAK_PASSWORD', fields: ['password'], says: /password/i },
  ],
  [
    'a role that does not exist',
    api => api.users.setUserRoles({ id: user.id, roles: ['emperor'] }),
    { code: 'InvalidArgument', reason: 'UNKNOWN_ROLE', fields: ['roles'], says: /operator/ },
  ],
  [
    'a time in the past',
    api => api.users.disableUser({ id: user.id, reason: 'x', until: timestampFromMs(0) }),
    invalid(['until'], /until/),
  ],
  [
    'undeleting the living',
    api => api.users.undeleteUser({ id: user.id }),
    { code: 'FailedPrecondition', reason: 'WRONG_STATE', says: /delete/ },
  ],
  [
    'the last admin without its role',
    async api => {
      const { users } = await api.users.listUsers({ filter: `email = "${mesh.admin.email}"` })
      return api.users.setUserRoles({ id: users[0]?.id ?? '', roles: ['user'] })
    },
    { code: 'FailedPrecondition', reason: 'WRONG_STATE', says: /admin/ },
  ],
  [
    'wrong credentials',
    api => api.auth.login({ email: user.email, password: 'wrong password' }),
    { code: 'Unauthenticated', reason: 'BAD_CREDENTIALS', fields: [], says: /password/ },
  ],
  [
    'credentials of nobody',
    api => api.auth.login({ email: newEmail(), password }),
    { code: 'Unauthenticated', reason: 'BAD_CREDENTIALS', fields: [], says: /password/ },
  ],
  ['an account without an address', api => api.auth.register({ email: '', password }), invalid(['email'], /email/)],
  [
    'an account for an address that is taken',
    api => api.auth.register({ email: user.email, password }),
    { code: 'AlreadyExists', reason: 'EMAIL_TAKEN', fields: ['email'], says: /address/ },
  ],
  [
    'a refresh token of nobody’s',
    api => api.auth.refresh({ refreshToken: 'nonsense' }),
    { code: 'Unauthenticated', reason: 'TOKEN_INVALID', says: /log in/i },
  ],
  ['no refresh token at all', api => api.auth.refresh({}), { code: 'Unauthenticated', says: /log in|refresh/i }],
  [
    'a link that was never mailed',
    api => api.users.verifyEmail({ token: 'nonsense' }),
    { code: 'InvalidArgument', reason: 'LINK_INVALID', fields: ['token'], says: /link/ },
  ],
  [
    'a session that does not exist',
    api => api.auth.revokeSession({ id: randomUUID() }),
    { code: 'NotFound', reason: 'NOT_FOUND', says: /session/ },
  ],
]

describe.each(transports)('over %s', transport => {
  const api = apiOver(transport, admin)

  test.each(table)('%s is refused', async (_, call, { says, ...expected }) => {
    const refusal = await refusalOf(call(api))
    expect(refusal).toMatchObject(expected)
    expect(refusal.message).toMatch(says)
  })

  test('every wrong field is named as in the contract', async () => {
    const refusal = await refusalOf(
      api.users.createUser({
        user: { email: 'no address', displayName: 'x'.repeat(101), profile: { BAD: 'x' } },
        password: 'short',
      }),
    )
    expect(refusal.fields).toEqual(['user.email', 'user.display_name', 'user.profile["BAD"]', 'password'])
  })

  test('a watch that resumes from nowhere is refused', async () => {
    const watch = async () => {
      for await (const change of api.users.watchUsers({ resumeToken: 'nonsense' }))
        throw new Error(`got ${change.type}`)
    }
    expect(await refusalOf(watch())).toMatchObject({ code: 'InvalidArgument', fields: ['resume_token'] })
  })

  test('who may not call learns nothing about the request', async () => {
    const { session } = await register()
    const refusal = await refusalOf(
      apiOver(transport, async () => session.accessToken).users.getUser({ id: 'nonsense' }),
    )
    expect(refusal).toMatchObject({ code: 'PermissionDenied', reason: 'SCOPE_MISSING', fields: [] })
  })

  test('a request repeated under its id makes one user', async () => {
    const request = { user: { email: newEmail(), displayName: 'Once' }, requestId: randomUUID() }
    const first = await api.users.createUser(request)
    expect((await api.users.createUser(request)).user).toEqual(first.user)
  })

  test('a request only to be validated makes nothing, and fails as the real one would', async () => {
    const email = newEmail()
    await api.users.createUser({ user: { email }, validateOnly: true })
    expect((await api.users.listUsers({ filter: `email = "${email}"` })).users).toEqual([])
    expect(await refusalOf(api.users.createUser({ user: { email: user.email }, validateOnly: true }))).toMatchObject({
      reason: 'EMAIL_TAKEN',
    })
  })
})
