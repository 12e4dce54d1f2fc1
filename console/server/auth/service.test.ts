import { type Client, type ServiceError as GrpcError, Metadata, status } from '@grpc/grpc-js'
import { AuthServiceService, type LoginResponse } from '@site11/proto/grpc/site11/console/v1/auth_service.ts'
import { UsersServiceService } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import { authenticateWith, createVerifier } from '@site11/runtime/caller.ts'
import { createClient } from '@site11/runtime/client.ts'
import { detailsOf } from '@site11/runtime/errors.ts'
import { createLog } from '@site11/runtime/log.ts'
import { addService, createServer, listen } from '@site11/runtime/server.ts'
import { connectStore, type Store } from '@site11/runtime/store/connect.ts'
import { startMongod, type TestMongod } from '@site11/runtime/store/test-mongod.ts'
import { clientTo, testService } from '@site11/runtime/test-identity.ts'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import type { NewChange } from '../journal/journal.ts'
import { loadKeys } from '../keys/keys.ts'
import { startTestUsers, type TestUsers } from '../test-users.ts'
import { createTokens } from '../tokens.ts'
import { authService } from './service.ts'
import { createSessions } from './sessions.ts'

const log = createLog('test', 'silent')
const issuer = 'http://localhost:8000'
const email = 'kim@example.com'
const password = 'correct horse'
const day = 24 * 60 * 60_000

let mongod: TestMongod
let store: Store
let users: TestUsers
let client: Client
let server: ReturnType<typeof createServer>
let usersClient: ReturnType<typeof createClient<typeof UsersServiceService>>
const recorded: NewChange[] = []
/** Added to the clock of the service. */
let ahead = 0

beforeAll(async () => {
  mongod = await startMongod()
  store = connectStore({ url: mongod.url.replace('/?', '/auth_test?'), appName: 'test' })
  await vi.waitFor(() => store.ping(), { timeout: 10_000 })
  const keys = await loadKeys({ db: store.db, secretKey: Buffer.alloc(32, 1), log })
  const verifier = createVerifier()
  verifier.setKeys({ issuer, jwks: keys.jwks() })
  usersClient = createClient(UsersServiceService, 'users', () => 'token', testService('console'))
  const handlers = authService({
    sessions: await createSessions(store, Buffer.alloc(32, 1), log),
    tokens: createTokens(keys, issuer),
    users: usersClient,
    verify: verifier.verify,
    cookie: { secure: true, origins: [issuer] },
    generatedFor: 'first@example.com',
    record: change => void recorded.push(change),
    now: () => Date.now() + ahead,
  })
  server = createServer()
  addService(server, AuthServiceService, handlers, { authenticate: authenticateWith(verifier), log })
  const port = await listen(server, '127.0.0.1:0', testService('console').openServer())
  client = clientTo(`127.0.0.1:${port}`, 'console')
})
beforeEach(async () => {
  ahead = 0
  users?.stop()
  users = await startTestUsers()
  users.add(email, password)
  await store.db.collection('sessions').deleteMany({})
})
afterAll(async () => {
  client.close()
  usersClient.close()
  users.stop()
  server.forceShutdown()
  await store.close()
  await mongod.stop()
})

type Name = keyof typeof AuthServiceService
interface Answer {
  value: Record<string, unknown>
  headers: Record<string, string>
  error: GrpcError | undefined
  code: status
  reason: string | undefined
}

/** Calls a method; errors come back as values. */
function call(name: Name, request: object, headers: Record<string, string> = {}): Promise<Answer> {
  const { path, requestSerialize, responseDeserialize } = AuthServiceService[name]
  const metadata = new Metadata()
  for (const [key, value] of Object.entries(headers)) metadata.set(key, value)
  return new Promise(resolve => {
    let received: Record<string, string> = {}
    client
      .makeUnaryRequest(
        path,
        requestSerialize as (value: object) => Buffer,
        responseDeserialize as (bytes: Buffer) => Record<string, unknown>,
        request,
        metadata,
        { deadline: Date.now() + 10_000 },
        (error, value) => {
          const reason = error ? detailsOf(error)?.info?.reason : undefined
          resolve({
            value: value ?? {},
            headers: received,
            error: error ?? undefined,
            code: error?.code ?? status.OK,
            reason,
          })
        },
      )
      .on('metadata', (metadata: Metadata) => {
        received = metadata.getMap() as Record<string, string>
      })
  })
}

