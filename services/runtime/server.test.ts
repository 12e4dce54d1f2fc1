import { type Client, type ServiceError as GrpcError, Metadata, status } from '@grpc/grpc-js'
import { Status } from '@site11/proto/grpc/google/rpc/status.ts'
import { User } from '@site11/proto/grpc/site11/users/v1/user.ts'
import { CreateUserRequest, UsersServiceService } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Handlers } from './call.ts'
import { authenticateWith, createVerifier } from './caller.ts'
import { detailsOf, notFound } from './errors.ts'
import { addService, closeServer, createServer, listen } from './server.ts'
import { clientTo, testService } from './test-identity.ts'
import { createTestTokens, type TestTokens } from './test-tokens.ts'

type UsersHandlers = Handlers<typeof UsersServiceService>
const id = '0190b0b8-5f2c-7cc0-8f0a-2f9a4f6f9b11'
const server = createServer()
let handlers: Partial<UsersHandlers> = {}
let tokens: TestTokens
/** What was logged. */
let lines: Record<string, unknown>[] = []
let clients: Record<'edge' | 'console' | 'images', Client>

/** A server whose handlers each test sets for itself. */
beforeAll(async () => {
  tokens = await createTestTokens()
  const verifier = createVerifier()
  verifier.setKeys(tokens.keys)
  const all = Object.fromEntries(
    Object.keys(UsersServiceService).map(name => [
      name,
      (request: never, call: never) => {
        const handler = handlers[name as keyof UsersHandlers] as ((request: never, call: never) => unknown) | undefined
        if (!handler) throw new Error(`the test sets no handler for ${name}`)
        return handler(request, call)
      },
    ]),
  ) as unknown as UsersHandlers
  addService(server, UsersServiceService, all, {
    authenticate: authenticateWith(verifier),
    log: pino({ level: 'info' }, { write: line => void lines.push(JSON.parse(line)) }),
  })
  const port = await listen(server, '127.0.0.1:0', testService('users').server())
  clients = {
    edge: clientTo(`127.0.0.1:${port}`, 'users'),
    console: clientTo(`127.0.0.1:${port}`, 'users', testService('console')),
    images: clientTo(`127.0.0.1:${port}`, 'users', testService('images')),
  }
})
beforeEach(() => {
  handlers = {}
  lines = []
})
afterAll(async () => {
  for (const client of Object.values(clients)) client.close()
  await closeServer(server, 1000)
})

function call(
  name: 'getUser' | 'createUser' | 'verifyPassword' | 'deleteUser',
  request: object,
  token?: string,
  bytes?: Buffer,
  over: keyof typeof clients = 'edge',
) {
  const { path, requestSerialize, responseDeserialize } = UsersServiceService[name]
  const metadata = new Metadata()
  if (token) metadata.set('authorization', `Bearer ${token}`)
  const serialize = bytes ? () => bytes : (requestSerialize as (value: unknown) => Buffer)
  return new Promise<{ value?: unknown; error?: GrpcError; reason?: string | undefined }>(resolve => {
    clients[over].makeUnaryRequest(
      path,
      serialize,
      responseDeserialize as (b: Buffer) => unknown,
      request,
      metadata,
      (error, value) => resolve(error ? { error, reason: detailsOf(error)?.info?.reason } : { value }),
    )
  })
}

describe('what is logged', () => {
  test('of an audited call is who made it and which resource it named; of others nothing when all is well', async () => {
    handlers.getUser = async request => ({ user: User.fromPartial({ id: request.id }) })
    handlers.deleteUser = async request => ({ user: User.fromPartial({ id: request.id }) })
    const token = await tokens.access('users:read users:write')
    await call('getUser', { id }, token)
    await call('deleteUser', { id, etag: '' }, token)
    const [line, ...others] = lines
    expect(line).toMatchObject({ audit: true, method: UsersServiceService.deleteUser.path, id, msg: 'ok' })
    expect(line?.caller).toEqual(expect.stringMatching(/.+/))
    expect(others).toEqual([])
  })
})

describe('a method with a scope', () => {
  test('answers a caller whose token has it', async () => {
    handlers.getUser = async request => ({ user: User.fromPartial({ id: request.id }) })
    const { value } = await call('getUser', { id }, await tokens.access('profile users:read'))
    expect(value).toMatchObject({ user: { id } })
  })

  const refusals: [string, () => Promise<string | undefined>, number, string][] = [
    ['no token', async () => undefined, status.UNAUTHENTICATED, 'TOKEN_MISSING'],
    ['no JWT', async () => 'nonsense', status.UNAUTHENTICATED, 'TOKEN_INVALID'],
    ['a missing scope', () => tokens.access('profile'), status.PERMISSION_DENIED, 'SCOPE_MISSING'],
    ['a scope that only begins alike', () => tokens.access('users:readall'), status.PERMISSION_DENIED, 'SCOPE_MISSING'],
    [
      'an expired token',
      () => tokens.access('users:read', { expiresIn: '-1m' }),
      status.UNAUTHENTICATED,
      'TOKEN_EXPIRED',
    ],
    ['an ID token', () => tokens.access('users:read', { typ: 'JWT' }), status.UNAUTHENTICATED, 'TOKEN_INVALID'],
    [
      'another audience',
      () => tokens.access('users:read', { claims: { aud: 'elsewhere' } }),
      status.UNAUTHENTICATED,
      'TOKEN_INVALID',
    ],
    [
      'another issuer',
      () => tokens.access('users:read', { claims: { iss: 'http://evil' } }),
      status.UNAUTHENTICATED,
      'TOKEN_INVALID',
    ],
    [
      'keys of somebody else',
      async () => (await createTestTokens()).access('users:read'),
      status.UNAUTHENTICATED,
      'TOKEN_INVALID',
    ],
  ]
  test.each(refusals)('refuses %s', async (_, token, code, reason) => {
    const refused = await call('getUser', { id }, await token())
    expect([refused.error?.code, refused.reason]).toEqual([code, reason])
  })

  test('admits the services named in the contract', async () => {
    handlers.getUser = async () => ({ user: undefined })
    const token = await tokens.internal('console')
    expect((await call('getUser', { id }, token, undefined, 'console')).error).toBeUndefined()
  })

  test('refuses a service that is not named', async () => {
    const refused = await call('getUser', { id }, await tokens.internal('images'), undefined, 'images')
    expect([refused.error?.code, refused.reason]).toEqual([status.PERMISSION_DENIED, 'CALLER_NOT_ALLOWED'])
  })

  const strangers: [string, () => Promise<string>, keyof typeof clients][] = [
    ['the token of another service', () => tokens.internal('console'), 'images'],
    ['the token of a service', () => tokens.internal('console'), 'edge'],
    ['the token of a user', () => tokens.access('users:read'), 'images'],
  ]
  test.each(strangers)('refuses %s over a connection that is not the one of its holder', async (_, token, over) => {
    const refused = await call('getUser', { id }, await token(), undefined, over)
    expect([refused.error?.code, refused.reason]).toEqual([status.UNAUTHENTICATED, 'CALLER_NOT_ALLOWED'])
  })
})

