import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import { createLog } from '@site11/runtime/log.ts'
import { startTracing } from '@site11/runtime/telemetry/tracing.ts'
import { clientOf, list, startInstance, type TestInstance, userNamed } from '@site11/runtime/test-service.ts'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type Authority, createAuthority } from '../ca/x509.ts'
import { hostCertificate } from './certificate-fixture.ts'
import { type Edge, startEdge } from './edge-fixture.ts'
import { consoleContract, instance, until, usersContract } from './testbed.ts'
import type { Tracing } from './tracing.ts'

interface Span {
  traceId: string
  spanId: string
  parent: string
  name: string
  kind: 'server' | 'client' | 'other'
}

const spans: Span[] = []
const secrets = new Set<unknown>()
const receive: RequestListener = (request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    secrets.add(request.headers['x-key'])
    spans.push(...spansIn(Buffer.concat(chunks)))
    response.writeHead(request.url === '/v1/traces' ? 200 : 404).end()
  })
}
const receiver = createServer(receive)

/** The fields of a message by their numbers: bytes for what is a message or text, else numbers. */
function fieldsOf(bytes: Uint8Array): Map<number, (Uint8Array | number)[]> {
  const reader = new BinaryReader(bytes)
  const fields = new Map<number, (Uint8Array | number)[]>()
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag()
    const values = fields.get(number) ?? []
    fields.set(number, values)
    if (type === WireType.LengthDelimited) values.push(reader.bytes())
    else if (type === WireType.Varint) values.push(Number(reader.uint64()))
    else reader.skip(type, number)
  }
  return fields
}

/** Of opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest. */
function spansIn(request: Uint8Array): Span[] {
  const within = (messages: Uint8Array[], number: number) =>
    messages.flatMap(message => (fieldsOf(message).get(number) ?? []).filter(each => typeof each !== 'number'))
  return within(within(within([request], 1), 2), 2).map(bytes => {
    const fields = fieldsOf(bytes)
    const hex = (number: number) => Buffer.from((fields.get(number)?.[0] ?? []) as Uint8Array).toString('hex')
    const kind = ({ 2: 'server', 3: 'client' } as const)[Number(fields.get(6)?.[0])] ?? 'other'
    const name = Buffer.from((fields.get(5)?.[0] ?? []) as Uint8Array).toString()
    return { traceId: hex(1), spanId: hex(2), parent: hex(4), name, kind }
  })
}

let edge: Edge
let outer: TestInstance
let inner: TestInstance
let startTraced: (change?: Partial<Tracing>) => Promise<Edge>
const inside = clientOf('inner')
beforeAll(async () => {
  await once(receiver.listen(0, '127.0.0.1'), 'listening')
  const { port } = receiver.address() as AddressInfo
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', `http://127.0.0.1:${port}`)
  vi.stubEnv('OTEL_EXPORTER_OTLP_HEADERS', 'x-key=secret')
  const stopTracing = await startTracing({
    service: 'users',
    instance: 'users-1',
    version: '1',
    log: createLog('test', 'silent'),
  })
  inner = await startInstance({ getUser: async ({ id }) => userNamed(id) })
  list('inner', inner)
  outer = await startInstance({ getUser: (request, call) => inside.getUser(request, { call }) })
  const users = instance('users-1', Number(outer.address.split(':')[1]))
  const services = [
    { name: 'users', contract: usersContract, instances: [users] },
    { name: 'console', contract: consoleContract, instances: [] },
  ]
  startTraced = async change => {
    const tracing: Tracing = {
      host: '127.0.0.1',
      port,
      tls: false,
      path: '/v1/traces',
      headers: [['x-key', 'secret']],
      share: 1,
      ...change,
    }
    const started = await startEdge({}, { tracing })
    await started.publish({ tracing, services })
    return started
  }
  edge = await startTraced()
  return async () => {
    await stopTracing()
    vi.unstubAllEnvs()
  }
})
afterAll(async () => {
  await edge.stop()
  inside.close()
  for (const each of [outer, inner]) each.stop()
  receiver.close()
})

const ask = async (traceparent?: string) => {
  const headers: Record<string, string> = traceparent ? { traceparent } : {}
  expect((await edge.rest(`/api/v1/users/${randomUUID()}`, { token: edge.reader, headers })).status).toBe(200)
}
const traceOf = (traceId: string) => spans.filter(span => span.traceId === traceId)
const whole = async (traceId: string, count = 4) => {
  // Envoy sends its spans when there are five, or after five seconds.
  for (let time = 0; time < 5; time++) await ask()
  return until('the spans of the trace', async () => (traceOf(traceId).length >= count ? traceOf(traceId) : undefined))
}
const spanBelow = (of: Span[], parent: string | undefined) => of.find(span => span.parent === parent)

/** From the edge to the second service, each under the one before. */
function expectChain(of: Span[], parent: string) {
  const atEdge = spanBelow(of, parent)
  const served = spanBelow(of, atEdge?.spanId)
  const called = spanBelow(of, served?.spanId)
  const servedInside = spanBelow(of, called?.spanId)
  const method = 'site11.users.v1.UsersService/GetUser'
  expect([atEdge?.kind, served, called, servedInside]).toMatchObject([
    'server',
    { kind: 'server', name: method },
    { kind: 'client', name: method },
    { kind: 'server', name: method },
  ])
  expect(of).toHaveLength(4)
}

