import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from 'node:http2'
import { gzipSync } from 'node:zlib'
import { status } from '@grpc/grpc-js'
import { User } from '@site11/proto/grpc/site11/users/v1/user.ts'
import {
  GetUserRequest,
  GetUserResponse,
  UsersServiceService,
} from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import fc from 'fast-check'
import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Call, Handlers } from './call.ts'
import { addService, closeServer, createServer, listen } from './server.ts'
import { testAuthority, testService } from './test-identity.ts'

const id = '0190b0b8-5f2c-7cc0-8f0a-2f9a4f6f9b11'
const path = UsersServiceService.getUser.path
const server = createServer()
let session: ClientHttp2Session
let getUser: (request: GetUserRequest, call: Call) => Promise<GetUserResponse>

/** Answers with the id and the name of the calling service. */
const echo = async (request: GetUserRequest, call: Call) => ({
  user: User.fromPartial({ id: request.id, displayName: call.caller.kind === 'service' ? call.caller.service : '' }),
})

beforeAll(async () => {
  const handlers = new Proxy({} as Handlers<typeof UsersServiceService>, {
    get: (_, name) => (name === 'getUser' ? (request: GetUserRequest, call: Call) => getUser(request, call) : () => {}),
  })
  addService(server, UsersServiceService, handlers, {
    authenticate: metadata => ({ kind: 'service', service: String(metadata.get('x-caller')[0] ?? 'console') }),
    log: pino({ enabled: false }),
  })
  const port = await listen(server, '127.0.0.1:0', testService('users').server())
  const { certificateChain: cert, privateKey: key } = testAuthority.certificate({ proxy: 'edge-1' })
  session = connect(`https://127.0.0.1:${port}`, {
    cert,
    key,
    ca: testAuthority.bundle,
    checkServerIdentity: () => undefined,
  })
})
beforeEach(() => {
  getUser = echo
})
afterAll(async () => {
  session.close()
  await closeServer(server, 1000)
})

const framed = (message: Uint8Array, compressed = 0) => {
  const prefix = Buffer.alloc(5, compressed)
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}
const request = framed(GetUserRequest.encode({ id }).finish())

interface Answer {
  headers: IncomingHttpHeaders
  status: number
  user?: User | undefined
}

/** Sends the chunks one after the other and gives what came back. */
function send(chunks: Uint8Array[], headers: Record<string, string> = {}): Promise<Answer> {
  const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', ...headers })
  for (const chunk of chunks) stream.write(chunk)
  stream.end()
  return answerOf(stream)
}

function answerOf(stream: ReturnType<ClientHttp2Session['request']>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let found: IncomingHttpHeaders = {}
    const received: Buffer[] = []
    stream.on('response', headers => (found = headers))
    stream.on('trailers', trailers => (found = { ...found, ...trailers }))
    stream.on('data', chunk => received.push(chunk))
    stream.on('error', reject)
    stream.on('close', () => {
      const bytes = Buffer.concat(received)
      const user = bytes.length > 0 ? GetUserResponse.decode(bytes.subarray(5)).user : undefined
      resolve({ headers: found, status: Number(found['grpc-status']), user })
    })
  })
}

test('a unary call is answered without grpc-js, and a compressed one by it', async () => {
  const plain = await send([request])
  expect([plain.status, plain.user?.id]).toEqual([status.OK, id])
  const zipped = framed(gzipSync(GetUserRequest.encode({ id }).finish()), 1)
  const compressed = await send([zipped], { 'grpc-encoding': 'gzip' })
  expect([compressed.status, compressed.user?.id]).toEqual([status.OK, id])
  // grpc-js says this with each response. Were it there with both, grpc-js would have lost the place to sit in.
  expect(plain.headers['grpc-accept-encoding']).toBeUndefined()
  expect(compressed.headers['grpc-accept-encoding']).toBeDefined()
})