test('an internal method refuses every user, whatever the scopes', async () => {
  const token = await tokens.access('users:read users:write users:admin')
  const refused = await call('verifyPassword', { email: 'a@b.kr', password: 'x' }, token)
  expect([refused.error?.code, refused.reason]).toEqual([status.PERMISSION_DENIED, 'CALLER_NOT_ALLOWED'])
})

describe('a request', () => {
  test('that breaks rules of the contract is refused with a violation for each field', async () => {
    const { error } = await call(
      'createUser',
      CreateUserRequest.fromPartial({ user: { email: 'no address', displayName: 'x'.repeat(101) }, password: 'short' }),
      await tokens.access('users:write'),
    )
    expect(error?.code).toBe(status.INVALID_ARGUMENT)
    const fields = detailsOf(error as GrpcError)?.violations.map(({ field }) => field)
    expect(fields).toEqual(['user.email', 'user.display_name', 'password'])
  })

  test('that is no valid message is refused, and the error has details', async () => {
    const refused = await call('getUser', {}, await tokens.access('users:read'), Buffer.from([0x0a, 0xff, 0xff]))
    expect([refused.error?.code, refused.reason]).toEqual([status.INVALID_ARGUMENT, 'INVALID_FIELD'])
  })

  test('that is larger than its method takes is refused, by those who may call alone', async () => {
    const large = Buffer.alloc(1024 * 1024 + 1)
    const token = await tokens.access('users:read')
    const refused = await call('getUser', {}, token, large)
    expect(refused.error?.code).toBe(status.RESOURCE_EXHAUSTED)
    expect(refused.reason).toBe('TOO_LARGE')
    expect((await call('getUser', {}, undefined, large)).error?.code).toBe(status.UNAUTHENTICATED)
  })

  test('is authorized before it is validated', async () => {
    expect((await call('getUser', { id: 'nonsense' })).error?.code).toBe(status.UNAUTHENTICATED)
  })
})

describe('an error of a handler', () => {
  test('reaches the caller with code, reason and the trace id', async () => {
    handlers.getUser = async request => {
      throw notFound('user', request.id)
    }
    const { error, reason } = await call('getUser', { id }, await tokens.access('users:read'))
    expect([error?.code, reason]).toEqual([status.NOT_FOUND, 'NOT_FOUND'])
    const bytes = error?.metadata.get('grpc-status-details-bin')[0] as Buffer
    const types = Status.decode(bytes).details.map(({ typeUrl }) => typeUrl)
    expect(types).toContain('type.googleapis.com/google.rpc.RequestInfo')
  })

  test('that was not meant for the caller tells nothing of itself', async () => {
    handlers.getUser = async () => {
      throw new Error('connection string mongodb://secret')
    }
    const { error, reason } = await call('getUser', { id }, await tokens.access('users:read'))
    expect([error?.code, reason]).toEqual([status.INTERNAL, 'INTERNAL'])
    expect(error?.details).not.toContain('secret')
  })
})

describe('a server stream', () => {
  const watch = async (metadata = new Metadata()) => {
    metadata.set('authorization', `Bearer ${await tokens.access('users:read')}`)
    const { path, requestSerialize, responseDeserialize } = UsersServiceService.watchUsers
    return clients.edge.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      { resumeToken: '' },
      metadata,
    )
  }

  test('sends what the handler yields, and its error at the end', async () => {
    handlers.watchUsers = async function* () {
      yield { type: 1, resumeToken: '1' } as const
      yield { type: 2, resumeToken: '2' } as const
      throw notFound('user', 'x')
    }
    const seen: string[] = []
    const stream = await watch()
    const error = await (async () => {
      for await (const message of stream) seen.push(message.resumeToken)
    })().catch(caught => caught)
    expect([seen, error.code]).toEqual([['1', '2'], status.NOT_FOUND])
  })

  test('tells the handler when the caller hangs up', async () => {
    let aborted: () => void = () => {}
    const gone = new Promise<void>(resolve => {
      aborted = resolve
    })
    handlers.watchUsers = async function* (_, { signal }) {
      signal.addEventListener('abort', () => aborted())
      yield { type: 1, resumeToken: 'ready' } as const
      await gone
    }
    const stream = await watch()
    stream.on('error', () => {})
    await new Promise(resolve => stream.once('data', resolve))
    stream.cancel()
    await gone
  })
})