test('the trace of a caller goes on through the edge and from service to service', async () => {
  const [traceId, parent] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331']
  await ask(`00-${traceId}-${parent}-01`)
  expect(outer.calls.at(-1)?.traceId).toBe(traceId)
  expectChain(await whole(traceId), parent)
  expect(secrets).toEqual(new Set(['secret']))
})

test('without one, the edge begins a trace', async () => {
  await ask()
  const traceId = inner.calls.at(-1)?.traceId ?? ''
  expect(traceId).toMatch(/^[0-9a-f]{32}$/)
  expectChain(await whole(traceId), '')
})

test('with a header that means nothing, which Envoy passes on, the first service begins a trace', async () => {
  await ask('00-nonsense-01')
  const traceId = inner.calls.at(-1)?.traceId ?? ''
  const [root, ...others] = (await whole(traceId, 3)).sort((a, b) => a.parent.length - b.parent.length)
  expect([root, others]).toMatchObject([{ parent: '', kind: 'server' }, [{ traceId }, { traceId }]])
})

test('what a caller does not want to be kept is not sent, and has its trace id all the same', async () => {
  const traceId = '1af7651916cd43dd8448eb211c80319c'
  await ask(`00-${traceId}-b7ad6b7169203331-00`)
  expect(inner.calls.at(-1)?.trace).toMatchObject({ traceId, sampled: false })
  await ask()
  await whole(inner.calls.at(-1)?.traceId ?? '')
  expect(traceOf(traceId)).toEqual([])
})

test('a caller can have its requests kept no more often than others, whatever it sends along', async () => {
  const half = await startTraced({ share: 0.5 })
  try {
    const [traceId, parent] = [randomUUID().replaceAll('-', ''), 'b7ad6b7169203331']
    const kept = async (traceparent: string) => {
      const headers = {
        traceparent,
        'x-client-trace-id': 'mine',
        'x-envoy-force-trace': 'true',
        'x-envoy-internal': 'true',
        // The ninth that Envoy would write where tracing was forced.
        'x-request-id': 'a6b1b1b1-1111-9111-8111-111111111111',
      }
      const { status } = await half.rest(`/api/v1/users/${randomUUID()}`, { token: half.reader, headers })
      expect([status, inner.calls.at(-1)?.traceId]).toEqual([200, traceId])
      return inner.calls.at(-1)?.trace.sampled
    }
    const wanted = []
    for (let time = 0; time < 60; time++) wanted.push(await kept(`00-${traceId}-${parent}-01`))
    expect(new Set(wanted)).toEqual(new Set([true, false]))
    // What Envoy does not read it passes on.
    for (let time = 0; time < 3; time++) expect(await kept(`cc-${traceId}-${parent}-01-more`)).toBe(false)
  } finally {
    await half.stop()
  }
})

test('spans go over TLS to who shows a certificate of the authorities that are named, and to nobody else', async () => {
  const validity = { from: new Date(Date.now() - 60_000), until: new Date(Date.now() + 3_600_000) }
  const [known, unknown] = ['known', 'unknown'].map(name => createAuthority(name, validity)) as [Authority, Authority]
  const secure = createSecureServer(hostCertificate(known, 'known', 'localhost'), receive)
  await once(secure.listen(0, '127.0.0.1'), 'listening')
  const { port } = secure.address() as AddressInfo
  /** Makes requests until the condition holds. @returns what it is then. */
  const tracedTo = async <T>(authorities: string, found: (traceId: string) => T | undefined) => {
    const traced = await startTraced({ host: 'localhost', port, tls: true, authorities })
    const traceId = randomUUID().replaceAll('-', '')
    const headers = { traceparent: `00-${traceId}-b7ad6b7169203331-01` }
    try {
      return await until('the edge has tried', async () => {
        await traced.rest(`/api/v1/users/${randomUUID()}`, { token: traced.reader, headers })
        return found(traceId)
      })
    } finally {
      await traced.stop()
    }
  }
  const ofEdge = (traceId: string) => traceOf(traceId).find(({ parent }) => parent === 'b7ad6b7169203331')
  let refused = ''
  secure.on('tlsClientError', ({ code = '' }: NodeJS.ErrnoException) => {
    refused = code
  })
  try {
    expect(await tracedTo(known.certificate, ofEdge)).toMatchObject({ kind: 'server' })
    expect(refused).toBe('')
    let traceId = ''
    await tracedTo(unknown.certificate, id => {
      traceId = id
      return refused || undefined
    })
    expect([refused, ofEdge(traceId)]).toEqual([expect.stringContaining('UNKNOWN_CA'), undefined])
  } finally {
    secure.closeAllConnections()
    secure.close()
  }
})

test('a receiver that is away costs no request', async () => {
  receiver.close()
  receiver.closeAllConnections()
  for (let time = 0; time < 5; time++) await ask()
})
