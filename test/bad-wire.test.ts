/** What is wrong before it is a request: bytes, bodies, paths and verbs that no client of ours would send. */
import { describe, expect, test } from 'vitest'
import { admin, newEmail } from './accounts.ts'
import { mesh, refusalOf } from './api.ts'
import { callBytes } from './grpc.ts'
import { callWebBytes } from './grpc-web.ts'
import { type Answer, type Sent, send } from './http.ts'
import { restError } from './rest.ts'

const service = '/site11.users.v1.UsersService'
const mebibyte = 2 ** 20

/** @returns how a REST request was refused, and the answer it was refused with. */
async function refused(path: string, sent: Sent = {}) {
  const answer = await send(mesh.url, path, { token: await admin(), ...sent })
  if (answer.status < 400) throw new Error(`HTTP ${answer.status}: ${answer.text}`)
  const error = restError(answer.status, String(answer.headers['content-type']), answer.text)
  return { status: answer.status, answer, ...(await refusalOf(Promise.reject(error))) }
}

const post = (body: unknown): [string, Sent] => ['/api/v1/users', { method: 'POST', body }]
const email = newEmail()

const badBodies: [string, unknown, RegExp][] = [
  ['JSON that breaks off', '{"user":{"email":', /malformed/],
  ['text that is no JSON', 'email=a@example.org', /malformed/],
  ['a list', '[]', /./],
  ['bytes that are no UTF-8', Buffer.from('{"user":{"email":"\xff\xfe"}}', 'latin1'), /./],
  ['JSON a thousand levels deep', `${'{"user":'.repeat(1000)}1${'}'.repeat(1000)}`, /./],
  ['an unknown field', { user: { email }, nonsense: 1 }, /nonsense/],
  ['an unknown field within', { user: { email, nonsense: 1 } }, /nonsense/],
  ['a number for a text', { user: { email: 1 } }, /email|string/i],
  ['a text for an object', { user: 'somebody' }, /user/i],
  ['a text for a truth value', { user: { email }, validateOnly: 'maybe' }, /validate_?only|bool/i],
  ['a word that the enumeration lacks', { user: { email, state: 'SLEEPING' } }, /SLEEPING|state/i],
  ['a time that is none', { user: { email, createTime: 'yesterday' } }, /yesterday|time/i],
]

describe('over REST', () => {
  test.each(badBodies)('%s is refused', async (_, body, says) => {
    const refusal = await refused(...post(body))
    expect(refusal).toMatchObject({ status: 400, code: 'InvalidArgument', reason: 'INVALID_FIELD' })
    expect(refusal.message).toMatch(says)
  })

  test.each([
    ['an unknown query parameter', '/api/v1/users?nonsense=1', /nonsense/],
    ['a text for a number', '/api/v1/users?pageSize=many', /page_?size|many/i],
    ['a number beyond its type', '/api/v1/users?pageSize=99999999999', /page_?size|99999999999/i],
  ])('%s is refused', async (_, path, says) => {
    const refusal = await refused(path)
    expect(refusal).toMatchObject({ status: 400, code: 'InvalidArgument', reason: 'INVALID_FIELD' })
    expect(refusal.message).toMatch(says)
  })

  test('an id that is no UUID is refused by its rule', async () => {
    expect(await refused('/api/v1/users/nonsense')).toMatchObject({ status: 400, fields: ['id'] })
  })

  test('too large a body is refused, naming the limit', async () => {
    const refusal = await refused(...post({ user: { email, displayName: 'x'.repeat(1.5 * mebibyte) } }))
    expect(refusal).toMatchObject({ status: 413, code: 'ResourceExhausted' })
    expect(refusal.message).toMatch(/MiB|bytes/)
  })

  test('too large a header is refused', async () => {
    const refusal = await refused('/api/v1/users', { headers: { 'x-large': 'x'.repeat(60_000) } })
    expect(refusal.status).toBe(431)
    expect(refusal.message).toMatch(/header/i)
  })

  test.each(['/api/v1/nonsense', '/api/v2/users', '/api/', '/api/v1/users/me/nonsense'])(
    'no method is at %s',
    async path => {
      const refusal = await refused(path)
      expect(refusal).toMatchObject({ status: 404, reason: 'NOT_FOUND' })
      expect(refusal.message).toMatch(/openapi\.json/)
    },
  )

  test.each([
    ['PUT', '/api/v1/users', 'GET, POST'],
    ['DELETE', '/api/v1/auth/login', 'POST'],
    ['GET', '/api/v1/auth/login', 'POST'],
    ['POST', '/api/v1/users/me', 'GET, PATCH'],
    ['POST', '/health', 'GET, HEAD'],
  ])('%s %s is refused, naming what is allowed', async (method, path, allow) => {
    const refusal = await refused(path, { method, headers: { 'content-length': '0' } })
    expect(refusal).toMatchObject({ status: 405 })
    expect(refusal.answer.headers.allow).toContain(allow.split(', ')[0])
    for (const verb of allow.split(', ')) expect(refusal.answer.headers.allow?.split(', ')).toContain(verb)
    expect(refusal.message).toContain(allow.split(', ')[0])
  })

  test('a path that cannot be decoded is refused', async () => {
    expect((await refused('/api/v1/users/%zz')).status).toBe(400)
  })

  test('a body that calls itself something else is refused, or read as the JSON it is', async () => {
    const answer = await send(mesh.url, '/api/v1/users', {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      token: await admin(),
      body: JSON.stringify({ user: { email: 'no address' } }),
    })
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(answer.headers['content-type']).toBe('application/json')
  })
})

