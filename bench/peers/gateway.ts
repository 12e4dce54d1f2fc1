/** Peer: a gateway as is usual in Node. It checks the token and hands the request on over kept-alive connections (undici). */
import fastify, { type FastifyReply, type FastifyRequest } from 'fastify'
import { Pool } from 'undici'
import { listenAndTell, required, tokenCheckFromEnvironment } from './config.ts'
import type { Scope } from './token.ts'

const check = tokenCheckFromEnvironment()
const upstream = new Pool(required('BENCH_UPSTREAM'), { connections: 64 })
const app = fastify()

// Bodies pass through as they are.
app.removeAllContentTypeParsers()
app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))

const forward = (scope: Scope) => async (request: FastifyRequest, reply: FastifyReply) => {
  const { authorization } = request.headers
  await check(authorization, scope)
  const response = await upstream.request({
    method: request.method as 'GET' | 'POST',
    path: request.url,
    headers: {
      authorization,
      'x-request-id': request.headers['x-request-id'],
      ...(request.body ? { 'content-type': 'application/json' } : {}),
    },
    body: request.body as Buffer | undefined,
  })
  reply.code(response.statusCode).header('content-type', response.headers['content-type'])
  return Buffer.from(await response.body.arrayBuffer())
}

app.get('/api/v1/users/:id', forward('users:read'))
app.get('/api/v1/users', forward('users:read'))
app.post('/api/v1/users', forward('users:write'))

await listenAndTell(app)