const login = async (fields: object = {}, headers = {}) => {
  const answer = await call('login', { email, password, useCookie: false, ...fields }, headers)
  return { ...answer, session: answer.value as unknown as LoginResponse }
}
const refresh = (refreshToken: unknown, headers = {}) => call('refresh', { refreshToken }, headers)
const bearer = ({ accessToken }: { accessToken: string }) => ({ authorization: `Bearer ${accessToken}` })
const sessionsOf = async (headers: Record<string, string>) =>
  (await call('listSessions', {}, headers)).value.sessions as { id: string; current: boolean; userAgent: string }[]

describe('signing in', () => {
  test('gives a bearer token for the scopes of the roles, not to be cached', async () => {
    const { session, headers } = await login()
    expect(session).toMatchObject({ tokenType: 'Bearer', expiresIn: 300, scope: 'profile statistics:track' })
    expect(session.refreshToken.startsWith(`${session.sessionId}.`)).toBe(true)
    expect(headers['cache-control']).toBe('no-store')
    const me = await call('getMe', {}, bearer(session))
    expect(me.value).toMatchObject({
      email,
      roles: ['user'],
      scopes: ['profile', 'statistics:track'],
      sessionId: session.sessionId,
    })
  })

  test('with a wrong password says so and makes no session', async () => {
    expect(await login({ password: 'wrong' })).toMatchObject({
      code: status.UNAUTHENTICATED,
      reason: 'BAD_CREDENTIALS',
    })
    expect(await store.db.collection('sessions').countDocuments()).toBe(0)
  })

  test('a browser gets the refresh token in the cookie only', async () => {
    const { session, headers } = await login({ useCookie: true }, { origin: issuer })
    expect(session.refreshToken).toBe('')
    expect(headers['set-cookie']).toMatch(
      /^site11_refresh=[^;]+; HttpOnly; SameSite=Strict; Path=\/; Max-Age=2\d{6}; Secure$/,
    )
  })

  test('pages of another origin can set no cookie', async () => {
    const headers = { origin: 'http://evil.example' }
    expect(await login({ useCookie: true }, headers)).toMatchObject({ code: status.PERMISSION_DENIED })
    expect((await login({}, headers)).code).toBe(status.OK)
  })

  test('stores neither token nor password', async () => {
    const { session } = await login()
    const stored = JSON.stringify(await store.db.collection('sessions').find().toArray())
    const [, family = '?', secret = '?'] = session.refreshToken.split('.')
    expect(stored).not.toContain(family)
    expect(stored).not.toContain(secret)
    expect(stored).not.toContain(password)
  })

  test('registering makes an account and signs it in', async () => {
    const account = {
      email: 'lee@example.com',
      password: 'long enough',
      displayName: '이영희',
      locale: 'ko-KR',
      useCookie: false,
    }
    const { value } = await call('register', account)
    expect(await call('getMe', {}, bearer(value as never))).toMatchObject({
      value: { email: account.email, displayName: '이영희' },
    })
  })

  test('registering a taken address names the field of this request', async () => {
    const account = { email, password: 'long enough', displayName: '', locale: '', useCookie: false }
    const { code, reason, error } = await call('register', account)
    expect({ code, reason }).toEqual({ code: status.ALREADY_EXISTS, reason: 'EMAIL_TAKEN' })
    expect(error && detailsOf(error)?.violations).toMatchObject([{ field: 'email' }])
  })
})