const callers: [string, (path: string, message: Uint8Array) => Promise<Buffer>][] = [
  ['gRPC', async (path, message) => callBytes(mesh.url, path, message, { authorization: `Bearer ${await admin()}` })],
  ['gRPC-Web', async (path, message) => callWebBytes(mesh.url, path, message, await admin())],
]

describe.each(callers)('over %s', (_, call) => {
  test.each([
    ['bytes that are no message', [0x0a, 0xff, 0xff]],
    ['a text that is no UTF-8', [0x0a, 0x02, 0xff, 0xfe]],
    ['a number for a text', [0x08, 0x01]],
    ['nothing', []],
  ])('%s is refused', async (_, bytes) => {
    const refusal = await refusalOf(call(`${service}/GetUser`, Uint8Array.from(bytes)))
    expect(refusal).toMatchObject({ code: 'InvalidArgument', reason: 'INVALID_FIELD' })
  })

  test('too large a message is refused', async () => {
    const large = Buffer.alloc(1.5 * mebibyte, 'x')
    // Field 2, `filter`... any field will do: the size is looked at first.
    const refusal = await refusalOf(call(`${service}/ListUsers`, large))
    expect(refusal.code).toBe('ResourceExhausted')
    expect(refusal.message).toMatch(/MiB|bytes|larger/)
  })

  test.each([`${service}/Nonsense`, '/site11.users.v1.Nonsense/GetUser', '/nonsense'])(
    'no method is at %s',
    async path => {
      const refusal = await refusalOf(call(path, new Uint8Array()))
      expect(refusal.code).toBe('Unimplemented')
      expect(refusal.message).toMatch(/method/)
    },
  )

  test('methods for services are as unknown as those that do not exist', async () => {
    const internal = await refusalOf(call(`${service}/VerifyPassword`, new Uint8Array()))
    expect(internal).toEqual(await refusalOf(call(`${service}/Nonsense`, new Uint8Array())))
  })
})

test('no refusal is HTML, names the proxy’s or the store’s inner life, or has gRPC’s headers', async () => {
  const answers: Answer[] = await Promise.all([
    send(mesh.url, '/api/v1/users'),
    send(mesh.url, '/api/v1/nonsense'),
    send(mesh.url, '/api/v1/users/nonsense', { token: await admin() }),
    send(mesh.url, '/api/v1/users?filter=x+y', { token: await admin() }),
  ])
  for (const { headers, text } of answers) {
    expect(headers['content-type']).toBe('application/json')
    expect(Object.keys(headers).filter(name => /^(grpc-|x-envoy-)/.test(name))).toEqual([])
    expect(text).not.toMatch(/<html|envoy|mongo|stack/i)
    expect(JSON.parse(text).details[0]).toMatchObject({
      '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
      domain: 'site11',
    })
  }
})
