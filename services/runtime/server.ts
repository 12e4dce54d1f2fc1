/**
 * The gRPC server of a service: every call is authenticated, authorized and validated from the contract before its handler runs,
 * and every error leaves as a rich status.
 */
import { setTimeout as delay } from 'node:timers/promises'
import {
  Metadata,
  Server,
  type ServerCredentials,
  ServerInterceptingCall,
  type ServerInterceptor,
  type ServiceDefinition,
  status,
  type UntypedHandleCall,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import type { Cache } from './cache.ts'
import { cached, unlessEncoded, wantsCache } from './cached-method.ts'
import type { Call, Handlers } from './call.ts'
import { anonymous, authorize, type Caller, requireCertificate } from './caller.ts'
import { type Method, methodAt } from './contract.ts'
import { ServiceError, tooLarge, toStatus, unavailable } from './errors.ts'
import { answerBytes, longestRequestBytes, requestBytesOf, streamMessageBytes } from './limits.ts'
import type { Log } from './log.ts'
import { type Peer, peerFrom } from './spiffe.ts'
import { serverCalls } from './telemetry/calls.ts'
import { type TraceContext, traceOf } from './telemetry/trace-context.ts'
import { isTracing, type Span, serverSpan } from './telemetry/tracing.ts'
import { addShortWay, type Connection, type RequestMetadata, type ShortWay } from './unary.ts'
import { violationOf } from './validate.ts'

/** Finds out who calls, over whose connection; throws a ServiceError when the credentials are not valid. */
export type Authenticate = (metadata: RequestMetadata, peer: Peer | undefined) => Caller | Promise<Caller>

export interface ServerOptions {
  authenticate: Authenticate
  log: Log
  /** Told of each call by a service that has ended. */
  onCall?: OnCall
  /** For methods whose policy says that their answers are kept, or that they make kept ones outdated. */
  cache?: Cache | undefined
}

/** @param code of gRPC. @param ms undefined for a stream, which lasts as long as its caller. */
export type OnCall = (path: string, caller: string, code: number, ms: number | undefined) => void

/** A request that passed the contract's rules, or the error that it did not. */
type Incoming = { message: unknown; violation?: ServiceError | undefined }
// biome-ignore format: one line each
type Definition = ServiceDefinition<UntypedServiceImplementation>
type AnyHandler = (request: unknown, call: Call) => Promise<unknown> | AsyncIterable<unknown>

/** The parts of grpc-js's four kinds of calls that are used here. */
interface GrpcCall {
  request: Incoming
  iterator(options: { destroyOnReturn: boolean }): AsyncIterable<Incoming>
  metadata: RequestMetadata
  cancelled: boolean
  getDeadline(): Date | number
  getAuthContext(): Connection
  sendMetadata(metadata: Metadata): void
  on(event: 'cancelled', listener: () => void): unknown
  once(event: 'drain', listener: () => void): unknown
  write(message: unknown): boolean
  emit(event: 'error', error: unknown): unknown
  end(): void
}
type Callback = (error: unknown, value?: unknown) => void

/** What is kept of a server: how it takes unary methods, and the calls under way: those with a time limit, and the streams without one. */
interface Open {
  shortWay: ShortWay
  bounded: Set<GrpcCall>
  unlimited: Set<GrpcCall>
}
const openCalls = new WeakMap<Server, Open>()

/**
 * @param connectionMs how old connections become, about; then callers make new ones, and calls under way end on the old. Without it,
 * as old as they like.
 * @returns a gRPC server without services. Messages are bounded by the policy of each method; grpc-js, which knows one bound for all, has the
 * highest.
 */
export function createServer(connectionMs?: number): Server {
  const server = new Server({
    'grpc.enable_channelz': 0,
    'grpc.max_receive_message_length': longestRequestBytes,
    'grpc.max_send_message_length': answerBytes,
    // A caller that froze or vanished is noticed within 20 s.
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 10_000,
    'grpc.keepalive_permit_without_calls': 1,
    ...(connectionMs !== undefined && { 'grpc.max_connection_age_ms': connectionMs }),
    interceptors: [guardInspection],
  })
  openCalls.set(server, {
    shortWay: addShortWay(server),
    bounded: new Set(),
    unlimited: new Set(),
  })
  return server
}

/** Health and reflection are for those with a certificate. All other methods see to it themselves. */
const guardInspection: ServerInterceptor = ({ path }, call) => {
  if (!path.startsWith('/grpc.')) return new ServerInterceptingCall(call)
  return new ServerInterceptingCall(call, {
    start(next) {
      if (peerOf(call.getAuthContext())) next()
      else call.sendStatus({ code: status.UNAUTHENTICATED, details: 'Show a certificate of this mesh.' })
    },
  })
}

const peers = new WeakMap<object, Peer>()

/** Read once for each certificate where that is one object, as it is for nearly all calls. */
export function peerOf({ sslPeerCertificate }: Connection): Peer | undefined {
  if (!sslPeerCertificate) return undefined
  const known = peers.get(sslPeerCertificate)
  if (known) return known
  const peer = peerFrom(sslPeerCertificate.subjectaltname)
  if (peer) peers.set(sslPeerCertificate, peer)
  return peer
}

/** Adds a service to a server: one handler for each method of the contract. */
export function addService<D extends Definition>(
  server: Server,
  definition: D,
  handlers: Handlers<D>,
  options: ServerOptions,
) {
  const open = openOf(server)
  const wrapped: Record<string, UntypedHandleCall> = {}
  const checked: Record<string, Definition[string]> = {}
  for (const [name, described] of Object.entries(definition)) {
    const method = methodAt(described.path)
    const handler = withCache(method, described, (handlers as Record<string, AnyHandler>)[name], options.cache)
    const { path, requestStream, responseStream } = described
    const serialize = unlessEncoded(described.responseSerialize)
    const deserialize = deserializer(described.requestDeserialize, method)
    const handle = handlerOf(method, described, handler, open, options)
    checked[name] = { ...described, requestDeserialize: deserialize, responseSerialize: serialize }
    wrapped[name] = handle as unknown as UntypedHandleCall
    if (requestStream || responseStream) continue
    const maxBytes = requestBytesOf(method.policy)
    const refused: Incoming = { message: undefined, violation: tooLarge(maxBytes) }
    open.shortWay.add({ path, maxBytes, tooLarge: refused, deserialize, serialize, handle: handle as never })
  }
  server.addService(checked as Definition, wrapped)
}

function withCache(method: Method, shape: Definition[string], handler: AnyHandler | undefined, cache?: Cache) {
  if (!handler) throw new Error(`${method.path} has no handler.`)
  if (!wantsCache(method)) return handler
  if (!cache) throw new Error(`${method.path} needs a cache: give one to serve().`)
  return cached(method, shape, handler as (request: unknown, call: Call) => Promise<unknown>, cache)
}

/** Never throws: grpc-js would answer INTERNAL without details. */
function deserializer(decode: (bytes: Buffer) => unknown, { desc, policy }: Method) {
  const isStream = desc.methodKind === 'client_streaming' || desc.methodKind === 'bidi_streaming'
  const limit = isStream ? streamMessageBytes : requestBytesOf(policy)
  return (bytes: Buffer): Incoming => {
    const violation = bytes.length > limit ? tooLarge(limit) : violationOf(desc.input, bytes)
    return violation ? { message: undefined, violation } : { message: decode(bytes) }
  }
}

function openOf(server: Server): Open {
  const open = openCalls.get(server)
  if (!open) throw new Error('This server was not made by createServer.')
  return open
}

function handlerOf(method: Method, shape: Definition[string], handler: AnyHandler, open: Open, options: ServerOptions) {
  const { requestStream, responseStream } = shape
  const calls = Number(method.policy?.timeout?.seconds ?? 0) === 0 ? open.unlimited : open.bounded
  const run = async (grpc: GrpcCall, callback?: Callback) => {
    const started = performance.now()
    const { call, span, flush } = createCall(grpc, method, options.log)
    calls.add(grpc)
    try {
      const peer = peerOf(grpc.getAuthContext())
      if (method.policy?.access.case === 'public') requireCertificate(peer)
      else {
        const caller = options.authenticate(grpc.metadata, peer)
        call.caller = caller instanceof Promise ? await caller : caller
      }
      authorize(method.policy, call.caller)
      const request = requestStream ? checkedStream(grpc) : checked(grpc.request)
      const result = handler(request, call)
      if (responseStream) await send(grpc, result as AsyncIterable<unknown>, flush)
      else {
        const response = await withTimeout(result as Promise<unknown>, method, grpc)
        flush()
        callback?.(null, response)
      }
      report(options, method, call, span, grpc.request, started)
    } catch (error) {
      report(options, method, call, span, grpc.request, started, error)
      const status = toStatus(error, call.traceId)
      if (callback) callback(status)
      else if (!grpc.cancelled) grpc.emit('error', status)
    } finally {
      calls.delete(grpc)
    }
  }
  return responseStream
    ? (grpc: GrpcCall) => void run(grpc)
    : (grpc: GrpcCall, callback: Callback) => void run(grpc, callback)
}

/** Trace, signal and log are made only when they are asked for: most calls need none of them. */
function createCall(grpc: GrpcCall, { policy, path }: Method, log: Log) {
  const startMs = Date.now()
  let trace: TraceContext | undefined
  const span: Span | undefined = isTracing() ? serverSpan(path, traceOf(grpc.metadata)) : undefined
  let controller: AbortController | undefined
  let headers: Metadata | undefined
  const call: Call = {
    caller: anonymous,
    get traceId() {
      return call.trace.traceId
    },
    get trace() {
      trace ??= span?.context ?? traceOf(grpc.metadata)
      return trace
    },
    metadata: grpc.metadata,
    get signal() {
      if (!controller) {
        const made = new AbortController()
        controller = made
        if (grpc.cancelled) made.abort()
        grpc.on('cancelled', () => made.abort())
      }
      return controller.signal
    },
    get deadlineMs() {
      const seconds = Number(policy?.timeout?.seconds ?? 0)
      return Math.min(Number(grpc.getDeadline()), seconds > 0 ? startMs + seconds * 1000 : Number.POSITIVE_INFINITY)
    },
    get log() {
      return log.child({ traceId: call.traceId })
    },
    setHeader(name, value) {
      headers ??= new Metadata()
      headers.set(name, value)
    },
  }
  const flush = () => {
    if (headers) grpc.sendMetadata(headers)
    headers = undefined
  }
  return { call, span, flush }
}

function checked({ message, violation }: Incoming): unknown {
  if (violation) throw violation
  return message
}

/** A handler that stops reading, because of an error for one, does not end the call by that: it still has to answer. */
async function* checkedStream(grpc: GrpcCall): AsyncIterable<unknown> {
  for await (const message of grpc.iterator({ destroyOnReturn: false })) yield checked(message)
}

/** Writes what the handler yields, no faster than the caller takes it. */
async function send(grpc: GrpcCall, messages: AsyncIterable<unknown>, flush: () => void) {
  let wake = () => {}
  grpc.on('cancelled', () => wake())
  /** Resolves to undefined when the call is cancelled first. Not by a race with one promise for all: each would add to it. */
  const unlessCancelled = <T>(start: (resolve: (value: T) => void, reject: (error: unknown) => void) => void) =>
    new Promise<T | undefined>((resolve, reject) => {
      wake = () => resolve(undefined)
      if (grpc.cancelled) wake()
      else start(resolve, reject)
    })
  const iterator = messages[Symbol.asyncIterator]()
  try {
    while (!grpc.cancelled) {
      const next = await unlessCancelled<IteratorResult<unknown>>((resolve, reject) =>
        iterator.next().then(resolve, reject),
      )
      if (!next || next.done) break
      flush()
      if (!grpc.write(next.value)) await unlessCancelled<void>(resolve => grpc.once('drain', () => resolve()))
    }
  } finally {
    // Not awaited: a generator that waits for something would only return after it.
    void iterator.return?.()
  }
  if (!grpc.cancelled) grpc.end()
}

/** The caller's deadline is enforced by grpc-js; a caller that sets none gets the one in the policy. */
function withTimeout(result: Promise<unknown>, { policy, path }: Method, grpc: GrpcCall): Promise<unknown> {
  const seconds = Number(policy?.timeout?.seconds ?? 0)
  if (seconds === 0 || Number.isFinite(Number(grpc.getDeadline()))) return result
  return within(result, path, seconds)
}

/** By hand, because it is on the way of every call: Promise.race would make several promises more. */
function within(result: Promise<unknown>, path: string, seconds: number): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(deadlineExceeded(path, seconds)), seconds * 1000)
    const end = () => clearTimeout(timer)
    result.then(resolve, reject).then(end)
  })
}