describe('refreshing', () => {
  test('exchanges the token for a new pair', async () => {
    const { session } = await login()
    const next = await refresh(session.refreshToken)
    expect(next.headers['cache-control']).toBe('no-store')
    expect(next.value).toMatchObject({ sessionId: session.sessionId, userId: session.userId })
    expect(next.value.refreshToken).not.toBe(session.refreshToken)
    expect((await call('getMe', {}, bearer(next.value as never))).code).toBe(status.OK)
    expect((await refresh(next.value.refreshToken)).code).toBe(status.OK)
  })

  test('a token used again ends the session, the token got for it included', async () => {
    const { session } = await login()
    const next = await refresh(session.refreshToken)
    expect(await refresh(session.refreshToken)).toMatchObject({
      code: status.UNAUTHENTICATED,
      reason: 'SESSION_REPLAYED',
    })
    expect(await refresh(next.value.refreshToken)).toMatchObject({
      code: status.UNAUTHENTICATED,
      reason: 'SESSION_ENDED',
    })
  })

  test('also a token from long before ends it', async () => {
    const { session } = await login()
    const second = await refresh(session.refreshToken)
    const third = await refresh(second.value.refreshToken)
    expect(await refresh(session.refreshToken)).toMatchObject({ reason: 'SESSION_REPLAYED' })
    expect(await refresh(third.value.refreshToken)).toMatchObject({ reason: 'SESSION_ENDED' })
  })

  test('of six at the same time one succeeds, and the session lives on', async () => {
    for (let round = 0; round < 10; round++) {
      const { session } = await login()
      const answers = await Promise.all(Array.from({ length: 6 }, () => refresh(session.refreshToken)))
      const codes = answers.map(({ code }) => code).sort((a, b) => a - b)
      expect(codes).toEqual([status.OK, ...Array(5).fill(status.ABORTED)])
      const winner = answers.find(({ code }) => code === status.OK)
      expect((await refresh(winner?.value.refreshToken)).code).toBe(status.OK)
    }
  })

  test('who knows a session but never had its token cannot end it', async () => {
    const { session } = await login()
    const [id, , secret] = session.refreshToken.split('.')
    const forged = `${id}.${'A'.repeat(22)}.${secret}`
    expect(await refresh(forged)).toMatchObject({ code: status.UNAUTHENTICATED, reason: 'TOKEN_INVALID' })
    expect((await refresh(session.refreshToken)).code).toBe(status.OK)
  })

  test.each([
    ['no token', ''],
    ['no such token', 'abc'],
  ])('with %s the caller is told', async (_, token) => {
    expect(await refresh(token)).toMatchObject({
      code: status.UNAUTHENTICATED,
      reason: token ? 'TOKEN_INVALID' : 'TOKEN_MISSING',
    })
  })

  test('by cookie answers by cookie', async () => {
    const first = await login({ useCookie: true })
    const cookie = String(first.headers['set-cookie']).split(';')[0] ?? ''
    const next = await refresh('', { cookie: `theme=dark; ${cookie}`, origin: issuer })
    expect(next.value.refreshToken).toBe('')
    expect(next.headers['set-cookie']).toMatch(/^site11_refresh=/)
    expect(next.headers['set-cookie']).not.toContain(cookie)
  })

  test('by cookie from a page of another origin is refused and uses nothing up', async () => {
    const first = await login({ useCookie: true })
    const cookie = String(first.headers['set-cookie']).split(';')[0] ?? ''
    expect(await refresh('', { cookie, origin: 'http://evil.example' })).toMatchObject({
      code: status.PERMISSION_DENIED,
    })
    expect((await refresh('', { cookie })).code).toBe(status.OK)
  })

  test('new roles take effect', async () => {
    const { session } = await login()
    const [account] = users.accounts
    if (account) account.user.roles = ['operator']
    expect((await refresh(session.refreshToken)).value.scope).toBe(
      'events:read events:write mesh:read mesh:write profile statistics:read statistics:track statistics:write users:read',
    )
  })

  test.each([
    ['disabled', { maySignIn: false }],
    ['deleted', undefined],
    ['given a new password elsewhere', { passwordVersion: 2 }],
  ])('the session of a user who was %s has ended', async (_, change) => {
    const { session } = await login()
    const [account] = users.accounts
    if (change && account) Object.assign(account, change)
    else users.accounts.splice(0)
    expect(await refresh(session.refreshToken)).toMatchObject({ code: status.UNAUTHENTICATED, reason: 'SESSION_ENDED' })
    expect(await store.db.collection('sessions').countDocuments()).toBe(0)
  })

  test('while Users is away nothing is used up', async () => {
    const { session } = await login()
    users.stop()
    expect(await refresh(session.refreshToken)).toMatchObject({
      code: status.UNAVAILABLE,
      reason: 'DEPENDENCY_UNAVAILABLE',
    })
    const { accounts } = users
    users = await startTestUsers()
    users.accounts.push(...accounts)
    await vi.waitFor(async () => expect((await refresh(session.refreshToken)).code).toBe(status.OK), { timeout: 5000 })
  })

  test('a session lives thirty days unused and ninety in all', async () => {
    const { session } = await login()
    ahead = 29 * day
    let token = (await refresh(session.refreshToken)).value.refreshToken
    ahead = 58 * day
    token = (await refresh(token)).value.refreshToken
    ahead = 87 * day
    token = (await refresh(token)).value.refreshToken
    expect(token).toBeTruthy()
    ahead = 90 * day
    expect(await refresh(token)).toMatchObject({ reason: 'SESSION_ENDED' })
    const { session: unused } = await login()
    ahead += 30 * day
    expect(await refresh(unused.refreshToken)).toMatchObject({ reason: 'SESSION_ENDED' })
  })
})

