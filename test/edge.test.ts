/** What the edge adds to an answer, takes from it, and shows without a login. */
import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:http2'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { Code, ConnectError } from '@connectrpc/connect'
import { beforeAll, describe, expect, test } from 'vitest'
import { admin, login, newEmail, password, register } from './accounts.ts'
import { apiOver, mesh } from './api.ts'
import { send } from './http.ts'
import { until } from './until.ts'

describe('an answer over REST', () => {
  test('has headers of ours and none of gRPC’s or the proxy’s', async () => {
    const { headers, json } = await send(mesh.url, '/api/v1/users?pageSize=1', { token: await admin() })
    expect(headers).toMatchObject({
      server: 'site11',
      'content-type': 'application/json',
      'x-content-type-options': 'nosniff',
    })
    expect(headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
    expect(Object.keys(headers).filter(name => /^(grpc-|x-envoy-|trailer$)/.test(name))).toEqual([])
    expect(Object.keys(json())).toEqual(['users', 'nextPageToken'])
  })

  test('has every field, in camel case, the empty ones too', async () => {
    const answer = await send(mesh.url, '/api/v1/users', {
      method: 'POST',
      token: await admin(),
      body: { user: { email: newEmail() } },
    })
    expect(answer.json().user).toMatchObject({
      displayName: '',
      emailVerified: false,
      state: 'USER_STATE_ACTIVE',
      roles: ['user'],
      createTime: expect.any(String),
    })
  })

  test('is compressed when it is large and the caller can read it', async () => {
    await Promise.all(
      Array.from({ length: 5 }, () => apiOver('gRPC', admin).users.createUser({ user: { email: newEmail() } })),
    )
    const path = '/api/v1/users?pageSize=100'
    const zipped = await send(mesh.url, path, { token: await admin(), headers: { 'accept-encoding': 'gzip' } })
    expect(zipped.headers['content-encoding']).toBe('gzip')
    expect(JSON.parse(gunzipSync(zipped.bytes).toString()).users.length).toBeGreaterThan(4)
    const plain = await send(mesh.url, path, { token: await admin() })
    expect(plain.headers['content-encoding']).toBeUndefined()
    expect(plain.bytes.length).toBeGreaterThan(zipped.bytes.length)
  })

  test('comes over HTTP/2 as well', async () => {
    const token = await admin()
    const session = connect(mesh.url)
    try {
      const stream = session.request({ ':path': '/api/v1/users/me', authorization: `Bearer ${token}` })
      const [headers] = await new Promise<[Record<string, unknown>]>((resolve, reject) => {
        stream.on('response', (...all) => resolve(all as never)).on('error', reject)
      })
      expect(headers[':status']).toBe(200)
    } finally {
      session.destroy()
    }
  })

  test('says in the request’s id what the logs call it', async () => {
    const { json, headers } = await send(mesh.url, `/api/v1/users/nonsense`, { token: await admin() })
    const details = json().details as Record<string, unknown>[]
    const info = details.find(each => String(each['@type']).endsWith('google.rpc.RequestInfo'))
    expect(info?.requestId).toBe(String(headers['x-request-id']).replaceAll('-', ''))
  })
})

describe('a browser’s preflight', () => {
  const preflight = (origin: string, path: string, method = 'POST') =>
    send(mesh.url, path, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': method,
        'access-control-request-headers': 'authorization,content-type,x-grpc-web,x-user-agent,grpc-timeout',
      },
    })

  test.each(['/site11.users.v1.UsersService/ListUsers', '/api/v1/users'])(
    'from the dashboard is allowed for %s',
    async path => {
      const { status, headers } = await preflight(mesh.url, path)
      expect([200, 204]).toContain(status)
      expect(headers['access-control-allow-origin']).toBe(mesh.url)
      expect(headers['access-control-allow-credentials']).toBe('true')
      const allowed = String(headers['access-control-allow-headers']).toLowerCase().split(/, ?/)
      expect(allowed).toEqual(
        expect.arrayContaining(['authorization', 'content-type', 'x-grpc-web', 'x-user-agent', 'grpc-timeout']),
      )
      expect(String(headers['access-control-allow-methods']).split(/, ?/)).toEqual(
        expect.arrayContaining(['POST', 'PATCH', 'DELETE']),
      )
    },
  )

  test.each(['https://elsewhere.example', 'null', `${mesh.url}.elsewhere.example`])(
    'from %s is not allowed',
    async origin => {
      for (const path of ['/site11.users.v1.UsersService/ListUsers', '/api/v1/users']) {
        expect((await preflight(origin, path)).headers['access-control-allow-origin']).toBeUndefined()
      }
    },
  )

  test('is followed by an answer that the page may read, errors too', async () => {
    const answer = await send(mesh.url, '/api/v1/users', { headers: { origin: mesh.url } })
    expect(answer.status).toBe(401)
    expect(answer.headers['access-control-allow-origin']).toBe(mesh.url)
    expect(String(answer.headers['access-control-expose-headers']).toLowerCase()).toMatch(/grpc-status-details-bin/)
  })
})

