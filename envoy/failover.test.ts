import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createSecureServer } from 'node:http2'
import { createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { create, fromBinary, type Message, toBinary } from '@bufbuild/protobuf'
import { freePort } from '@site11/runtime/test-ports.ts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, test } from 'vitest'
import { messageType } from '../console/server/control-plane/encode.ts'
import { until } from '../console/server/control-plane/testbed.ts'
import { testAuthority } from '../services/runtime/test-identity.ts'
import { type Failover, startFailover } from './failover.ts'
import { answers } from './grpc.ts'
import { saveTrust } from './saved-fixture.ts'

const joinToken = 'the join token of the tests'
const clusters = 'type.googleapis.com/envoy.config.cluster.v3.Cluster'
const endpoints = 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment'

const saved = (name: string) => ({ name, value: Buffer.from(`${name}!`).toString('base64') })
const snapshot = {
  ...{ version: 1, nodeId: 'envoy-1', change: 7, savedAt: new Date().toISOString() },
  responses: [
    { typeUrl: clusters, versionInfo: 'c1', resources: [saved('users'), saved('console')] },
    { typeUrl: endpoints, versionInfo: 'e1', resources: [saved('users'), saved('console')] },
  ],
}

let home: string
let trustFile: string
let console: Awaited<ReturnType<typeof startConsole>> | undefined
let consolePort: number
let failover: Failover
let said: string[]
let close: (() => void)[]

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'site11-failover-'))
  trustFile = saveTrust(home)
  consolePort = await freePort()
})
afterAll(() => rmSync(home, { recursive: true }))

beforeEach(async () => {
  save(JSON.stringify(snapshot))
  said = []
  close = []
  failover = await startFailover({
    listen: { host: '127.0.0.1', port: 0 },
    console: { host: '127.0.0.1', port: consolePort },
    joinToken,
    home,
    trustFile,
    log: (level, message) => said.push(`${level} ${message}`),
  })
})
afterEach(async () => {
  for (const each of close) each()
  await failover.close()
  console?.close()
  console = undefined
})

const save = (text: string) => writeFileSync(join(home, 'envoy/envoy-1.snapshot.json'), text)

/** A gRPC server that knows no method. */
async function startConsole() {
  const { certificateChain: cert, privateKey: key } = testAuthority.certificate({ service: 'console', instance: 'c' })
  const server = createSecureServer({ cert, key })
  server.on('stream', stream => stream.respond({ ':status': 200, 'grpc-status': 12 }, { endStream: true }))
  server.listen(consolePort, '127.0.0.1')
  await once(server, 'listening')
  return server
}

type Response = Message & { typeUrl: string; nonce: string; resources: { value: Uint8Array; name?: string }[] }

/** A proxy's side of a stream. */
function open({ variant = 'Stream', token = joinToken, path = '' } = {}) {
  const service = '/envoy.service.discovery.v3.AggregatedDiscoveryService'
  const prefix = variant === 'Stream' ? '' : 'Delta'
  const session = connect(`https://127.0.0.1:${failover.port}`, {
    ca: testAuthority.bundle,
    servername: 'failover',
    checkServerIdentity: () => undefined,
  })
  const stream = session.request({
    ':method': 'POST',
    ':path': path || `${service}/${variant}AggregatedResources`,
    'content-type': 'application/grpc',
    'x-site11-join-token': token,
  })
  close.push(() => session.destroy())
  const responses: Response[] = []
  let ended: { code: number; message: string } | undefined
  let bytes: Buffer = Buffer.alloc(0)
  const takeStatus = (headers: Record<string, unknown>) => {
    if (headers['grpc-status'] === undefined) return
    ended = { code: Number(headers['grpc-status']), message: decodeURIComponent(String(headers['grpc-message'])) }
  }
  stream.on('response', takeStatus)
  stream.on('trailers', takeStatus)
  stream.on('error', () => {})
  stream.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk])
    while (bytes.length >= 5 && bytes.length >= 5 + bytes.readUInt32BE(1)) {
      const end = 5 + bytes.readUInt32BE(1)
      const type = messageType(`envoy.service.discovery.v3.${prefix}DiscoveryResponse`)
      responses.push(fromBinary(type, bytes.subarray(5, end)) as Response)
      bytes = bytes.subarray(end)
    }
  })
  const requestType = messageType(`envoy.service.discovery.v3.${prefix}DiscoveryRequest`)
  const raw = (message: Uint8Array, flag = 0, length = message.length) => {
    const head = Buffer.alloc(5)
    head.writeUInt8(flag)
    head.writeUInt32BE(length, 1)
    stream.write(Buffer.concat([head, message]))
  }
  return {
    raw,
    send: (request: Record<string, unknown>) => raw(toBinary(requestType, create(requestType, request))),
    response: (count: number) => until(`response ${count}`, () => responses[count - 1]),
    responses,
    end: () => until('the end of the stream', () => ended),
    halfClose: () => stream.end(),
  }
}

const node = { id: 'envoy-1' }
const textsOf = (response: Response) => response.resources.map(({ value }) => Buffer.from(value).toString())