describe('signing out', () => {
  test('ends the session, and may be repeated', async () => {
    const { session } = await login()
    const { refreshToken } = session
    expect((await call('logout', { refreshToken })).code).toBe(status.OK)
    expect((await call('logout', { refreshToken })).code).toBe(status.OK)
    expect(await refresh(refreshToken)).toMatchObject({ reason: 'SESSION_ENDED' })
  })

  test('by cookie removes the cookie', async () => {
    const first = await login({ useCookie: true })
    const cookie = String(first.headers['set-cookie']).split(';')[0] ?? ''
    const answer = await call('logout', { refreshToken: '' }, { cookie })
    expect(answer.headers['set-cookie']).toMatch(/^site11_refresh=; .*Max-Age=0/)
    expect(await refresh('', { cookie })).toMatchObject({ reason: 'SESSION_ENDED' })
  })

  test('by access token ends the session that it is of', async () => {
    const { session } = await login()
    expect((await call('logout', { refreshToken: '' }, bearer(session))).code).toBe(status.OK)
    expect(await refresh(session.refreshToken)).toMatchObject({ reason: 'SESSION_ENDED' })
  })

  test('with nothing at hand is an error, as nothing was ended', async () => {
    expect(await call('logout', { refreshToken: '' })).toMatchObject({
      code: status.UNAUTHENTICATED,
      reason: 'TOKEN_MISSING',
    })
  })
})

describe('own sessions', () => {
  test('are listed with the newest first and the current marked', async () => {
    const first = await login({}, { 'user-agent': 'x'.repeat(400), 'x-forwarded-for': '198.51.100.7' })
    const { session } = await login()
    const listed = await sessionsOf(bearer(session))
    expect(listed.map(({ id, current }) => ({ id, current }))).toEqual([
      { id: session.sessionId, current: true },
      { id: first.session.sessionId, current: false },
    ])
    expect(listed[1]).toMatchObject({ clientAddress: '198.51.100.7' })
    expect(listed[1]?.userAgent.length).toBeLessThanOrEqual(300)
  })

  test('can be revoked, those of others do not exist', async () => {
    const { session } = await login()
    users.add('lee@example.com', 'other password')
    const other = await login({ email: 'lee@example.com', password: 'other password' })
    expect(await call('revokeSession', { id: other.session.sessionId }, bearer(session))).toMatchObject({
      code: status.NOT_FOUND,
    })
    expect((await call('revokeSession', { id: session.sessionId }, bearer(session))).code).toBe(status.OK)
    expect(await refresh(session.refreshToken)).toMatchObject({ reason: 'SESSION_ENDED' })
    expect((await refresh(other.session.refreshToken)).code).toBe(status.OK)
  })

  test('end with a new password, but for the one that changed it', async () => {
    const first = await login()
    const { session } = await login()
    const change = { currentPassword: password, newPassword: 'another password' }
    expect(await call('changePassword', { ...change, currentPassword: 'wrong' }, bearer(session))).toMatchObject({
      reason: 'BAD_CREDENTIALS',
    })
    expect((await call('changePassword', change, bearer(session))).value).toEqual({ sessionsEnded: 1 })
    expect(await refresh(first.session.refreshToken)).toMatchObject({ reason: 'SESSION_ENDED' })
    expect((await refresh(session.refreshToken)).code).toBe(status.OK)
    expect((await login()).code).toBe(status.UNAUTHENTICATED)
  })

  test.each(['getMe', 'listSessions', 'changePassword', 'revokeSession'] as const)(
    '%s needs an access token',
    async name => {
      const requests = {
        changePassword: { currentPassword: 'a', newPassword: 'b'.repeat(8) },
        revokeSession: { id: crypto.randomUUID() },
      }
      const request = name === 'changePassword' || name === 'revokeSession' ? requests[name] : {}
      expect(await call(name, request)).toMatchObject({ code: status.UNAUTHENTICATED, reason: 'TOKEN_MISSING' })
    },
  )
})

