/**
 * One call of a unary method of another service: let through by the breakers, sent, sent again to another instance where the contract
 * allows it, and ended by its deadline at the latest.
 */
import { type Client, type ClientUnaryCall, type ServiceError as GrpcError, Metadata, status } from '@grpc/grpc-js'
import type { Attempt, AttemptOptions } from './balancer.ts'
import type { Outcome } from './breaker.ts'
import type { Call } from './call.ts'
import { detailsOf, type Reason, ServiceError } from './errors.ts'
import { afterCall, afterRetry } from './retry-budget.ts'
import { type Admission, admit, notePeer, type Peer, settle, type Target } from './target.ts'
import { clientCall } from './telemetry/calls.ts'
import { randomHex, traceparentOf } from './telemetry/trace-context.ts'
import { clientSpan } from './telemetry/tracing.ts'

/** So many calls may be under way to one service. More would only wait there, and take the memory of this process. */
export const maxUnderway = 256
/** The wait before a retry at the same instance, doubled each time. ms. */
const backoffMs = 50

export interface Invocable {
  readonly client: Client
  readonly target: Target
  readonly token: () => string
  readonly path: string
  readonly serialize: (request: never) => Buffer
  readonly deserialize: (bytes: Buffer) => unknown
  readonly timeoutMs: number
  /** How often a request like this may be sent again. */
  readonly retriesOf: (request: never) => number
}

export interface CallOptions {
  /**
   * The call that this one is made for: it ends with it, in time and when its caller hangs up, and has the same trace. Without the
   * signal it goes on when the caller hangs up, as a write may better do.
   */
  call?: Pick<Call, 'deadlineMs' | 'traceId'> & Partial<Pick<Call, 'signal' | 'trace'>>
  signal?: AbortSignal
  /** ms; shorter than the contract's. */
  timeoutMs?: number
}

/**
 * An instance that is silent for this part of the contract's time may hang: another is asked as well, and the first answer counts. The edge waits for
 * twice as long before it asks again: whoever is called for it has found another by then.
 */
const patience = 1 / 10

const keep = (bytes: Buffer) => bytes

/** @throws ServiceError */
export function invoke(method: Invocable, request: never, options: CallOptions): Promise<unknown> {
  const { client, target, path } = method
  const { call } = options
  const startMs = Date.now()
  const wantedMs = Math.min(method.timeoutMs, options.timeoutMs ?? method.timeoutMs)
  const deadlineMs = Math.min(startMs + wantedMs, call?.deadlineMs ?? Number.POSITIVE_INFINITY)
  const patienceMs = Math.min(method.timeoutMs * patience, wantedMs / 2)
  const signals = [call?.signal, options.signal].filter(signal => signal !== undefined)
  if (signals.some(({ aborted }) => aborted)) throw cancelled(path)
  if (deadlineMs <= startMs) throw late(target.service, path)
  const bytes = method.serialize(request)
  // Before the call is let through: it throws while there is none.
  const token = method.token()
  const parent = call?.trace ?? { traceId: call?.traceId ?? randomHex(16), spanId: '', sampled: false }
  const startedMs = performance.now()
  const admission = letThrough(target, path, startMs)
  target.underway++
  target.budget = afterCall(target.budget, startMs)
  const span = clientSpan(path, parent)
  const traceparent = traceparentOf(span?.context ?? { ...parent, spanId: '' })
  const told = (code: status) => {
    clientCall(path, code, performance.now() - startedMs)
    span?.end(code)
  }

  return new Promise((resolve, reject) => {
    const open = new Map<Attempt, { grpc: ClientUnaryCall; sentMs: number }>()
    const tried: Peer[] = []
    let retries = method.retriesOf(request)
    let backoffs = 0
    let ended = false
    let timer: NodeJS.Timeout | undefined
    /** Little time was left from the start: that it did not suffice says nothing of those who were called. */
    const isShort = deadlineMs - startMs < wantedMs / 2
    const read = (error: GrpcError) => outcomesOf(error, target.service, isShort)

    function send() {
      const attempt: Attempt = { tried: [...tried], peer: undefined, ended: false }
      const attemptOptions: AttemptOptions = { attempt }
      const metadata = new Metadata(attemptOptions)
      metadata.set('authorization', `Bearer ${token}`)
      metadata.set('traceparent', traceparent)
      const answer = (error: GrpcError | null, value?: unknown) => {
        open.delete(attempt)
        if (ended) return
        release(attempt, error ? read(error)[0] : 'success')
        if (error) failed(attempt, error)
        else end(['success', 'success'], status.OK, () => resolve(value))
      }
      try {
        const deadline = { deadline: deadlineMs }
        const grpc = client.makeUnaryRequest(path, keep, method.deserialize, bytes, metadata, deadline, answer)
        open.set(attempt, { grpc, sentMs: Date.now() })
      } catch (error) {
        end(['unknown', 'unknown'], status.INTERNAL, () => reject(error))
      }
    }

    /** Sends the call again, waits for what else is under way, or ends it. */
    function failed({ peer }: Attempt, error: GrpcError) {
      target.reason = error.details || error.message
      if (peer) tried.push(peer)
      if (error.code === status.UNAVAILABLE && !isOfAnother(error, target.service)) {
        if (open.size > 0) return
        if (peer && isAnotherLeft() && mayRetry()) return send()
        const waitMs = backoffMs * 2 ** backoffs++ * (0.5 + Math.random())
        if (Date.now() + waitMs < deadlineMs && mayRetry()) {
          clearTimeout(timer)
          timer = setTimeout(send, waitMs)
          return
        }
      }
      end(read(error), error.code, () => reject(toServiceError(error, target.service, path)))
    }

    const isAnotherLeft = () => target.peers.some(peer => !tried.includes(peer))

    /** What a breaker lets through on trial is not multiplied. */
    function mayRetry(): boolean {
      if (retries === 0 || target.breaker.state !== 'closed') return false
      const budget = afterRetry(target.budget)
      if (!budget) return false
      retries--
      target.budget = budget
      return true
    }

    function hedge() {
      for (const { peer } of open.keys()) {
        // It waits for a connection, which another attempt would do as well.
        if (!peer) return
        tried.push(peer)
      }
      if (open.size > 0 && isAnotherLeft() && mayRetry()) send()
    }

    function release(attempt: Attempt, outcome: Outcome) {
      attempt.ended = true
      if (!attempt.peer) return
      attempt.peer.underway--
      notePeer(attempt.peer, outcome, Date.now())
    }

    function end(outcomes: readonly [Outcome, Outcome], code: status, tell: () => void) {
      const nowMs = Date.now()
      ended = true
      clearTimeout(timer)
      for (const signal of signals) signal.removeEventListener('abort', abort)
      for (const [attempt, { grpc, sentMs }] of open) {
        // Also when the caller has gone: it may be tired of waiting just for this one.
        release(attempt, nowMs - sentMs >= patienceMs ? 'failure' : 'unknown')
        grpc.cancel()
      }
      target.underway--
      settle(target, path, admission, outcomes, nowMs)
      told(code)
      tell()
    }

    function abort() {
      end(['unknown', 'unknown'], status.CANCELLED, () => reject(cancelled(path)))
    }

    for (const signal of signals) signal.addEventListener('abort', abort, { once: true })
    send()
    // When nothing was called yet, the instances are not known at this moment.
    if (retries > 0 && target.peers.length !== 1)
      timer = setTimeout(hedge, Math.min(patienceMs, (deadlineMs - startMs) / 2))
  })
}