function deadlineExceeded(path: string, seconds: number) {
  return new ServiceError(4, `${path} did not finish within ${seconds} s. Try again.`, {
    reason: 'DEPENDENCY_UNAVAILABLE',
  })
}

/**
 * Successes at debug (the edge's access log has them), refusals and what is audited at info, faults of ours at error. An audited call is
 * written down with who made it and which resource it named, but for its values: they may be personal, or secret.
 */
function report(
  { log, onCall }: ServerOptions,
  method: Method,
  call: Call,
  span: Span | undefined,
  request: unknown,
  started: number,
  error?: unknown,
) {
  const { path, policy } = method
  const code = error === undefined ? status.OK : error instanceof ServiceError ? error.code : status.INTERNAL
  const lasts = Number(policy?.timeout?.seconds ?? 0) === 0
  const tookMs = lasts ? undefined : performance.now() - started
  serverCalls(path, code, tookMs)
  span?.end(code)
  if (onCall && call.caller.kind === 'service') onCall(path, call.caller.service, code, tookMs)
  const audited = policy?.audit === true
  const level = error === undefined ? (audited ? 'info' : 'debug') : error instanceof ServiceError ? 'info' : 'error'
  if (!log.isLevelEnabled(level)) return
  const { caller, traceId } = call
  const by =
    caller.kind === 'user' ? caller.userId : caller.kind === 'service' ? `service:${caller.service}` : 'anonymous'
  const ms = Math.round((performance.now() - started) * 10) / 10
  const fields = { traceId, method: path, caller: by, ms, ...(audited && { audit: true, id: idOf(request) }) }
  if (error === undefined) log[level](fields, 'ok')
  else if (error instanceof ServiceError)
    log.info({ ...fields, code: error.code, reason: error.details.reason }, error.message)
  else log.error({ ...fields, err: error }, 'failed')
}

