/**
 * A short way for the calls that are nearly all of the traffic: unary and not compressed. What grpc-js does for streams and
 * interceptors costs such a call as much CPU as all the rest of it together. This sits where grpc-js takes a stream from node:http2
 * and answers those calls itself; every other call, and everything about connections, stays with grpc-js. (Its idle timeout of
 * connections would not see these calls; it is off unless asked for.)
 *
 *   node:http2 ─stream─► uncompressed call of a unary method? ─yes─► here
 *                                         └─────────────────────no──► grpc-js
 */
import type { Http2Session, IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import { type Metadata, type MetadataValue, type Server, status } from '@grpc/grpc-js'
import { answerTooLarge, toStatus } from './errors.ts'
import { answerBytes } from './limits.ts'
import { traceOf } from './telemetry/trace-context.ts'

/** What a handler may ask of the headers of a request. */
export type RequestMetadata = Pick<Metadata, 'get'>

/** A call as the handlers of unary methods see it, here and with grpc-js. */
export interface UnaryCall {
  readonly request: unknown
  readonly metadata: RequestMetadata
  readonly cancelled: boolean
  /** Epoch ms; Infinity when the caller has set none. */
  getDeadline(): number
  sendMetadata(metadata: Metadata): void
  getAuthContext(): Connection
  on(event: 'cancelled', listener: () => void): unknown
}

/** Whose connection it is: no certificate when there is none that counts. */
export interface Connection {
  sslPeerCertificate?: { subjectaltname?: string | undefined } | undefined
}

export interface UnaryMethod {
  /** `/package.Service/Method`. */
  path: string
  /** The largest request, and what the handler is given instead of one that is larger: it is for those who may call to know. */
  maxBytes: number
  tooLarge: unknown
  deserialize(bytes: Buffer): unknown
  serialize(message: never): Uint8Array
  handle(call: UnaryCall, callback: (error: unknown, message?: unknown) => void): void
}

type GrpcError = { code?: status; details?: string; metadata?: Metadata }
type StreamHandler = (interceptors: unknown, stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void

export interface ShortWay {
  /** Adds a method, which grpc-js must have too: one without the place to sit in, which is no part of its interface, keeps all calls. */
  add(method: UnaryMethod): void
  /** How many calls have come whose answer is not wholly sent. */
  unfinished(): number
}

/** Prepares a server that does not listen yet. */
export function addShortWay(server: Server): ShortWay {
  const methods = new Map<string, UnaryMethod>()
  let unfinished = 0
  const place = server as unknown as { _streamHandler?: StreamHandler }
  const theirs = place._streamHandler
  if (theirs) {
    place._streamHandler = (interceptors, stream, headers) => {
      const method = methods.get(headers[':path'] ?? '')
      if (method && isPlain(headers)) {
        unfinished++
        stream.once('close', () => unfinished--)
        new Exchange(method, stream, headers)
      } else theirs.call(server, interceptors, stream, headers)
    }
  }
  return { add: method => void methods.set(method.path, method), unfinished: () => unfinished }
}

function isPlain(headers: IncomingHttpHeaders): boolean {
  const encoding = headers['grpc-encoding'] ?? 'identity'
  return encoding === 'identity' && headers['content-type']?.startsWith('application/grpc') === true
}

/** A message is sent behind a byte that says whether it is compressed, and its length in four. */
const prefixBytes = 5

/** One call: takes the message in, hands it to the method's handler, and answers once. */
class Exchange implements UnaryCall {
  readonly metadata: RequestMetadata
  request: unknown
  readonly #stream: ServerHttp2Stream
  #deadline = Number.POSITIVE_INFINITY
  #timer: NodeJS.Timeout | undefined
  #headers: OutgoingHttpHeaders | undefined
  #answered = false
  #expired = false
  #whenCancelled: (() => void)[] | undefined

  constructor(method: UnaryMethod, stream: ServerHttp2Stream, headers: IncomingHttpHeaders) {
    this.#stream = stream
    this.metadata = { get: name => valuesOf(headers, name.toLowerCase()) }
    let chunks: Buffer[] = []
    let bytes = 0
    let isTooLarge = false
    // A broken stream is a cancelled call; there is nobody to tell.
    stream.on('error', () => {})
    stream.on('data', (chunk: Buffer) => {
      if (this.#answered || isTooLarge) return
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes <= prefixBytes + method.maxBytes) return
      isTooLarge = true
      chunks = []
      this.#pass(method, method.tooLarge)
    })
    stream.on('end', () => {
      if (!this.#answered && !isTooLarge)
        this.#handle(method, chunks.length > 1 ? Buffer.concat(chunks, bytes) : chunks[0])
    })
    const timeout = headers['grpc-timeout']
    if (timeout !== undefined) this.#limit(String(timeout))
  }

  get cancelled(): boolean {
    return this.#expired || this.#stream.destroyed
  }

  getDeadline(): number {
    return this.#deadline
  }

  getAuthContext(): Connection {
    return connectionOf(this.#stream.session)
  }

  sendMetadata(metadata: Metadata): void {
    this.#headers = metadata.toHttp2Headers()
  }

  on(_: 'cancelled', listener: () => void): void {
    if (this.#whenCancelled) {
      this.#whenCancelled.push(listener)
      return
    }
    this.#whenCancelled = [listener]
    this.#stream.once('close', () => this.#answered || this.#cancel())
  }

  #limit(timeout: string): void {
    const timeoutMs = timeoutOf(timeout)
    if (timeoutMs === undefined) this.#fail(status.INTERNAL, `This is no grpc-timeout: ${timeout}`)
    else {
      this.#deadline = Date.now() + timeoutMs
      this.#timer = setTimeout(() => this.#expire(), timeoutMs)
    }
  }

  #handle(method: UnaryMethod, received: Buffer | undefined): void {
    const message = messageIn(received)
    if (!message) {
      this.#fail(status.INTERNAL, 'The request is not one uncompressed message.')
      return
    }
    this.#pass(method, method.deserialize(message))
  }

  #pass(method: UnaryMethod, request: unknown): void {
    this.request = request
    method.handle(this, (error, response) => {
      if (error) return this.#failWith(error as GrpcError)
      const bytes = method.serialize(response as never)
      if (bytes.length <= answerBytes) this.#succeed(bytes)
      else this.#failWith(toStatus(answerTooLarge(bytes.length), traceOf(this.metadata).traceId))
    })
  }

  #failWith({ code = status.UNKNOWN, details = '', metadata }: GrpcError): void {
    this.#fail(code, details, metadata?.toHttp2Headers())
  }

  #succeed(message: Uint8Array): void {
    if (!this.#mayAnswer()) return
    const stream = this.#stream
    stream.respond({ ...responseHeaders, ...this.#headers }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.end(framed(message))
  }

  #fail(code: status, details: string, trailers?: OutgoingHttpHeaders): void {
    if (!this.#mayAnswer()) return
    const outcome = { 'grpc-status': code, 'grpc-message': encodeURI(details.toWellFormed()) }
    this.#stream.respond({ ...responseHeaders, ...outcome, ...trailers }, { endStream: true })
  }

  /** @returns whether the answer may be sent: there is one only, and it needs somebody to go to. */
  #mayAnswer(): boolean {
    clearTimeout(this.#timer)
    if (this.#answered || this.#stream.destroyed) return false
    this.#answered = true
    return true
  }

  #expire(): void {
    this.#expired = true
    this.#fail(status.DEADLINE_EXCEEDED, 'Deadline exceeded')
    this.#cancel()
  }

  #cancel(): void {
    clearTimeout(this.#timer)
    const listeners = this.#whenCancelled ?? []
    this.#whenCancelled = []
    for (const listener of listeners) listener()
  }
}

/** Read once for each connection: to read a certificate costs as much as a call. */
const connections = new WeakMap<Http2Session, Connection>()

function connectionOf(session: Http2Session | undefined): Connection {
  if (!session || session.destroyed) return {}
  const known = connections.get(session)
  if (known) return known
  const { encrypted, authorized } = session.socket as TLSSocket
  const found =
    encrypted && authorized ? { sslPeerCertificate: (session.socket as TLSSocket).getPeerCertificate() } : {}
  connections.set(session, found)
  return found
}

const responseHeaders = { ':status': 200, 'content-type': 'application/grpc+proto' }

const unitsMs: Record<string, number> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 }
/** What a timer can hold. */
const longestMs = 2 ** 31 - 1

/** @returns ms, or undefined when the header is no timeout. */
function timeoutOf(header: string): number | undefined {
  const [, amount = '', unit = ''] = /^(\d{1,8})([HMSmun])$/.exec(header) ?? []
  const unitMs = unitsMs[unit]
  return unitMs === undefined ? undefined : Math.min(Math.trunc(Number(amount) * unitMs), longestMs)
}

/** As grpc-js's Metadata has them: binary values under the names that end in `-bin`. */
function valuesOf(headers: IncomingHttpHeaders, name: string): MetadataValue[] {
  const found = headers[name]
  if (found === undefined) return []
  const values = Array.isArray(found) ? found : [found]
  if (!name.endsWith('-bin')) return values
  return values.flatMap(value => value.split(',').map(part => Buffer.from(part.trim(), 'base64')))
}

/** @returns the message, when the bytes are exactly one that is not compressed. */
function messageIn(received: Buffer | undefined): Buffer | undefined {
  if (!received || received.length < prefixBytes || received[0] !== 0) return undefined
  const message = received.subarray(prefixBytes)
  return message.length === received.readUInt32BE(1) ? message : undefined
}

function framed(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(prefixBytes + message.length)
  frame[0] = 0
  frame.writeUInt32BE(message.length, 1)
  frame.set(message, prefixBytes)
  return frame
}
