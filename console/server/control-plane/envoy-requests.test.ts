/** What is refused before a service sees it, on a real Envoy. */
import { Code } from '@connectrpc/connect'
import { status } from '@grpc/grpc-js'
import { CreateUserRequest } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bearer, type Edge, metadataOf, restOutcome, startEdge } from './edge-fixture.ts'

let edge: Edge
beforeAll(async () => {
  edge = await startEdge()
})
afterAll(() => edge?.stop())

describe('a request that is malformed', () => {
  const bad = async (path: string, init: Parameters<Edge['rest']>[1] = {}) => {
    const response = await edge.rest(path, { token: edge.reader, ...init })
    return { status: response.status, ...restOutcome(response.json()) }
  }

  it.each([
    ['not JSON', '{"user":{"email":"a"', ''],
    ['a wrong type', '{"user":{"email":"a","profile":7}}', 'profile'],
    ['an unknown enum value', '{"user":{"state":"NOPE"}}', 'NOPE'],
    ['a list', '[]', ''],
    ['a text where an object is wanted', '{"user":"somebody"}', 'user'],
    ['a text where a truth value is wanted', '{"user":{},"validateOnly":"maybe"}', 'validate_only'],
    ['nesting without end', `${'{"user":'.repeat(1000)}1${'}'.repeat(1000)}`, ''],
    ['lists without end', '['.repeat(100_000), ''],
  ])('is refused: %s', async (_, body, named) => {
    const before = edge.users.seen.length
    const outcome = await bad('/api/v1/users', { method: 'POST', body })
    expect(outcome).toMatchObject({ status: 400, code: 3, reason: 'INVALID_FIELD' })
    expect(outcome.message).toContain(named)
    expect(edge.users.seen.length).toBe(before)
  })

  it.each([
    ['{"user":{"email":"a@b.c"},"nope":1}', 'nope'],
    ['{"nope":{"user":1},"user":{}}', 'nope'],
    ['{"user":{"e-mail":"a@b.c"}}', 'user.e-mail'],
    [' { "user" : { "profile" : { "any" : "\\"}" } , "displayname" : "x" } } ', 'user.displayname'],
    ['{"user":{"roles":["a",{"b":[1,{}]}],"Email":null}}', 'user.Email'],
    ['{"us\\u0065r":{}}', 'us?u0065r'],
    ['{"\u0000"":1}', ''],
  ])('is refused for a field that the message does not have, naming it: %s', async (body, field) => {
    const before = edge.users.seen.length
    const response = await edge.rest('/api/v1/users', { method: 'POST', token: edge.reader, body })
    expect(response.status).toBe(400)
    expect(restOutcome(response.json())).toMatchObject({ code: 3, reason: 'INVALID_FIELD' })
    if (field) expect(response.json().details[1].fieldViolations).toEqual([{ field, description: 'unknown field' }])
    expect(edge.users.seen.length).toBe(before)
  })

  it.each([
    '{"user":{"displayName":"{\\"nope\\":1}","display_name":"x","profile":{"nope":"x"},"createTime":"2026-01-01T00:00:00Z"}}',
    '{}',
    '{"user":null,"requestId":"","validateOnly":false,"request_id":""}',
    '{"user":{"roles":[],"profile":{}}}',
  ])('is not refused for fields it has, however they are written: %s', async body => {
    expect((await edge.rest('/api/v1/users', { method: 'POST', token: edge.reader, body })).status).toBe(200)
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
    const small = await edge.rest('/api/v1/users', {
      method: 'POST',
      token: edge.reader,
      body: body(1024 * 1024 - 100),
    })
    expect(small.status).toBe(200)
    await expect(
      edge.web(edge.reader).createUser({ user: { displayName: 'x'.repeat(1024 * 1024) } }),
    ).rejects.toMatchObject({
      code: Code.ResourceExhausted,
    })
    const request = CreateUserRequest.fromPartial({ user: { displayName: 'x'.repeat(1024 * 1024) } })
    const code = await new Promise(resolve =>
      edge.grpc.createUser(request, metadataOf(edge.reader), error => resolve(error?.code)),
    )
    expect(code).toBe(status.RESOURCE_EXHAUSTED)
  })

  it('is refused for text that is no UTF-8', async () => {
    const body = Buffer.from('{"user":{"displayName":"\xff\xfe"}}', 'latin1')
    const headers = { ...bearer(edge.reader), 'content-type': 'application/json' }
    expect((await fetch(edge.url('/api/v1/users'), { method: 'POST', body, headers })).status).toBe(400)
  })

  it('is refused for headers that are too large or have an underscore', async () => {
    expect(await bad('/api/v1/users/u1', { headers: { 'x-long': 'x'.repeat(40_000) } })).toMatchObject({ status: 431 })
    expect(await bad('/api/v1/users/u1', { headers: { x_site11_scope: 'users:read' } })).toMatchObject({ status: 400 })
  })
})

it('a method for everybody needs no token, and is refused beyond its rate limit', async () => {
  const verify = () => edge.rest('/api/v1/users:verifyEmail', { method: 'POST', body: '{"token":"x"}' })
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
  // One call may come just when the bucket has a token again; several at once do not all.
  const calls = await Promise.allSettled(
    Array.from({ length: 20 }, () => edge.web(undefined).verifyEmail({ token: 'x' })),
  )
  const refusals = calls.flatMap(each => (each.status === 'rejected' ? [each.reason.code] : []))
  expect(new Set(refusals)).toEqual(new Set([Code.ResourceExhausted]))
})
