import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLog } from '@site11/runtime/log.ts'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { HealthReport } from '../health/report.ts'
import { type HttpOptions, httpServer } from './server.ts'
import { staticFiles } from './static.ts'

const jwks = { keys: [{ kty: 'EC', kid: 'k1' }] }
const healthy: HealthReport = {
  status: 'healthy',
  services: [],
  dependencies: [],
  proxies: [],
  problems: [],
  checkedAt: new Date(0),
}
let report: HealthReport | undefined
let live = true
let folder: string
let dist: string
let port: number
let server: ReturnType<typeof httpServer>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'site11-http-'))
  dist = join(folder, 'dist')
  const options: HttpOptions = {
    live: () => live,
    health: () => report,
    jwks: () => (live ? jwks : undefined),
    openapi: () => (live ? { openapi: '3.1.0' } : undefined),
    descriptors: () =>
      live
        ? {
            body: Buffer.from([10, 0]),
            encoded: [],
            type: 'application/x-protobuf',
            etag: '"1"',
            immutable: false,
          }
        : undefined,
    metrics: () => undefined,
    files: staticFiles(dist),
    log: createLog('test', 'silent'),
  }
  server = httpServer(options)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  port = (server.address() as AddressInfo).port
})
beforeEach(() => {
  live = true
  report = healthy
})
afterAll(async () => {
  server.close()
  await rm(folder, { recursive: true })
})

async function build() {
  await mkdir(join(dist, 'assets'), { recursive: true })
  await writeFile(join(dist, 'assets/app-1a2b.js'), `console.log('${'x'.repeat(5000)}')`)
  await writeFile(join(dist, 'favicon.svg'), '<svg/>')
  await writeFile(join(dist, 'index.html'), '<!doctype html><title>the dashboard</title>')
  await writeFile(join(folder, 'secret.txt'), 'secret')
}

interface Answer {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: string
}

/** Not fetch, which mends paths before it sends them. */
function get(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request({ port, path, headers, method, host: '127.0.0.1' }, response => {
      let body = ''
      response.setEncoding('utf8').on('data', chunk => {
        body += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }))
    })
      .on('error', reject)
      .end()
  })
}
const html = { accept: 'text/html,application/xhtml+xml' }

describe('without a build', () => {
  test('the page says what to do', async () => {
    const { status, headers, body } = await get('/', html)
    expect(status).toBe(503)
    expect(headers['content-type']).toContain('text/html')
    expect(body).toContain('npm start')
  })
})

describe('machines', () => {
  test('see whether the Console is up', async () => {
    expect((await get('/live')).status).toBe(200)
    live = false
    expect((await get('/live')).status).toBe(503)
  })

  test.each(['healthy', 'degraded', 'failing'] as const)('see in the code that the mesh is %s', async status => {
    report = { ...healthy, status }
    const answer = await get('/health')
    expect(answer.status).toBe(status === 'healthy' ? 200 : 503)
    expect(JSON.parse(answer.body)).toMatchObject({ status })
    expect(answer.headers['cache-control']).toBe('no-store')
  })

  test('see a failing mesh while the Console starts', async () => {
    report = undefined
    const { status, body } = await get('/health')
    expect([status, JSON.parse(body).status]).toEqual([503, 'failing'])
  })

  test('get the keys, for a minute', async () => {
    const { status, headers, body } = await get('/.well-known/jwks.json?v=1')
    expect(status).toBe(200)
    expect(headers['cache-control']).toBe('public, max-age=60')
    expect(JSON.parse(body)).toEqual(jwks)
    live = false
    expect((await get('/.well-known/jwks.json')).status).toBe(503)
  })

  test('get the contracts, and are told when they have them already', async () => {
    const { status, headers } = await get('/descriptors.binpb')
    expect([status, headers['content-type']]).toEqual([200, 'application/x-protobuf'])
    expect((await get('/descriptors.binpb', { 'if-none-match': String(headers.etag) })).status).toBe(304)
    live = false
    expect((await get('/descriptors.binpb')).status).toBe(503)
  })

  test('get headers without a body when they ask for them', async () => {
    for (const path of ['/live', '/health', '/.well-known/jwks.json']) {
      const head = await get(path, {}, 'HEAD')
      expect([head.status, head.body]).toEqual([200, ''])
      expect(Number(head.headers['content-length'])).toBeGreaterThan(0)
    }
  })
})

