/** What the configuration does on a real Envoy, over REST, gRPC and gRPC-Web. */
import { once } from 'node:events'
import { Agent, createServer, request as httpRequest } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { anyUnpack, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { Code, ConnectError, createClient } from '@connectrpc/connect'
import { createGrpcWebTransport } from '@connectrpc/connect-web'
import { credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { ErrorInfoSchema } from '@site11/proto/es/google/rpc/error_details_pb.ts'
import { StatusSchema } from '@site11/proto/es/google/rpc/status_pb.ts'
import { UsersService } from '@site11/proto/es/site11/users/v1/users_service_pb.ts'
import { CreateUserRequest, UsersServiceClient } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { extensionType } from './snapshot.ts'
import {
  consoleContract,
  instance,
  issuer,
  meshState,
  signingKey,
  startControlPlane,
  startEnvoy,
  startUsers,
  until,
  usersContract,
} from './testbed.ts'

const origin = 'http://localhost:8000'
const joinToken = 'secret'

type Key = Awaited<ReturnType<typeof signingKey>>

let key: Key
let users: Awaited<ReturnType<typeof startUsers>>
let plane: Awaited<ReturnType<typeof startControlPlane>>
let envoy: Awaited<ReturnType<typeof startEnvoy>>
let grpc: UsersServiceClient
let reader: string
const dashboard = createServer((request, response) => response.end(`dashboard ${request.url}`))

/** The state that all tests begin and end with. */
function state(more: Parameters<typeof meshState>[0] = {}) {
  return meshState({
    services: [
      { name: 'users', contract: usersContract, instances: [instance('users-1', users.port)] },
      { name: 'console', contract: consoleContract, instances: [] },
    ],
    jwks: { keys: [key.jwk] },
    corsOrigins: [origin],
    dashboard: { address: '127.0.0.1', port: (dashboard.address() as AddressInfo).port },
    ...more,
  })
}

async function publish(more: Parameters<typeof meshState>[0] = {}) {
  plane.controlPlane.publish(state(more))
  return plane.controlPlane.whenAcked(5_000)
}

beforeAll(async () => {
  key = await signingKey('k1')
  reader = await key.token('profile users:read users:write')
  users = await startUsers('users-1')
  plane = await startControlPlane(joinToken)
  await once(dashboard.listen(0, '127.0.0.1'), 'listening')
  plane.controlPlane.publish(state())
  envoy = await startEnvoy('edge-1', plane.port, joinToken)
  grpc = new UsersServiceClient(`127.0.0.1:${envoy.edge}`, credentials.createInsecure())
  expect(await plane.controlPlane.whenAcked(5_000)).toEqual({ waitingFor: [] })
})

afterAll(async () => {
  grpc?.close()
  await envoy?.stop()
  plane?.stop()
  users?.stop()
  dashboard.close()
})

const url = (path: string) => `http://127.0.0.1:${envoy.edge}${path}`
const bearer = (token: string | undefined): Record<string, string> =>
  token ? { authorization: `Bearer ${token}` } : {}

async function rest(
  path: string,
  init: { method?: string; token?: string; body?: string; headers?: Record<string, string> } = {},
) {
  const headers = { ...bearer(init.token), ...(init.body && { 'content-type': 'application/json' }), ...init.headers }
  const response = await fetch(url(path), {
    method: init.method ?? 'GET',
    body: init.body ?? null,
    headers,
    redirect: 'manual',
  })
  const text = await response.text()
  const json = () => JSON.parse(text)
  return { status: response.status, headers: response.headers, text, json }
}

type Outcome = { code: number; reason: string; message: string }

function restOutcome(body: { code: number; message: string; details: { reason: string; domain: string }[] }): Outcome {
  expect(body.details[0]?.domain).toBe('site11')
  return { code: body.code, reason: body.details[0]?.reason ?? '', message: body.message }
}

function grpcCall(token: string | undefined, id = 'u1', headers: Record<string, string> = {}) {
  const metadata = new Metadata()
  for (const [name, value] of Object.entries({ ...bearer(token), ...headers })) metadata.set(name, value)
  return new Promise<Outcome | { id: string }>(resolve => {
    grpc.getUser({ id }, metadata, (error, response) =>
      resolve(error ? grpcOutcome(error) : { id: response.user?.id ?? '' }),
    )
  })
}

function grpcOutcome({ code, details, metadata }: ServiceError): Outcome {
  const [bytes] = metadata.get('grpc-status-details-bin')
  if (!(bytes instanceof Buffer)) return { code, reason: '', message: details }
  const [any] = fromBinary(StatusSchema, bytes).details
  return { code, reason: (any && anyUnpack(any, ErrorInfoSchema)?.reason) ?? '', message: details }
}

function web(token: string | undefined, headers: Record<string, string> = {}) {
  const send: typeof fetch = (input, init) => {
    const all = new Headers(init?.headers)
    for (const [name, value] of Object.entries({ ...bearer(token), ...headers })) all.set(name, value)
    return fetch(input, { ...init, headers: all })
  }
  return createClient(UsersService, createGrpcWebTransport({ baseUrl: url(''), fetch: send }))
}

async function webCall(token: string | undefined, id = 'u1'): Promise<Outcome | { id: string }> {
  try {
    return { id: (await web(token).getUser({ id })).user?.id ?? '' }
  } catch (cause) {
    const error = ConnectError.from(cause)
    return { code: error.code, reason: error.findDetails(ErrorInfoSchema)[0]?.reason ?? '', message: error.rawMessage }
  }
}

describe('a method that asks for a scope', () => {
  it('answers over REST, gRPC and gRPC-Web alike', async () => {
    expect((await rest('/api/v1/users/u1', { token: reader })).text).toContain('"id":"u1"')
    expect(await grpcCall(reader)).toEqual({ id: 'u1' })
    expect(await webCall(reader)).toEqual({ id: 'u1' })
  })

  it.each<[string, number, Code, string, (key: Key) => Promise<string | undefined>]>([
    ['no token', 401, Code.Unauthenticated, 'TOKEN_MISSING', async () => undefined],
    ['a token that is none', 401, Code.Unauthenticated, 'TOKEN_INVALID', async () => 'abc'],
    ['an expired token', 401, Code.Unauthenticated, 'TOKEN_EXPIRED', key => key.token('users:read', { exp: 1_000 })],
    [
      'a token for others',
      401,
      Code.Unauthenticated,
      'TOKEN_INVALID',
      key => key.token('users:read', { aud: 'site11-internal' }),
    ],
    [
      'a token of others',
      401,
      Code.Unauthenticated,
      'TOKEN_INVALID',
      key => key.token('users:read', { iss: `${issuer}/x` }),
    ],
    [
      'a forged token',
      401,
      Code.Unauthenticated,
      'TOKEN_INVALID',
      async () => (await signingKey('k1')).token('users:read'),
    ],
    ['a token without the scope', 403, Code.PermissionDenied, 'SCOPE_MISSING', key => key.token('profile users:readx')],
    ['a token without any scope', 403, Code.PermissionDenied, 'SCOPE_MISSING', key => key.token('')],
  ])('refuses %s over REST, gRPC and gRPC-Web alike', async (_, httpStatus, code, reason, make) => {
    const token = await make(key)
    const before = users.seen.length
    const response = await rest('/api/v1/users/u1', { ...(token && { token }) })
    const outcome = restOutcome(response.json())
    expect(response.status).toBe(httpStatus)
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(outcome).toMatchObject({ code, reason })
    expect(await grpcCall(token)).toEqual(outcome)
    expect(await webCall(token)).toEqual(outcome)
    expect(users.seen.length).toBe(before)
  })

  it('names the scope that is missing', async () => {
    const body = (await rest('/api/v1/users/u1', { token: await key.token('profile') })).json()
    expect(body.message).toContain('users:read')
    expect(body.details[0].metadata).toEqual({ scope: 'users:read' })
  })

  it('takes a token from nowhere but the authorization header', async () => {
    expect((await rest(`/api/v1/users/u1?access_token=${reader}`)).status).toBe(400)
    const frame = Buffer.from([0, 0, 0, 0, 4, 10, 2, 117, 49])
    const headers = { 'content-type': 'application/grpc-web+proto' }
    const path = `/site11.users.v1.UsersService/GetUser?access_token=${reader}`
    expect((await fetch(url(path), { method: 'POST', body: frame, headers })).headers.get('grpc-status')).toBe('16')
  })
})

describe('headers that only the edge may set', () => {
  it('are taken away, so that they grant nothing and reach no service', async () => {
    const spoofed = {
      'x-site11-scope': 'users:read',
      'x-user-id': 'admin',
      'x-user-roles': 'admin',
      'x-forwarded-host': 'evil',
    }
    const poor = await key.token('profile')
    expect((await rest('/api/v1/users/u1', { token: poor, headers: spoofed })).status).toBe(403)
    expect(await grpcCall(poor, 'u1', spoofed)).toMatchObject({ code: status.PERMISSION_DENIED })
    expect((await rest('/api/v1/users/u1', { token: reader, headers: spoofed })).status).toBe(200)
    const seen = users.seen.at(-1)?.getMap() ?? {}
    expect(seen['x-site11-scope']).toBe('profile users:read users:write')
    for (const name of ['x-user-id', 'x-user-roles', 'x-forwarded-host']) expect(seen[name]).toBeUndefined()
    expect(seen.authorization).toBe(`Bearer ${reader}`)
  })
})

describe('what is not there', () => {
  it('is 404 as JSON over REST, with a token or without', async () => {
    for (const token of [reader, '']) {
      const response = await rest('/api/v1/nothing', { token })
      expect(response.status).toBe(404)
      expect(restOutcome(response.json())).toMatchObject({ code: 5, reason: 'NOT_FOUND' })
    }
  })

  it('is UNIMPLEMENTED over gRPC and gRPC-Web; so is a method for services only', async () => {
    const before = users.seen.length
    const metadata = new Metadata()
    metadata.set('authorization', `Bearer ${reader}`)
    const code = await new Promise(resolve => {
      grpc.verifyPassword({ email: 'a', password: 'b', clientAddress: '' }, metadata, error => resolve(error?.code))
    })
    expect(code).toBe(status.UNIMPLEMENTED)
    await expect(web(reader).verifyPassword({ email: 'a', password: 'b' })).rejects.toMatchObject({
      code: Code.Unimplemented,
    })
    expect(users.seen.length).toBe(before)
  })

  it('is 405 under another verb, with the verbs it takes', async () => {
    const response = await rest('/api/v1/users', { method: 'DELETE' })
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('GET, POST')
    expect(response.json().message).toContain('GET, POST')
    expect((await rest('/api/v1/users/u1:disable', { token: reader })).headers.get('allow')).toBe('POST')
    expect((await rest('/', { method: 'POST' })).status).toBe(405)
  })

  it('is 415 for what is not gRPC at the path of a method', async () => {
    const path = '/site11.users.v1.UsersService/GetUser'
    const response = await rest(path, { method: 'POST', body: '{}', token: reader })
    expect(response.status).toBe(415)
    expect(restOutcome(response.json())).toMatchObject({ code: 3 })
  })

  it.each([
    '//api/v1/users/u1',
    '/api//v1/users/u1',
    '/x/../api/v1/users/u1',
    '/api/v1/users%2Fu1',
    '/%61pi/v1/users/u1',
    '/site11.users.v1.UsersService/GetUser',
    '/site11.users.v1.UsersService//GetUser',
  ])('cannot be had without a token by the path %s', async path => {
    const before = users.seen.length
    const [head = ''] = await rawRequest(`GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`)
    expect(head.split(' ')[1]).not.toBe('200')
    expect(users.seen.length).toBe(before)
  })
})

/** Sends bytes as they are; returns what comes back, in lines. */
async function rawRequest(text: string): Promise<string[]> {
  const socket = connect(envoy.edge, '127.0.0.1')
  socket.end(text)
  let received = ''
  for await (const chunk of socket) received += chunk
  return received.split('\r\n')
}

describe('a request that is malformed', () => {
  const bad = async (path: string, init: Parameters<typeof rest>[1] = {}) => {
    const response = await rest(path, { token: reader, ...init })
    return { status: response.status, ...restOutcome(response.json()) }
  }

  it.each([
    ['not JSON', '{"user":{"email":"a"', ''],
    ['a wrong type', '{"user":{"email":"a","profile":7}}', 'profile'],
    ['an unknown enum value', '{"user":{"state":"NOPE"}}', 'NOPE'],
  ])('is refused: %s', async (_, body, named) => {
    const before = users.seen.length
    const outcome = await bad('/api/v1/users', { method: 'POST', body })
    expect(outcome).toMatchObject({ status: 400, code: 3, reason: 'INVALID_FIELD' })
    expect(outcome.message).toContain(named)
    expect(users.seen.length).toBe(before)
  })

  it('is refused for a query parameter that the method does not have, naming it', async () => {
    const outcome = await bad('/api/v1/users/u1?bogus=1')
    expect(outcome).toMatchObject({ status: 400, code: 3 })
    expect(outcome.message).toContain('"bogus"')
  })

  it('is refused for a body of more than 1 MiB, and not for one of a little less', async () => {
    const body = (size: number) => JSON.stringify({ user: { displayName: 'x'.repeat(size) } })
    const post = (size: number) => bad('/api/v1/users', { method: 'POST', body: body(size) })
    expect(await post(1024 * 1024)).toMatchObject({ status: 413, code: 8 })
    const small = await rest('/api/v1/users', { method: 'POST', token: reader, body: body(1024 * 1024 - 100) })
    expect(small.status).toBe(200)
    await expect(web(reader).createUser({ user: { displayName: 'x'.repeat(1024 * 1024) } })).rejects.toMatchObject({
      code: Code.ResourceExhausted,
    })
    const metadata = new Metadata()
    metadata.set('authorization', `Bearer ${reader}`)
    const request = CreateUserRequest.fromPartial({ user: { displayName: 'x'.repeat(1024 * 1024) } })
    const code = await new Promise(resolve => grpc.createUser(request, metadata, error => resolve(error?.code)))
    expect(code).toBe(status.RESOURCE_EXHAUSTED)
  })

  it('is refused for headers that are too large or have an underscore', async () => {
    expect(await bad('/api/v1/users/u1', { headers: { 'x-long': 'x'.repeat(40_000) } })).toMatchObject({ status: 431 })
    expect(await bad('/api/v1/users/u1', { headers: { x_site11_scope: 'users:read' } })).toMatchObject({ status: 400 })
  })
})

describe('an answer', () => {
  it('has no headers of gRPC over REST, and those of the edge', async () => {
    for (const path of ['/api/v1/users/u1', '/api/v1/users/nobody']) {
      const { headers } = await rest(path, { token: reader })
      for (const name of headers.keys()) expect(name).not.toMatch(/^(grpc-|x-envoy-)/)
      expect(headers.get('server')).toBe('site11')
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('x-request-id')).toBeTruthy()
    }
  })

  it('of an error of the service is its status', async () => {
    const response = await rest('/api/v1/users/nobody', { token: reader })
    expect(response.status).toBe(404)
    expect(response.json()).toMatchObject({ code: 5, message: 'no user "nobody"' })
    expect(await webCall(reader, 'nobody')).toMatchObject({ code: Code.NotFound })
  })

  it('has every field, under its JSON name', async () => {
    const { user } = (await rest('/api/v1/users/u1', { token: reader })).json()
    expect(user).toMatchObject({ displayName: 'users-1', timeZone: '', roles: [], state: 'USER_STATE_ACTIVE' })
  })

  it('is compressed when it is long and the caller can read that', async () => {
    const compressed = async (path: string) => {
      const request = httpRequest(url(path), { headers: { ...bearer(reader), 'accept-encoding': 'gzip' } }).end()
      const [response] = await once(request, 'response')
      const chunks: Buffer[] = []
      for await (const chunk of response) chunks.push(chunk)
      return { encoding: response.headers['content-encoding'], body: Buffer.concat(chunks) }
    }
    const list = await compressed('/api/v1/users?pageSize=50')
    expect(list.encoding).toBe('gzip')
    expect(JSON.parse(gunzipSync(list.body).toString()).users).toHaveLength(50)
    expect((await compressed('/api/v1/users/u1')).encoding).toBeUndefined()
  })

  it('of a stream comes line by line over REST, message by message over gRPC-Web', async () => {
    const { text } = await rest('/api/v1/users:watch', { token: reader })
    expect(
      text
        .trim()
        .split('\n')
        .map(line => JSON.parse(line).user.id),
    ).toEqual(['a', 'b', 'c'])
    const ids: string[] = []
    for await (const event of web(reader).watchUsers({})) ids.push(event.user?.id ?? '')
    expect(ids).toEqual(['a', 'b', 'c'])
  })
})

describe('a browser', () => {
  const preflight = (path: string, from: string) =>
    rest(path, { method: 'OPTIONS', headers: { origin: from, 'access-control-request-method': 'POST' } })

  it.each(['/api/v1/users', '/api/v1/nothing', '/site11.users.v1.UsersService/GetUser', '/site11.none.v1.None/None'])(
    'is allowed to call %s from a known origin only',
    async path => {
      const allowed = await preflight(path, origin)
      expect(allowed.status).toBe(200)
      expect(allowed.headers.get('access-control-allow-origin')).toBe(origin)
      expect(allowed.headers.get('access-control-allow-headers')).toContain('x-grpc-web')
      expect((await preflight(path, 'http://evil')).headers.get('access-control-allow-origin')).toBeNull()
    },
  )

  it('can read refusals too', async () => {
    const refused = await rest('/api/v1/users/u1', { headers: { origin } })
    expect(refused.status).toBe(401)
    expect(refused.headers.get('access-control-allow-origin')).toBe(origin)
    expect(refused.headers.get('access-control-expose-headers')).toContain('grpc-status-details-bin')
  })

  it('is given the dashboard on every other path, without a token', async () => {
    expect((await rest('/health')).text).toBe('dashboard /health')
    expect((await rest('/.well-known/jwks.json')).text).toBe('dashboard /.well-known/jwks.json')
  })
})

it('a method for everybody needs no token, and is refused beyond its rate limit', async () => {
  const verify = () => rest('/api/v1/users:verifyEmail', { method: 'POST', body: '{"token":"x"}' })
  expect((await verify()).status).toBe(200)
  let last = await verify()
  for (let count = 0; count < 40 && last.status === 200; count += 1) {
    const batch = await Promise.all(Array.from({ length: 10 }, verify))
    last = batch.find(each => each.status !== 200) ?? last
  }
  expect(last.status).toBe(429)
  expect(last.headers.get('retry-after')).toBe('1')
  expect(restOutcome(last.json())).toMatchObject({ code: 8, reason: 'THROTTLED' })
  expect(last.json().details[1]).toMatchObject({ retryDelay: '1s' })
  await expect(web(undefined).verifyEmail({ token: 'x' })).rejects.toMatchObject({ code: Code.ResourceExhausted })
})

describe('a change', () => {
  /** Requests over one connection that is kept. */
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const kept = async (token: string) => {
    const request = httpRequest(url('/api/v1/users/u1'), { agent, headers: bearer(token) }).end()
    const [response] = await once(request, 'response')
    await response.resume().once('end', () => {})
    await once(response, 'close')
    return { status: response.statusCode, reused: request.reusedSocket }
  }
  const listenerChanges = async () =>
    (await envoy.stat('listener_manager.listener_modified')) +
    (await envoy.stat('listener_manager.listener_in_place_updated')) +
    (await envoy.stat('listener_manager.total_listeners_draining'))

  afterAll(() => agent.destroy())

  it('of keys takes effect on open connections, and leaves the listener alone', async () => {
    await kept(reader)
    const next = await signingKey('k2')
    const token = await next.token('users:read')
    expect(await kept(token)).toMatchObject({ status: 401, reused: true })
    expect(await publish({ jwks: { keys: [key.jwk, next.jwk] } })).toEqual({ waitingFor: [] })
    expect(await kept(token)).toEqual({ status: 200, reused: true })
    expect(await kept(reader)).toEqual({ status: 200, reused: true })
    await publish({ jwks: { keys: [next.jwk] } })
    expect(await kept(reader)).toEqual({ status: 401, reused: true })
    await publish()
    expect(await kept(reader)).toEqual({ status: 200, reused: true })
    expect(await listenerChanges()).toBe(0)
  })

  it('of contracts takes effect on open connections, and leaves the listener alone', async () => {
    const set = fromBinary(FileDescriptorSetSchema, usersContract)
    const service = set.file.flatMap(file => file.service)[0] ?? expect.fail()
    service.method = service.method.filter(method => method.name !== 'GetUser')
    const contract = toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, set))
    const services = [{ name: 'users', contract, instances: [instance('users-1', users.port)] }]
    await kept(reader)
    expect(await publish({ services })).toEqual({ waitingFor: [] })
    expect(await kept(reader)).toEqual({ status: 404, reused: true })
    await publish()
    expect(await kept(reader)).toEqual({ status: 200, reused: true })
    expect(await listenerChanges()).toBe(0)
  })

  it('that Envoy refuses is shown with its reason, and traffic goes on as before', async () => {
    const broken = { keys: [{ kty: 'EC', kid: 'broken', crv: 'nonsense' }] }
    expect(await publish({ jwks: broken })).toEqual({ waitingFor: ['edge-1'] })
    const refused = plane.controlPlane.proxies()[0]?.types.find(type => type.typeUrl === extensionType)
    expect(refused?.nackReason).toMatch(/jwks/i)
    expect(refused?.nackedVersion).toBe(refused?.sentVersion)
    expect(await kept(reader)).toMatchObject({ status: 200 })
    expect(await publish()).toEqual({ waitingFor: [] })
    expect(plane.controlPlane.proxies()[0]?.types.every(type => type.nackReason === '')).toBe(true)
  })

  it('of endpoints moves the traffic, and not one request fails', async () => {
    const second = await startUsers('users-2')
    const both = (first: Parameters<typeof instance>[2]) => ({
      services: [
        {
          name: 'users',
          contract: usersContract,
          instances: [instance('users-1', users.port, first), instance('users-2', second.port)],
        },
      ],
    })
    const statuses: number[] = []
    let running = true
    const load = (async () => {
      while (running) {
        const batch = await Promise.all(Array.from({ length: 8 }, () => rest('/api/v1/users/u1', { token: reader })))
        statuses.push(...batch.map(each => each.status))
      }
    })()
    await publish(both({}))
    await until('traffic at the second instance', () => second.seen.length > 0)
    await publish(both({ draining: true }))
    const before = users.seen.length
    await Promise.all(Array.from({ length: 20 }, () => rest('/api/v1/users/u1', { token: reader })))
    expect(users.seen.length).toBe(before)
    await publish()
    running = false
    await load
    second.stop()
    expect(new Set(statuses)).toEqual(new Set([200]))
    expect((await rest('/api/v1/users/u1', { token: reader })).status).toBe(200)
  })

  it('that takes the last instance away gives 503 that says so, until there is one again', async () => {
    for (const instances of [[], [instance('users-1', users.port, { healthy: false })]]) {
      await publish({ services: [{ name: 'users', contract: usersContract, instances }] })
      const response = await rest('/api/v1/users/u1', { token: reader })
      const outcome = restOutcome(response.json())
      expect(response.status).toBe(503)
      expect(outcome).toMatchObject({ code: 14, reason: 'DEPENDENCY_UNAVAILABLE' })
      expect(await grpcCall(reader)).toEqual(outcome)
      expect(await webCall(reader)).toEqual(outcome)
    }
    await publish()
    expect(await grpcCall(reader)).toEqual({ id: 'u1' })
  })

  it('waits for a control plane that is away; traffic goes on, and what came meanwhile is taken then', async () => {
    plane.stop()
    expect(await grpcCall(reader)).toEqual({ id: 'u1' })
    plane = await startControlPlane(joinToken, plane.port)
    plane.controlPlane.publish(state())
    await until('the proxy', () => plane.controlPlane.proxies().length > 0)
    expect(await plane.controlPlane.whenAcked(5_000)).toEqual({ waitingFor: [] })
    expect(await grpcCall(reader)).toEqual({ id: 'u1' })
  })
})

it('the access log has one line of JSON for each request, without query strings and tokens', async () => {
  await rest('/api/v1/users?pageSize=3&search=private', { token: reader })
  const line = await until('the line', () =>
    envoy
      .log()
      .split('\n')
      .find(each => each.includes('"path":"/api/v1/users"') && each.includes('ListUsers')),
  )
  expect(JSON.parse(line)).toMatchObject({
    method: 'GET',
    path: '/api/v1/users',
    status: 200,
    route: 'site11.users.v1.UsersService/ListUsers',
    cluster: 'users',
    upstream: `127.0.0.1:${users.port}`,
    duration_ms: expect.any(Number),
    bytes_sent: expect.any(Number),
  })
  const lines = envoy.log().split('\n')
  expect(lines.filter(each => each.includes('private') || each.includes(reader.slice(0, 20)))).toEqual([])
})
