/** Sessions: refresh tokens that work once, cookies for browsers, and what ends a session. */
import { decodeJwt } from 'jose'
import { describe, expect, test } from 'vitest'
import { admin, login, password, register } from './accounts.ts'
import { apiOver, mesh, refusalOf, type TransportName, transports } from './api.ts'
import { type Answer, send } from './http.ts'

const api = apiOver('REST')
const refresh = (refreshToken: string, transport: TransportName = 'REST') =>
  apiOver(transport).auth.refresh({ refreshToken })

describe.each(transports)('over %s', transport => {
  test('registration signs in, with the scopes of a user', async () => {
    const { email, session } = await register()
    expect(session).toMatchObject({ tokenType: 'Bearer', expiresIn: 300, scope: 'profile statistics:track' })
    const me = await apiOver(transport, async () => session.accessToken).auth.getMe({})
    expect(me).toMatchObject({ email, userId: session.userId, sessionId: session.sessionId, roles: ['user'] })
  })

  test('a refresh token is exchanged for a new pair of the same session', async () => {
    const { session } = await register()
    const next = await refresh(session.refreshToken, transport)
    expect(next.refreshToken).not.toBe(session.refreshToken)
    expect(next.accessToken).not.toBe(session.accessToken)
    expect(next).toMatchObject({ sessionId: session.sessionId, userId: session.userId })
    await refresh(next.refreshToken, transport)
  })

  test('a refresh token used again ends the session, for thief and owner alike', async () => {
    const { session } = await register()
    const next = await refresh(session.refreshToken, transport)
    const replay = await refusalOf(refresh(session.refreshToken, transport))
    expect(replay).toMatchObject({ code: 'Unauthenticated', reason: 'SESSION_REPLAYED' })
    expect(replay.message).toMatch(/log in/i)
    expect(await refusalOf(refresh(next.refreshToken, transport))).toMatchObject({
      code: 'Unauthenticated',
      reason: 'SESSION_ENDED',
    })
  })

  test('of six exchanges of one refresh token at a time one succeeds', async () => {
    const { session } = await register()
    const outcomes = await Promise.allSettled(Array.from({ length: 6 }, () => refresh(session.refreshToken, transport)))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  test('logout ends the session, and once more is no error', async () => {
    const { session } = await register()
    const { auth } = apiOver(transport)
    await auth.logout({ refreshToken: session.refreshToken })
    expect(await refusalOf(refresh(session.refreshToken, transport))).toMatchObject({
      code: 'Unauthenticated',
      reason: 'SESSION_ENDED',
    })
    await auth.logout({ refreshToken: session.refreshToken })
  })
})

describe('one’s own sessions', () => {
  test('are listed, newest first, and ended one by one', async () => {
    const { email, session } = await register()
    const headers = { 'user-agent': 'A test' }
    const second = await apiOver('REST', undefined, headers).auth.login({ email, password })
    const own = apiOver('REST', async () => session.accessToken).auth
    const { sessions } = await own.listSessions({})
    expect(sessions.map(({ id }) => id)).toEqual([second.sessionId, session.sessionId])
    expect(sessions.map(({ current }) => current)).toEqual([false, true])
    expect(sessions[0]?.userAgent).toBe('A test')
    await own.revokeSession({ id: second.sessionId })
    expect(await refusalOf(refresh(second.refreshToken))).toMatchObject({ reason: 'SESSION_ENDED' })
    expect((await own.listSessions({})).sessions.map(({ id }) => id)).toEqual([session.sessionId])
  })

  test('are nobody else’s to see or to end', async () => {
    const [mine, theirs] = [await register(), await register()]
    const own = apiOver('REST', async () => mine.session.accessToken).auth
    expect(await refusalOf(own.revokeSession({ id: theirs.session.sessionId }))).toMatchObject({ code: 'NotFound' })
    await refresh(theirs.session.refreshToken)
  })
})

describe('a change of the own password', () => {
  test('asks for the old one and a good new one', async () => {
    const { email, session } = await register()
    const { auth } = apiOver('REST', async () => session.accessToken)
    const wrong = await refusalOf(
      auth.changePassword({ currentPassword: 'not the password', newPassword: 'another long password' }),
    )
    expect(wrong).toMatchObject({ code: 'Unauthenticated', reason: 'BAD_CREDENTIALS' })
    const weak = await refusalOf(auth.changePassword({ currentPassword: password, newPassword: 'password123' }))
    expect(weak).toMatchObject({ code: 'InvalidArgument', reason: 'WEAK_PASSWORD', fields: ['new_password'] })
    await login({ email, password })
  })

  test('ends all other sessions and keeps this one', async () => {
    const { email, session } = await register()
    const others = [await login({ email, password }), await login({ email, password })]
    const { auth } = apiOver('REST', async () => session.accessToken)
    const changed = await auth.changePassword({ currentPassword: password, newPassword: 'another long password' })
    expect(changed.sessionsEnded).toBe(2)
    for (const other of others)
      expect(await refusalOf(refresh(other.refreshToken))).toMatchObject({ reason: 'SESSION_ENDED' })
    await refresh(session.refreshToken)
    expect(await refusalOf(login({ email, password }))).toMatchObject({ reason: 'BAD_CREDENTIALS' })
    await login({ email, password: 'another long password' })
  })
})

describe('what happens to a user', () => {
  test('ends its sessions when it is disabled or deleted', async () => {
    const { users } = apiOver('REST', admin)
    const [disabled, deleted] = [await register(), await register()]
    await users.disableUser({ id: disabled.session.userId, reason: 'test' })
    await users.deleteUser({ id: deleted.session.userId })
    for (const { session } of [disabled, deleted])
      expect(await refusalOf(refresh(session.refreshToken))).toMatchObject({ reason: 'SESSION_ENDED' })
  })

  test('changes its scopes at the next refresh', async () => {
    const { session } = await register()
    await apiOver('REST', admin).users.setUserRoles({ id: session.userId, roles: ['operator'] })
    const next = await refresh(session.refreshToken)
    expect(String(decodeJwt(next.accessToken).scope).split(' ')).toContain('mesh:read')
  })
})

describe('in a browser', () => {
  const post = (path: string, body: object, headers: Record<string, string> = {}) =>
    send(mesh.url, `/api/v1/auth/${path}`, { method: 'POST', body, headers })
  const cookieOf = ({ headers }: Answer) => headers['set-cookie']?.[0] ?? ''
  const pairOf = (answer: Answer) => cookieOf(answer).split(';')[0] ?? ''

  test('the refresh token is in a cookie that no script and no other site can use', async () => {
    const { email } = await register()
    const answer = await post('login', { email, password, useCookie: true })
    expect(answer.json()).toMatchObject({ refreshToken: '', accessToken: expect.any(String) })
    const attributes = cookieOf(answer).split('; ')
    expect(attributes[0]).toMatch(/^site11_refresh=\S{40,}$/)
    expect(attributes).toEqual(expect.arrayContaining(['HttpOnly', 'SameSite=Strict', 'Path=/']))
    expect(attributes.find(each => each.startsWith('Max-Age='))).toMatch(/^Max-Age=[1-9]\d{5,}$/)
    expect(answer.headers['cache-control']).toBe('no-store')
  })

  test('the cookie is exchanged, and cleared at logout', async () => {
    const { email } = await register()
    const first = pairOf(await post('login', { email, password, useCookie: true }))
    const refreshed = await post('refresh', {}, { cookie: `other=1; ${first}`, origin: mesh.url })
    expect(refreshed.status).toBe(200)
    expect(refreshed.json().refreshToken).toBe('')
    expect(pairOf(refreshed)).not.toBe(first)
    const out = await post('logout', {}, { cookie: pairOf(refreshed) })
    expect(out.status).toBe(200)
    expect(cookieOf(out)).toMatch(/^site11_refresh=;.*Max-Age=0/)
    expect((await post('refresh', {}, { cookie: pairOf(refreshed) })).status).toBe(401)
  })

  test('a page of another site gets nothing for the cookie', async () => {
    const { email } = await register()
    const cookie = pairOf(await post('login', { email, password, useCookie: true }))
    for (const path of ['refresh', 'logout']) {
      const answer = await post(path, {}, { cookie, origin: 'https://elsewhere.example' })
      expect([path, answer.status]).toEqual([path, 403])
    }
    expect((await post('refresh', {}, { cookie })).status).toBe(200)
  })
})

describe('guessing', () => {
  test('is slowed down, and the refusal says until when', async () => {
    const { email } = await register()
    const guess = () => refusalOf(api.auth.login({ email, password: 'a wrong guess' }))
    let refusal = await guess()
    for (let n = 1; n < 20 && refusal.reason === 'BAD_CREDENTIALS'; n++) refusal = await guess()
    expect(refusal).toMatchObject({ code: 'ResourceExhausted', reason: 'THROTTLED' })
    expect(refusal.retryAfterMs).toBeGreaterThan(0)
    const right = await refusalOf(api.auth.login({ email, password }))
    expect(right.reason).toBe('THROTTLED')
  })

  test.runIf(process.platform === 'linux')('does not lock the owner out, who comes from elsewhere', async () => {
    const { email } = await register()
    for (let n = 0; n < 10; n++) await refusalOf(api.auth.login({ email, password: 'a wrong guess' }))
    const from = (localAddress: string) =>
      send(mesh.url.replace('localhost', '127.0.0.1'), '/api/v1/auth/login', {
        method: 'POST',
        body: { email, password },
        localAddress,
      })
    expect((await from('127.0.0.1')).status).toBe(429)
    expect((await from('127.0.0.2')).status).toBe(200)
  })

  test('learns as little from unknown accounts as from known ones', async () => {
    const { email } = await register()
    const known = await refusalOf(api.auth.login({ email, password: 'a wrong guess' }))
    expect(await refusalOf(api.auth.login({ email: `x${email}`, password: 'a wrong guess' }))).toEqual(known)
  })
})
