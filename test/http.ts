/** HTTP as it is: the path goes over the wire as it was written, nothing is normalised, followed or unzipped. */
import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http'

export interface Sent {
  method?: string
  headers?: OutgoingHttpHeaders
  /** A string or bytes are sent as they are; anything else as JSON. */
  body?: unknown
  /** An access token, sent as `Authorization: Bearer`. */
  token?: string | undefined
  /** The address to send from. */
  localAddress?: string
}

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  bytes: Buffer
  text: string
  /** The body as JSON; throws when it is none. */
  json(): Record<string, unknown>
}

/** @returns the answer to one request. `path` may hold anything. Rejects when the connection fails or nothing comes for 30 s. */
export function send(
  base: string,
  path: string,
  { method = 'GET', headers = {}, body, token, localAddress }: Sent = {},
): Promise<Answer> {
  const { hostname, port } = new URL(base)
  const raw = typeof body === 'string' || body instanceof Uint8Array
  const payload = body === undefined ? undefined : raw ? body : JSON.stringify(body)
  const all: OutgoingHttpHeaders = {
    ...(payload !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...headers,
  }
  return new Promise((resolve, reject) => {
    const options = {
      host: hostname,
      port,
      path,
      method,
      headers: all,
      timeout: 30_000,
      ...(localAddress && { localAddress }),
    }
    const sending = request(options, response => {
      const chunks: Buffer[] = []
      response.on('data', chunk => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const bytes = Buffer.concat(chunks)
        const text = bytes.toString('utf8')
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          bytes,
          text,
          json: () => JSON.parse(text),
        })
      })
    })
    sending.on('timeout', () => sending.destroy(new Error(`${method} ${path} was not answered within 30 s`)))
    sending.on('error', reject)
    sending.end(payload)
  })
}