test('a call that takes longer than its caller waits ends with DEADLINE_EXCEEDED', async () => {
  const error = await apiOver('gRPC')
    .auth.login({ email: newEmail(), password }, { timeoutMs: 1 })
    .catch(ConnectError.from)
  expect((error as ConnectError).code).toBe(Code.DeadlineExceeded)
})

test('/health tells machines that all is green, and what all is', async () => {
  const answer = await send(mesh.url, '/health')
  expect(answer.status).toBe(200)
  expect(answer.headers['content-type']).toBe('application/json')
  const report = answer.json() as { status: string; services: { name: string }[]; proxies: { name: string }[] }
  expect(report.status).toBe('healthy')
  expect(report.services.map(({ name }) => name)).toEqual(['console', 'statistics', 'users'])
  expect(report.proxies).toHaveLength(1)
})

test('registry and proxies are shown as they are', async () => {
  const { registry } = apiOver('gRPC', admin)
  const { instances } = await registry.listInstances({})
  expect(instances.map(({ instance }) => instance)).toEqual(expect.arrayContaining(['console-1', 'users-1']))
  const { proxies } = await registry.listProxies({})
  expect(proxies).toHaveLength(1)
  for (const { typeUrl, sentVersion, ackedVersion, nackedVersion } of proxies[0]?.types ?? []) {
    expect([typeUrl, ackedVersion, nackedVersion]).toEqual([typeUrl, sentVersion, ''])
  }
})

describe('the dashboard’s files', () => {
  let index: string
  beforeAll(async () => {
    const answer = await send(mesh.url, '/', { headers: { accept: 'text/html' } })
    index = answer.text
    expect(answer.status).toBe(200)
  })

  test('come with a policy that lets in nothing from elsewhere', async () => {
    const { headers } = await send(mesh.url, '/', { headers: { accept: 'text/html' } })
    const policy = String(headers['content-security-policy'])
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).toMatch(/script-src 'self'(;|$)/)
    expect(headers['cache-control']).toBe('no-cache')
    expect(headers['x-content-type-options']).toBe('nosniff')
  })

  test('never change under one name, or are looked at anew', async () => {
    const script = /src="(\/assets\/[^"]+\.js)"/.exec(index)?.[1] ?? ''
    const answer = await send(mesh.url, script)
    expect(answer.status).toBe(200)
    expect(answer.headers['content-type']).toMatch(/javascript/)
    expect(answer.headers['cache-control']).toContain('immutable')
  })

  test('are all there is: other paths lead to the page or to nothing', async () => {
    expect((await send(mesh.url, '/users', { headers: { accept: 'text/html' } })).text).toBe(index)
    expect((await send(mesh.url, '/assets/nonsense.js')).status).toBe(404)
    for (const path of [
      '/..%2f..%2fpackage.json',
      '/assets/..%2f..%2f..%2f..%2fpackage.json',
      '/%2e%2e/%2e%2e/package.json',
      '/assets/....//package.json',
    ]) {
      expect((await send(mesh.url, path)).text, path).not.toContain('"workspaces"')
    }
  })
})

test('no password and no token is in the logs', async () => {
  const { email, session } = await register()
  const secret = `kept to myself ${randomUUID()}`
  await apiOver('REST', async () => session.accessToken).auth.changePassword({
    currentPassword: password,
    newPassword: secret,
  })
  const { accessToken, refreshToken } = await login({ email, password: secret })
  await send(mesh.url, `/api/v1/users?access_token=${accessToken}`)
  const marked = await send(mesh.url, '/api/v1/users/me', {
    token: accessToken,
    headers: { 'user-agent': `agent of ${email}` },
  })
  expect(marked.status).toBe(200)
  const logs = () =>
    readdirSync(join(mesh.home, 'logs'))
      .map(name => readFileSync(join(mesh.home, 'logs', name), 'utf8'))
      .join('\n')
  await until('the access log has the request', () => logs().includes(`agent of ${email}`))
  const text = logs()
  const signatures = [accessToken, session.accessToken].map(token => token.split('.')[2] ?? token)
  const { joinToken, secretKey, redisPassword, mongo } = JSON.parse(
    readFileSync(join(mesh.home, 'secrets.json'), 'utf8'),
  )
  const secrets = [
    secret,
    password,
    refreshToken,
    mesh.admin.password,
    ...signatures,
    joinToken,
    secretKey,
    redisPassword,
    ...Object.values<string>(mongo.passwords),
  ]
  for (const each of secrets) expect(text.includes(each)).toBe(false)
})
