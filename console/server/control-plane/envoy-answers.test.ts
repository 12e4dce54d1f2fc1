/** What comes back, on a real Envoy. */
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { gunzipSync } from 'node:zlib'
import { create, fromBinary, getExtension, setExtension, toBinary } from '@bufbuild/protobuf'
import { DurationSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { Code } from '@connectrpc/connect'
import { method as policyOption } from '@site11/proto/es/site11/policy/v1/policy_pb.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bearer, type Edge, origin, restOutcome, startEdge } from './edge-fixture.ts'
import { instance, until, usersContract } from './testbed.ts'

let edge: Edge
beforeAll(async () => {
  edge = await startEdge()
})
afterAll(() => edge?.stop())

describe('an answer', () => {
  it('has no headers of gRPC over REST, and those of the edge', async () => {
    for (const path of ['/api/v1/users/u1', '/api/v1/users/nobody']) {
      const { headers } = await edge.rest(path, { token: edge.reader })
      for (const name of headers.keys()) expect(name).not.toMatch(/^(grpc-|x-envoy-)/)
      expect(headers.get('server')).toBe('site11')
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('x-request-id')).toBeTruthy()
    }
  })

  it('of an error of the service is its status', async () => {
    const response = await edge.rest('/api/v1/users/nobody', { token: edge.reader })
    expect(response.status).toBe(404)
    expect(response.json()).toMatchObject({ code: 5, message: 'no user "nobody"' })
    expect(await edge.webCall(edge.reader, 'nobody')).toMatchObject({ code: Code.NotFound })
  })

  it('has every field, under its JSON name', async () => {
    const { user } = (await edge.rest('/api/v1/users/u1', { token: edge.reader })).json()
    expect(user).toMatchObject({ displayName: 'users-1', timeZone: '', roles: [], state: 'USER_STATE_ACTIVE' })
  })

  it('is compressed when it is long and the caller can read that', async () => {
    const compressed = async (path: string) => {
      const request = httpRequest(edge.url(path), {
        headers: { ...bearer(edge.reader), 'accept-encoding': 'gzip' },
      }).end()
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
    const { text } = await edge.rest('/api/v1/users:watch', { token: edge.reader })
    expect(
      text
        .trim()
        .split('\n')
        .map(line => JSON.parse(line).user.id),
    ).toEqual(['a', 'b', 'c'])
    const ids: string[] = []
    for await (const event of edge.web(edge.reader).watchUsers({})) ids.push(event.user?.id ?? '')
    expect(ids).toEqual(['a', 'b', 'c'])
  })
})

describe('a service that fails', () => {
  it('is asked again for a read, and not for a write that it may have begun', async () => {
    const before = edge.users.seen.length
    const read = await edge.rest('/api/v1/users/flaky', { token: edge.reader })
    expect(read.status).toBe(200)
    expect(edge.users.seen.length).toBe(before + 2)
    const write = await edge.rest('/api/v1/users', {
      method: 'POST',
      token: edge.reader,
      body: '{"user":{"displayName":"flaky"}}',
    })
    expect(write.status).toBe(503)
    expect(edge.users.seen.length).toBe(before + 3)
  })

  it('to answer in time is given up: 504, DEADLINE_EXCEEDED', async () => {
    const set = fromBinary(FileDescriptorSetSchema, usersContract)
    const methods = set.file.flatMap(file => file.service).flatMap(service => service.method)
    const options = methods.find(method => method.name === 'GetUser')?.options ?? expect.fail()
    const policy = getExtension(options, policyOption)
    setExtension(options, policyOption, { ...policy, timeout: create(DurationSchema, { nanos: 100_000_000 }) })
    const contract = toBinary(FileDescriptorSetSchema, set)
    await edge.publish({ services: [{ name: 'users', contract, instances: [instance('users-1', edge.users.port)] }] })
    const response = await edge.rest('/api/v1/users/slow', { token: edge.reader })
    const outcome = restOutcome(response.json())
    expect(response.status).toBe(504)
    expect(outcome).toMatchObject({ code: 4, reason: 'DEPENDENCY_UNAVAILABLE' })
    expect(await edge.grpcCall(edge.reader, 'slow')).toEqual(outcome)
    expect(await edge.webCall(edge.reader, 'slow')).toEqual(outcome)
    await edge.publish()
  })
})

describe('a browser', () => {
  const preflight = (path: string, from: string) =>
    edge.rest(path, { method: 'OPTIONS', headers: { origin: from, 'access-control-request-method': 'POST' } })

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
    const refused = await edge.rest('/api/v1/users/u1', { headers: { origin } })
    expect(refused.status).toBe(401)
    expect(refused.headers.get('access-control-allow-origin')).toBe(origin)
    expect(refused.headers.get('access-control-expose-headers')).toContain('grpc-status-details-bin')
  })

  it('is given the dashboard on every other path, without a token', async () => {
    expect((await edge.rest('/health')).text).toBe('dashboard /health')
    expect((await edge.rest('/.well-known/jwks.json')).text).toBe('dashboard /.well-known/jwks.json')
  })
})

it('the access log has one line of JSON for each request, without query strings and tokens', async () => {
  await edge.rest('/api/v1/users?pageSize=3&search=private', { token: edge.reader })
  const line = await until('the line', () =>
    edge.envoy
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
    upstream: `127.0.0.1:${edge.users.port}`,
    duration_ms: expect.any(Number),
    bytes_sent: expect.any(Number),
  })
  const lines = edge.envoy.log().split('\n')
  expect(lines.filter(each => each.includes('private') || each.includes(edge.reader.slice(0, 20)))).toEqual([])
})
