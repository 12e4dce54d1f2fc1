/** The Console's plain HTTP port: health, keys and dashboard. Proxies lead the paths that are no methods here. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { status } from '@grpc/grpc-js'
import { ServiceError } from '@site11/runtime/errors.ts'
import type { Log } from '@site11/runtime/log.ts'
import { expositionType } from '@site11/runtime/telemetry/exposition.ts'
import type { JSONWebKeySet } from 'jose'
import type { HealthReport } from '../health/report.ts'
import type { Json } from '../openapi/schemas.ts'
import type { StaticFile, StaticFiles } from './static.ts'

export interface HttpOptions {
  /** Whether the Console has loaded what it needs. */
  live(): boolean
  /** Undefined while the Console is not live. */
  health(): HealthReport | undefined
  jwks(): JSONWebKeySet | undefined
  openapi(): Json | undefined
  /** The contracts, as a FileDescriptorSet. */
  descriptors(): StaticFile | undefined
  /** The metrics of the mesh, for who may read them; undefined while the Console is not live. @throws ServiceError for all others. */
  metrics(authorization: string | undefined): Promise<string> | undefined
  files: StaticFiles
  log: Log
}

const headersOfAll = { 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' }
const headersOfPages = {
  // Styles are set by scripts of the component library; nothing else may be inline.
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; " +
    "connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'x-frame-options': 'DENY',
}
const noBuild = `<!doctype html><html lang="en"><title>site11</title><p>The dashboard is not built. Run <code>npm start</code>, which builds it.</p>
<p lang="ko">대시보드가 아직 빌드되지 않았습니다. <code>npm start</code>를 실행하면 빌드됩니다.</p></html>`

/** @returns a server that is not listening yet. */
export function httpServer(options: HttpOptions): Server {
  const server = createServer((request, response) => {
    respond(request, response, options).catch(error => {
      options.log.error({ err: error, path: pathOf(request) }, 'an HTTP request failed')
      if (response.headersSent) response.destroy()
      else sendError(response, 500, status.INTERNAL, 'INTERNAL', 'Something went wrong here. Try again.')
    })
  })
  server.requestTimeout = 10_000
  // Proxies keep their connections: one that we closed as idle would be lost to the request that is just being sent on it.
  server.keepAliveTimeout = 0
  return server
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  { live, health, jwks, openapi, descriptors, metrics, files }: HttpOptions,
) {
  for (const [name, value] of Object.entries(headersOfAll)) response.setHeader(name, value)
  const path = pathOf(request)
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    request.resume()
    response.setHeader('allow', 'GET, HEAD')
    return sendError(
      response,
      405,
      status.UNIMPLEMENTED,
      'WRONG_METHOD',
      `${request.method} is not possible here, only GET and HEAD.`,
    )
  }
  if (path === '/live') return sendJson(response, live() ? 200 : 503, { live: live() }, 'no-store')
  if (path === '/health') {
    const report = health()
    const starting = {
      status: 'failing',
      problems: ['The Console is starting.'],
      services: [],
      dependencies: [],
      proxies: [],
      checkedAt: new Date(),
    }
    return sendJson(response, report?.status === 'healthy' ? 200 : 503, report ?? starting, 'no-store')
  }
  const documents: Record<string, (() => unknown) | undefined> = {
    '/.well-known/jwks.json': jwks,
    '/openapi.json': openapi,
  }
  if (path === '/descriptors.binpb') {
    const file = descriptors()
    return file ? sendFile(request, response, file) : sendStarting(response)
  }
  if (path === '/metrics') return sendMetrics(request, response, metrics)
  const document = documents[path]
  if (document) {
    const value = document()
    if (value) return sendJson(response, 200, value, 'public, max-age=60')
    return sendStarting(response)
  }
  const file = await files.at(path === '/' ? '/index.html' : path)
  if (file) return sendFile(request, response, file)
  // Pages of the dashboard have addresses of their own, which only its script knows.
  const isPage =
    path === '/' ||
    (/text\/html/.test(request.headers.accept ?? '') && !/^\/(api|assets|\.well-known)(\/|$)|\.\w+$/.test(path))
  if (!isPage) return sendError(response, 404, status.NOT_FOUND, 'NOT_FOUND', `There is nothing at ${path}.`)
  const index = await files.at('/index.html')
  if (index) return sendFile(request, response, index)
  setAll(response, { ...headersOfPages, 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' })
  response.writeHead(503).end(noBuild)
}

function sendFile(
  { headers }: IncomingMessage,
  response: ServerResponse,
  { body, encoded, type, etag, immutable }: StaticFile,
) {
  if (type.startsWith('text/html')) setAll(response, headersOfPages)
  setAll(response, {
    etag,
    'cache-control': immutable ? 'public, max-age=31536000, immutable' : 'no-cache',
    vary: 'accept-encoding',
  })
  if (headers['if-none-match']?.includes(etag)) return response.writeHead(304).end()
  const accepted = String(headers['accept-encoding'] ?? '')
  const [encoding, content] = encoded.find(([name]) => new RegExp(`\\b${name}\\b`).test(accepted)) ?? [undefined, body]
  if (encoding) response.setHeader('content-encoding', encoding)
  setAll(response, { 'content-type': type, 'content-length': String(content.length) })
  return response.writeHead(200).end(content)
}

function sendJson(response: ServerResponse, code: number, value: unknown, cacheControl: string) {
  const body = JSON.stringify(value)
  const length = String(Buffer.byteLength(body))
  setAll(response, { 'content-type': 'application/json', 'content-length': length, 'cache-control': cacheControl })
  response.writeHead(code).end(body)
}

async function sendMetrics({ headers }: IncomingMessage, response: ServerResponse, metrics: HttpOptions['metrics']) {
  try {
    const page = await metrics(headers.authorization)
    if (page === undefined) return sendStarting(response)
    setAll(response, { 'content-type': expositionType, 'cache-control': 'no-store' })
    response.writeHead(200).end(page)
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error
    const codes: Partial<Record<status, number>> = { [status.UNAUTHENTICATED]: 401, [status.PERMISSION_DENIED]: 403 }
    if (error.code === status.UNAUTHENTICATED) response.setHeader('www-authenticate', 'Bearer realm="site11"')
    sendError(response, codes[error.code] ?? 503, error.code, error.details.reason, error.message)
  }
}

/** As errors of methods look in REST: google.rpc.Status. */
function sendError(response: ServerResponse, httpCode: number, code: status, reason: string, message: string) {
  const details = [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason, domain: 'site11', metadata: {} }]
  sendJson(response, httpCode, { code, message, details }, 'no-store')
}

function sendStarting(response: ServerResponse) {
  const message = 'The Console is starting. Try again in a moment.'
  sendError(response, 503, status.UNAVAILABLE, 'DEPENDENCY_UNAVAILABLE', message)
}

function setAll(response: ServerResponse, headers: Record<string, string>) {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
}

/** The path without its query. */
function pathOf({ url = '/' }: IncomingMessage): string {
  const path = url.split('?', 1)[0] ?? '/'
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}