describe('a proxy that starts while the Console is away', () => {
  it('gets what it has accepted last: everything of a type, or what it names, each resource once', async () => {
    const proxy = open()
    proxy.send({ node, typeUrl: clusters })
    const first = await proxy.response(1)
    expect(first).toMatchObject({ typeUrl: clusters, versionInfo: 'c1' })
    expect(textsOf(first)).toEqual(['users!', 'console!'])
    proxy.send({ typeUrl: clusters, versionInfo: 'c1', responseNonce: first.nonce })
    proxy.send({ typeUrl: endpoints, resourceNames: ['users'] })
    expect(textsOf(await proxy.response(2))).toEqual(['users!'])
    proxy.send({ typeUrl: endpoints, resourceNames: ['users'], versionInfo: 'e1', responseNonce: '2' })
    proxy.send({ typeUrl: 'of/another.Type' })
    proxy.send({ typeUrl: endpoints, resourceNames: ['users', 'console', 'unknown'], responseNonce: '2' })
    expect(textsOf(await proxy.response(3))).toEqual(['console!'])
    expect(proxy.responses.map(({ nonce }) => nonce)).toEqual(['1', '2', '3'])
  })

  it('gets it in the delta variant, too', async () => {
    const proxy = open({ variant: 'Delta' })
    proxy.send({ node, typeUrl: clusters })
    const first = await proxy.response(1)
    expect(first).toMatchObject({ systemVersionInfo: 'c1', resources: [{ name: 'users' }, { name: 'console' }] })
    proxy.send({ typeUrl: clusters, responseNonce: first.nonce })
    proxy.send({ typeUrl: endpoints, resourceNamesSubscribe: ['users'] })
    proxy.send({ typeUrl: endpoints, resourceNamesSubscribe: ['console'] })
    expect((await proxy.response(3)).resources).toMatchObject([{ name: 'console' }])
  })

  it('gets the rest although it refuses a part, and that is said', async () => {
    const proxy = open()
    proxy.send({ node, typeUrl: clusters })
    await proxy.response(1)
    proxy.send({ typeUrl: clusters, responseNonce: '1', errorDetail: { message: 'no' } })
    proxy.send({ typeUrl: endpoints, resourceNames: ['users'] })
    await proxy.response(2)
    expect(said).toContainEqual(expect.stringMatching(/^warn envoy-1 refuses.*Cluster/))
  })

  it('is sent to the Console as soon as that answers, and not before', async () => {
    const frozen = createTcpServer().listen(consolePort, '127.0.0.1')
    const proxy = open()
    proxy.send({ node, typeUrl: clusters })
    await proxy.response(1)
    frozen.close()
    await expect(answers({ host: '127.0.0.1', port: consolePort }, trustFile)).resolves.toBe(false)
    console = await startConsole()
    expect(await proxy.end()).toMatchObject({ code: 0 })
  })

  it('ends its stream when it wants to', async () => {
    const proxy = open()
    proxy.send({ node, typeUrl: clusters })
    await proxy.response(1)
    proxy.halfClose()
    expect(await proxy.end()).toMatchObject({ code: 0 })
  })
})

describe('refused are', () => {
  it('callers without the join token', async () => {
    for (const token of ['', 'another']) expect(await open({ token }).end()).toMatchObject({ code: 16 })
  })

  it('other methods', async () => {
    expect(await open({ path: '/grpc.health.v1.Health/Check' }).end()).toMatchObject({ code: 12 })
  })

  it('proxies of which nothing is saved, with one line in the log', async () => {
    for (let attempt = 0; attempt < 3; attempt++) {
      const proxy = open()
      proxy.send({ node: { id: 'envoy-9' }, typeUrl: clusters })
      expect(await proxy.end()).toMatchObject({ code: 14, message: expect.stringContaining('nothing is saved') })
    }
    expect(said).toHaveLength(1)
  })

  it.each(['', '../envoy-1', 'envoy/envoy-1', '.', 'x'.repeat(200)])('the node id %j', async id => {
    const proxy = open()
    proxy.send({ node: { id }, typeUrl: clusters })
    expect(await proxy.end()).toMatchObject({ code: 14, message: expect.stringContaining('node id') })
  })

  it.each(['', '{', '[]', 'null', '{"version":2,"responses":[]}', '{"version":1,"responses":[{"typeUrl":1}]}'])(
    'files that are damaged: %s',
    async text => {
      save(text)
      const proxy = open()
      proxy.send({ node, typeUrl: clusters })
      expect(await proxy.end()).toMatchObject({ code: 14, message: expect.stringContaining('is damaged') })
    },
  )

  it('bytes that are no message', async () => {
    const proxy = open()
    proxy.raw(Buffer.from([0xff]))
    expect(await proxy.end()).toMatchObject({ code: 14 })
  })

  it('compressed and enormous messages', async () => {
    const compressed = open()
    compressed.raw(Buffer.alloc(10), 1)
    expect(await compressed.end()).toMatchObject({ code: 12 })
    const enormous = open()
    enormous.raw(Buffer.alloc(10), 0, 2 ** 31)
    expect(await enormous.end()).toMatchObject({ code: 8 })
  })
})

test('as a command it names everything that is missing', async () => {
  const run = promisify(execFile)(process.execPath, [join(import.meta.dirname, 'failover.ts')], { env: {} })
  await expect(run).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/LISTEN.*CONSOLE.*JOIN_TOKEN.*HOME/s),
  })
})
