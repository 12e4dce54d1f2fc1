/** Ways around the edge's checks that have worked elsewhere: identity headers, paths that are read twice, headers written otherwise. */

import { isIP } from 'node:net'
import type { User } from '@site11/proto/es/site11/users/v1/user_pb.ts'
import { beforeAll, describe, expect, test } from 'vitest'
import { homeOf } from '../mesh/home.ts'
import { loadSecrets } from '../mesh/secrets.ts'
import { admin, createUser, register } from './accounts.ts'
import { apiOver, mesh, refusalOf, transports } from './api.ts'
import { type Answer, type Sent, send } from './http.ts'

let victim: User
let own: Awaited<ReturnType<typeof register>>
beforeAll(async () => {
  victim = await createUser({ displayName: 'Victim' })
  own = await register()
})

const token = () => own.session.accessToken
const scopes = 'users:read users:write users:admin profile mesh:read'

describe('identity headers', () => {
  const spoofs = (): Record<string, string>[] => [
    { 'x-site11-scope': scopes },
    { 'X-Site11-Scope': scopes, 'x-site11-user': victim.id },
    { 'x-user-id': victim.id, 'x-user-roles': 'admin', 'x-user-scopes': scopes },
    { 'x-envoy-original-path': '/api/v1/auth/login', 'x-envoy-original-method': 'POST' },
    { 'x-original-url': '/health', 'x-rewrite-url': '/health', 'x-http-method-override': 'POST' },
    { 'x-jwt-payload': Buffer.from(JSON.stringify({ scope: scopes })).toString('base64') },
    { 'x-site11-caller': 'service:console', 'x-site11-service': 'console' },
    { 'x-site11-operator-token': 'a guess', 'x-site11-join-token': 'a guess' },
  ]

  test.each(transports)('give nothing over %s', async transport => {
    for (const headers of spoofs()) {
      const refusal = await refusalOf(apiOver(transport, async () => token(), headers).users.getUser({ id: victim.id }))
      expect(refusal.code, JSON.stringify(headers)).toBe('PermissionDenied')
      const without = await refusalOf(apiOver(transport, undefined, headers).users.getUser({ id: victim.id }))
      expect(without.code, JSON.stringify(headers)).toBe('Unauthenticated')
    }
  })

  test.each(transports)('do not make the caller somebody else over %s', async transport => {
    for (const headers of spoofs()) {
      const { user } = await apiOver(transport, async () => token(), headers).users.getMe({})
      expect(user?.id, JSON.stringify(headers)).toBe(own.session.userId)
      const me = await apiOver(transport, async () => token(), headers).auth.getMe({})
      expect(me.userId, JSON.stringify(headers)).toBe(own.session.userId)
    }
  })

  test.each(transports)('with the tokens of the mesh itself are taken off over %s', async transport => {
    const { operatorToken, joinToken } = loadSecrets(homeOf(mesh.settings).secrets, [])
    const headers = { 'x-site11-operator-token': operatorToken, 'x-site11-join-token': joinToken }
    const me = await apiOver(transport, async () => token(), headers).auth.getMe({})
    expect(me.userId).toBe(own.session.userId)
    const refusal = await refusalOf(apiOver(transport, undefined, headers).registry.listInstances({}))
    expect(refusal.code).toBe('Unauthenticated')
  })

  test.each(transports)('with underscores are refused over %s', async transport => {
    for (const name of ['x_site11_scope', 'x_user_id']) {
      const { users } = apiOver(transport, async () => token(), { [name]: scopes })
      await expect(users.getMe({})).rejects.toThrow()
    }
  })

  test('with underscores are refused as JSON', async () => {
    for (const name of ['x_site11_scope', 'x_user_id']) {
      const answer = await send(mesh.url, '/api/v1/users/me', { token: token(), headers: { [name]: scopes } })
      expect(answer.status).toBe(400)
      expect(answer.headers['content-type']).toBe('application/json')
    }
  })

  test('do not tell where a session comes from', async () => {
    const login = { method: 'POST', headers: { 'x-forwarded-for': '203.0.113.7', 'x-real-ip': '203.0.113.7' } }
    await send(mesh.url, '/api/v1/auth/login', { ...login, body: { email: own.email, password: own.password } })
    const { sessions } = await apiOver('REST', async () => token()).auth.listSessions({})
    expect(sessions).toHaveLength(2)
    for (const { clientAddress } of sessions) {
      expect(isIP(clientAddress)).not.toBe(0)
      expect(clientAddress).not.toBe('203.0.113.7')
    }
  })
})