/** @returns the id of the resource that a request names; undefined when it names none. */
function idOf(request: unknown): string | undefined {
  const { id } = Object((request as Incoming | undefined)?.message) as { id?: unknown }
  return typeof id === 'string' && id !== '' ? id : undefined
}

/** Listens. @param credentials of an Identity. @returns the port. @throws Error naming the address when it is taken. */
export function listen(server: Server, address: string, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => {
      if (error) reject(new Error(`Cannot listen on ${address}: ${error.message}`))
      else resolve(port)
    })
  })
}

/** How often is looked whether calls are left, and how long connections are kept after that, in ms. */
const pollMs = 10
const lastAnswersMs = 250

/**
 * Ends gracefully: no new connections or calls; calls under way may finish within `graceMs`; streams without a time limit are told
 * at once to come back elsewhere (UNAVAILABLE). What is left then is cut.
 */
export async function closeServer(server: Server, graceMs: number): Promise<void> {
  const open = openOf(server)
  const { promise: disconnected, resolve } = Promise.withResolvers<void>()
  server.tryShutdown(() => resolve())
  const leaving = toStatus(unavailable('This instance is stopping. Open the stream again.'), '')
  for (const stream of open.unlimited) stream.emit('error', leaving)
  // A call may have come and not reached its handler yet, and an answer may wait for its reader.
  const deadline = performance.now() + graceMs
  while (open.bounded.size + open.shortWay.unfinished() > 0 && performance.now() < deadline) await delay(pollMs)
  // The last answers are still on their way through the sockets. Who has them closes the connection, but for watches of the health.
  await Promise.race([disconnected, delay(lastAnswersMs)])
  server.forceShutdown()
}