describe('sessions of others', () => {
  async function admin() {
    users.add('boss@example.com', password, ['admin'])
    return (await login({ email: 'boss@example.com' })).session
  }

  test('are listed and ended by who may administer sessions, and that is taken down', async () => {
    const boss = await admin()
    const first = await login()
    const { session } = await login()
    const { userId } = session
    const { value } = await call('listUserSessions', { userId }, bearer(boss))
    expect((value.sessions as { id: string }[]).map(({ id }) => id)).toEqual([
      session.sessionId,
      first.session.sessionId,
    ])
    recorded.length = 0
    const one = await call('revokeUserSessions', { userId, id: session.sessionId }, bearer(boss))
    expect(one.value).toEqual({ sessionsEnded: 1 })
    expect(await refresh(session.refreshToken)).toMatchObject({ reason: 'SESSION_ENDED' })
    expect(await call('revokeUserSessions', { userId, id: session.sessionId }, bearer(boss))).toMatchObject({
      code: status.NOT_FOUND,
    })
    const all = await call('revokeUserSessions', { userId, id: '' }, bearer(boss))
    expect(all.value).toEqual({ sessionsEnded: 1 })
    expect(await refresh(first.session.refreshToken)).toMatchObject({ reason: 'SESSION_ENDED' })
    expect((await refresh(boss.refreshToken)).code).toBe(status.OK)
    const taken = { actor: `users/${boss.userId}`, action: 'sessions.revoked', subject: `users/${userId}` }
    expect(recorded).toMatchObject([taken, taken])
  })

  test('are not those of another user by the way', async () => {
    const boss = await admin()
    const { session } = await login()
    const refused = await call('revokeUserSessions', { userId: boss.userId, id: session.sessionId }, bearer(boss))
    expect(refused.code).toBe(status.NOT_FOUND)
    expect((await refresh(session.refreshToken)).code).toBe(status.OK)
  })

  test.each(['listUserSessions', 'revokeUserSessions'] as const)('%s is refused to others', async name => {
    const { session } = await login()
    const request = { userId: session.userId, id: '' }
    expect(await call(name, request, bearer(session))).toMatchObject({ code: status.PERMISSION_DENIED })
  })
})

test('a generated password is known for one until it is changed', async () => {
  users.add('first@example.com', password, ['admin'])
  const { session } = await login({ email: 'first@example.com' })
  expect((await call('getMe', {}, bearer(session))).value).toMatchObject({ passwordGenerated: true })
  await call('changePassword', { currentPassword: password, newPassword: 'another password' }, bearer(session))
  expect((await call('getMe', {}, bearer(session))).value).toMatchObject({ passwordGenerated: false })
})

test('without its database signing in is unavailable, and possible again when it is back', async () => {
  const { session } = await login()
  await mongod.kill()
  expect(await login()).toMatchObject({ code: status.UNAVAILABLE, reason: 'DEPENDENCY_UNAVAILABLE' })
  expect(await refresh(session.refreshToken)).toMatchObject({
    code: status.UNAVAILABLE,
    reason: 'DEPENDENCY_UNAVAILABLE',
  })
  await mongod.restart()
  await vi.waitFor(async () => expect((await login()).code).toBe(status.OK), { timeout: 15_000, interval: 200 })
  expect((await refresh(session.refreshToken)).code).toBe(status.OK)
})