describe('a path written otherwise', () => {
  const paths = (): string[] => {
    const { id } = victim
    return [
      ...[
        `//api/v1/users/${id}`,
        `/api//v1//users//${id}`,
        `/./api/v1/users/${id}`,
        `/api/v1/users/./${id}`,
        `/api/v1/users/${id}/`,
      ],
      ...[
        `/api/v1/x/../users/${id}`,
        `/api/v1/auth/login/../../users/${id}`,
        `/health/../api/v1/users/${id}`,
        `/assets/..//api/v1/users/${id}`,
      ],
      ...[
        `/api/v1/%2e%2e/v1/users/${id}`,
        `/api/v1/auth/login/%2e%2e/%2e%2e/users/${id}`,
        `/health/%2e%2e/api/v1/users/${id}`,
      ],
      ...[
        `/api%2fv1%2fusers%2f${id}`,
        `/api/v1/users%2f${id}`,
        `/api/v1/users%2F${id}`,
        `/api/v1%5cusers%5c${id}`,
        `/health/..%2fapi/v1/users/${id}`,
      ],
      ...[
        `/.well-known/..%2fapi/v1/users/${id}`,
        `/api\\v1\\users\\${id}`,
        `/API/v1/users/${id}`,
        `/api/V1/Users/${id}`,
        `/api/v1/users/${id};x=1`,
      ],
      ...[
        `/api/v1/users/${id}%00`,
        `/api/v1/users/${id}%23`,
        `/api/v1/%75sers/${id}`,
        `/%61pi/v1/users/${id}`,
        `/api/v1/users:batchGet?ids=${id}`,
      ],
      ...[`/api/v1/users/me/../${id}`, `/api/v1/users/me%2f..%2f${id}`, `http://elsewhere.example/api/v1/users/${id}`],
      '/site11.users.v1.UsersService/ListUsers',
      '/site11.users.v1.UsersService//ListUsers',
      '/api/v1/../../site11.users.v1.UsersService/ListUsers',
    ]
  }

  test('reaches nothing that its token does not open', async () => {
    for (const path of paths()) {
      for (const bearer of [undefined, token()]) {
        for (const headers of [
          {},
          { 'content-type': 'application/json' },
          { 'content-type': 'application/grpc' },
        ] as Sent['headers'][]) {
          for (const method of ['GET', 'POST']) {
            const answer = await following(path, { method, token: bearer, ...(headers && { headers }) })
            expect(answer.text, `${method} ${path}`).not.toContain(victim.email)
            expect(answer.text, `${method} ${path}`).not.toContain('nextPageToken')
          }
        }
      }
    }
  })

  test('is the same path to one who may read', async () => {
    for (const path of [
      `/api/v1/users/${victim.id}`,
      `//api/v1/users/${victim.id}`,
      `/api/v1/x/../users/${victim.id}`,
    ]) {
      expect((await following(path, { token: await admin() })).text, path).toContain(victim.email)
    }
  })
})

test('the Connect protocol gets as far as no token: nowhere, for anybody', async () => {
  const path = '/site11.users.v1.UsersService/GetMe'
  const sent: [string, Sent][] = [
    ...['application/json', 'application/proto', 'application/connect+json', 'application/connect+proto'].map(
      (type): [string, Sent] => [
        path,
        { method: 'POST', headers: { 'content-type': type, 'connect-protocol-version': '1' }, body: '{}' },
      ],
    ),
    [`${path}?connect=v1&encoding=json&message=%7B%7D`, { headers: { 'connect-protocol-version': '1' } }],
  ]
  for (const [path, how] of sent) {
    const [without, bearing] = [await send(mesh.url, path, how), await send(mesh.url, path, { ...how, token: token() })]
    // But for the id of the request.
    const said = ({ status, text }: Answer) => [status, text.replace(/"requestId":"[^"]*"/, '')]
    expect(said(without)).toEqual(said(bearing))
    expect(without.status, path).toBe(415)
    expect(without.json()).toMatchObject({ code: 3, details: [{ reason: 'WRONG_CONTENT_TYPE' }, {}] })
  }
})

/** Sends, and follows redirects within the mesh with the same headers, as the most careless of clients would. */
async function following(path: string, sent: Sent, left = 3): Promise<Answer> {
  const answer = await send(mesh.url, path, sent)
  const { location } = answer.headers
  if (!location || answer.status < 300 || answer.status > 399 || left === 0) return answer
  const { pathname, search } = new URL(location, mesh.url)
  return following(`${pathname}${search}`, sent, left - 1)
}