describe('with a build', () => {
  beforeAll(build)

  test('the dashboard is served, may be framed by nobody and is asked for each time', async () => {
    const { status, headers, body } = await get('/', html)
    expect(status).toBe(200)
    expect(body).toContain('the dashboard')
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-cache',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    })
    expect(headers['content-security-policy']).toContain("frame-ancestors 'none'")
    expect(headers['content-security-policy']).toContain("script-src 'self';")
    const again = await get('/', { ...html, 'if-none-match': String(headers.etag) })
    expect([again.status, again.body]).toEqual([304, ''])
  })

  test('assets are kept for good, and smaller when the browser takes it', async () => {
    const plain = await get('/assets/app-1a2b.js')
    expect(plain.headers).toMatchObject({
      'content-type': 'text/javascript; charset=utf-8',
      'cache-control': 'public, max-age=31536000, immutable',
    })
    const sizes = [plain]
    for (const [accepted, encoding] of [
      ['gzip, deflate', 'gzip'],
      ['gzip, deflate, br', 'br'],
    ] as const) {
      const packed = await get('/assets/app-1a2b.js', { 'accept-encoding': accepted })
      expect(packed.headers['content-encoding']).toBe(encoding)
      sizes.push(packed)
    }
    const lengths = sizes.map(({ headers }) => Number(headers['content-length']))
    expect(lengths).toEqual(lengths.toSorted((a, b) => b - a))
  })

  test.each(['/users', '/users/0190b0b8', '/instances?q=a.b', '/reset-password'])(
    'the page %s is the dashboard',
    async path => {
      const { status, body } = await get(path, html)
      expect(status).toBe(200)
      expect(body).toContain('the dashboard')
    },
  )

  test.each([
    ['/api/v1/nothing', html],
    ['/assets/missing.js', html],
    ['/missing.png', html],
    ['/.well-known/missing', html],
    ['/users', { accept: 'application/json' }],
    ['/../secret.txt', {}],
    ['/assets/../../secret.txt', {}],
    ['/%2e%2e/secret.txt', {}],
    ['/..%2fsecret.txt', {}],
    ['/assets/%2e%2e%2f%2e%2e%2fsecret.txt', html],
    ['/%00', {}],
    ['/%zz', {}],
    ['//etc/passwd', {}],
  ])('%s is nothing, said in JSON', async (path, headers) => {
    const { status, headers: received, body } = await get(path, headers as Record<string, string>)
    expect(status).toBe(404)
    expect(received['content-type']).toBe('application/json')
    expect(JSON.parse(body)).toMatchObject({ code: 5, details: [{ reason: 'NOT_FOUND' }] })
  })

  test.each(['POST', 'PUT', 'DELETE'])('%s is refused, with what is possible', async method => {
    const { status, headers, body } = await get('/', {}, method)
    expect([status, headers.allow, JSON.parse(body).code]).toEqual([405, 'GET, HEAD', 12])
  })

  test('a new build is served without a restart', async () => {
    await rm(join(dist, 'assets/app-1a2b.js'))
    await writeFile(join(dist, 'assets/app-3c4d.js'), 'new')
    await writeFile(join(dist, 'index.html'), '<!doctype html><title>the next dashboard</title>')
    expect((await get('/', html)).body).toContain('the next dashboard')
    expect((await get('/assets/app-3c4d.js')).body).toBe('new')
    expect((await get('/assets/app-1a2b.js')).status).toBe(404)
  })
})
