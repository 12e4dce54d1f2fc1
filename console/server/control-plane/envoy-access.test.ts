/** Who gets in, on a real Envoy, over REST, gRPC and gRPC-Web. */
import { connect } from 'node:net'
import { Code } from '@connectrpc/connect'
import { status } from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Edge, metadataOf, restOutcome, startEdge } from './edge-fixture.ts'
import { issuer, signingKey } from './testbed.ts'

type Key = Awaited<ReturnType<typeof signingKey>>

let edge: Edge
beforeAll(async () => {
  edge = await startEdge()
})
afterAll(() => edge?.stop())

describe('a method that asks for a scope', () => {
  it('answers over REST, gRPC and gRPC-Web alike', async () => {
    expect((await edge.rest('/api/v1/users/u1', { token: edge.reader })).text).toContain('"id":"u1"')
    expect(await edge.grpcCall(edge.reader)).toEqual({ id: 'u1' })
    expect(await edge.webCall(edge.reader)).toEqual({ id: 'u1' })
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
    const token = await make(edge.key)
    const before = edge.users.seen.length
    const response = await edge.rest('/api/v1/users/u1', { ...(token && { token }) })
    const outcome = restOutcome(response.json())
    expect(response.status).toBe(httpStatus)
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(outcome).toMatchObject({ code, reason })
    expect(await edge.grpcCall(token)).toEqual(outcome)
    expect(await edge.webCall(token)).toEqual(outcome)
    expect(edge.users.seen.length).toBe(before)
  })

  it('names the scope that is missing', async () => {
    const body = (await edge.rest('/api/v1/users/u1', { token: await edge.key.token('profile') })).json()
    expect(body.message).toContain('users:read')
    expect(body.details[0].metadata).toEqual({ scope: 'users:read' })
  })

  it('takes a token from nowhere but the authorization header', async () => {
    expect((await edge.rest(`/api/v1/users/u1?access_token=${edge.reader}`)).status).toBe(400)
    const frame = Buffer.from([0, 0, 0, 0, 4, 10, 2, 117, 49])
    const headers = { 'content-type': 'application/grpc-web+proto' }
    const path = `/site11.users.v1.UsersService/GetUser?access_token=${edge.reader}`
    expect((await fetch(edge.url(path), { method: 'POST', body: frame, headers })).headers.get('grpc-status')).toBe(
      '16',
    )
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
    const poor = await edge.key.token('profile')
    expect((await edge.rest('/api/v1/users/u1', { token: poor, headers: spoofed })).status).toBe(403)
    expect(await edge.grpcCall(poor, 'u1', spoofed)).toMatchObject({ code: status.PERMISSION_DENIED })
    expect((await edge.rest('/api/v1/users/u1', { token: edge.reader, headers: spoofed })).status).toBe(200)
    const seen = edge.users.seen.at(-1)?.getMap() ?? {}
    expect(seen['x-site11-scope']).toBe('profile users:read users:write')
    for (const name of ['x-user-id', 'x-user-roles', 'x-forwarded-host']) expect(seen[name]).toBeUndefined()
    expect(seen.authorization).toBe(`Bearer ${edge.reader}`)
  })
})

describe('what is not there', () => {
  it('is 404 as JSON over REST, with a token or without', async () => {
    for (const token of [edge.reader, '']) {
      const response = await edge.rest('/api/v1/nothing', { token })
      expect(response.status).toBe(404)
      expect(restOutcome(response.json())).toMatchObject({ code: 5, reason: 'NOT_FOUND' })
    }
  })

  it('is UNIMPLEMENTED over gRPC and gRPC-Web; so is a method for services only', async () => {
    const before = edge.users.seen.length
    const code = await new Promise(resolve => {
      edge.grpc.verifyPassword({ email: 'a', password: 'b', clientAddress: '' }, metadataOf(edge.reader), error =>
        resolve(error?.code),
      )
    })
    expect(code).toBe(status.UNIMPLEMENTED)
    await expect(edge.web(edge.reader).verifyPassword({ email: 'a', password: 'b' })).rejects.toMatchObject({
      code: Code.Unimplemented,
    })
    expect(edge.users.seen.length).toBe(before)
  })

  it('is 405 under another verb, with the verbs it takes', async () => {
    const response = await edge.rest('/api/v1/users', { method: 'DELETE' })
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('GET, POST')
    expect(response.json().message).toContain('GET, POST')
    expect((await edge.rest('/api/v1/users/u1:disable', { token: edge.reader })).headers.get('allow')).toBe('POST')
    expect((await edge.rest('/', { method: 'POST' })).status).toBe(405)
  })

  it('is 415 for what is not gRPC at the path of a method', async () => {
    const path = '/site11.users.v1.UsersService/GetUser'
    const response = await edge.rest(path, { method: 'POST', body: '{}', token: edge.reader })
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
    const before = edge.users.seen.length
    const [head = ''] = await rawRequest(`GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`)
    expect(head.split(' ')[1]).not.toBe('200')
    expect(edge.users.seen.length).toBe(before)
  })
})

/** Sends bytes as they are; returns what comes back, in lines. */
async function rawRequest(text: string): Promise<string[]> {
  const socket = connect(edge.envoy.edge, '127.0.0.1')
  socket.end(text)
  let received = ''
  for await (const chunk of socket) received += chunk
  return received.split('\r\n')
}