/** @throws ServiceError at once, when a breaker is open or too much is under way. */
function letThrough(target: Target, path: string, nowMs: number): Admission {
  const { service } = target
  if (target.underway >= maxUnderway) {
    throw new ServiceError(
      status.RESOURCE_EXHAUSTED,
      `${maxUnderway} calls wait for the service ${service} already. Try again in a moment.`,
      { reason: 'OVERLOADED', metadata: { service }, retryAfterMs: 1000 },
    )
  }
  const found = admit(target, path, nowMs)
  if ('epoch' in found) return found
  const { method, retryAfterMs } = found
  throw new ServiceError(
    status.UNAVAILABLE,
    `The service ${service} has failed too often just now, and is not called for a moment. Try again then.`,
    { reason: 'DEPENDENCY_UNAVAILABLE', metadata: { service, ...(method && { method }) }, retryAfterMs },
  )
}

/** @returns what an error says of the service, and of the method. */
function outcomesOf(error: GrpcError, service: string, isShort: boolean): readonly [Outcome, Outcome] {
  if (error.code === status.CANCELLED) return ['unknown', 'unknown']
  const isFailure = error.code === status.UNAVAILABLE || error.code === status.DEADLINE_EXCEEDED
  if (!isFailure) return ['success', 'success']
  if (isOfAnother(error, service)) return ['success', 'failure']
  if (error.code === status.DEADLINE_EXCEEDED && isShort) return ['unknown', 'unknown']
  return ['failure', 'failure']
}

/** Whether the service says that one which it calls itself has failed it: that one was tried again by then. */
function isOfAnother(error: GrpcError, service: string): boolean {
  const failed = detailsOf(error)?.info?.metadata.service
  return failed !== undefined && failed !== service
}

/** What the other service said goes on to our caller; what the transport said becomes an error naming the service. */
function toServiceError(error: GrpcError, service: string, path: string): ServiceError {
  const found = detailsOf(error)
  if (!found?.info) {
    if (error.code === status.DEADLINE_EXCEEDED) return late(service, path)
    if (error.code === status.CANCELLED) return cancelled(path)
    const message = `The service ${service} cannot be reached now. Try again in a moment.`
    return new ServiceError(status.UNAVAILABLE, message, {
      reason: 'DEPENDENCY_UNAVAILABLE',
      metadata: { service },
      retryAfterMs: 1000,
    })
  }
  if (found.info.reason === 'CALLER_NOT_ALLOWED' || found.info.reason.startsWith('TOKEN_')) {
    return new ServiceError(status.INTERNAL, `${path} refused this service: ${error.details}`, { reason: 'INTERNAL' })
  }
  const isFailure = found.info.reason === 'DEPENDENCY_UNAVAILABLE'
  return new ServiceError(error.code, error.details, {
    reason: found.info.reason as Reason,
    metadata: isFailure ? { service, ...found.info.metadata } : found.info.metadata,
    violations: found.violations.map(({ field, description }) => ({ field, description })),
    ...(found.retryAfterMs !== undefined && { retryAfterMs: found.retryAfterMs }),
  })
}

const late = (service: string, path: string) =>
  new ServiceError(status.DEADLINE_EXCEEDED, `${path} did not answer in time. Try again in a moment.`, {
    reason: 'DEPENDENCY_UNAVAILABLE',
    metadata: { service },
  })

const cancelled = (path: string) =>
  new ServiceError(status.CANCELLED, `The call of ${path} was given up, as whoever it was for has gone.`, {
    reason: 'DEPENDENCY_UNAVAILABLE',
  })