test('a request is understood however it is cut into chunks', async () => {
  const cuts = fc.uniqueArray(fc.integer({ min: 1, max: request.length - 1 }), { maxLength: 6 })
  await fc.assert(
    fc.asyncProperty(cuts, async at => {
      const ends = [...at.sort((a, b) => a - b), request.length]
      const { status: code, user } = await send(ends.map((end, index) => request.subarray(ends[index - 1] ?? 0, end)))
      expect([code, user?.id]).toEqual([status.OK, id])
    }),
    { numRuns: 50 },
  )
})

test.each([
  ['nothing', [], {}, status.INTERNAL],
  ['less than a prefix', [request.subarray(0, 3)], {}, status.INTERNAL],
  ['less than the message', [request.subarray(0, -1)], {}, status.INTERNAL],
  ['more than one message', [request, request], {}, status.INTERNAL],
  ['a compressed message without its encoding', [framed(Buffer.from('x'), 1)], {}, status.INTERNAL],
  ['a timeout that is none', [request], { 'grpc-timeout': 'soon' }, status.INTERNAL],
  ['more than a message may have', [framed(Buffer.alloc(4 * 1024 * 1024 + 1))], {}, status.RESOURCE_EXHAUSTED],
  ['what is no such message', [framed(Buffer.from([0xff, 0xff]))], {}, status.INVALID_ARGUMENT],
  [
    'what breaks a rule of the contract',
    [framed(GetUserRequest.encode({ id: 'x' }).finish())],
    {},
    status.INVALID_ARGUMENT,
  ],
])('%s is refused, and the next call answered', async (_, chunks, headers, code) => {
  expect((await send(chunks, headers)).status).toBe(code)
  expect((await send([request])).status).toBe(status.OK)
})

test('a handler sees the headers of the request and sets those of the response', async () => {
  getUser = async (message, call) => {
    call.setHeader('x-set', [...call.metadata.get('x-raw-bin'), ...call.metadata.get('X-None')].join())
    return echo(message, call)
  }
  const { headers, user } = await send([request], { 'x-caller': 'console', 'x-raw-bin': btoa('raw') })
  expect([user?.displayName, headers['x-set']]).toEqual(['console', 'raw'])
})

test('a caller that may not call is refused', async () => {
  expect((await send([request], { 'x-caller': 'images' })).status).toBe(status.PERMISSION_DENIED)
})

test('a call that takes longer than its timeout is ended, and its handler told', async () => {
  let aborted: Promise<unknown> | undefined
  getUser = (_, { signal }) => {
    aborted = new Promise(resolve => signal.addEventListener('abort', resolve))
    return new Promise(() => {})
  }
  expect((await send([request], { 'grpc-timeout': '20m' })).status).toBe(status.DEADLINE_EXCEEDED)
  await aborted
})

test('a handler is told when the caller hangs up', async () => {
  const begun = Promise.withResolvers<AbortSignal>()
  getUser = (_, { signal }) => {
    begun.resolve(signal)
    return new Promise(() => {})
  }
  const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc' })
  stream.on('error', () => {})
  stream.end(request)
  const signal = await begun.promise
  const aborted = new Promise(resolve => signal.addEventListener('abort', resolve))
  stream.close()
  await aborted
})

// The last one: it stops the server.
test('an answer that its caller takes slowly is sent whole before a server that stops is gone', async () => {
  const displayName = 'x'.repeat(3 * 1024 * 1024)
  getUser = async () => ({ user: User.fromPartial({ id, displayName }) })
  const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc' })
  stream.end(request)
  let closed: Promise<void> | undefined
  stream.on('response', () => {
    closed = closeServer(server, 20_000)
  })
  let received = 0
  stream.on('data', (chunk: Buffer) => {
    received += chunk.length
    if (received > displayName.length / 2) return
    stream.pause()
    setTimeout(() => stream.resume(), 5)
  })
  const { status: code, user } = await answerOf(stream)
  expect([code, user?.displayName.length]).toEqual([status.OK, displayName.length])
  await closed
})
