/** What went wrong, in the one shape that every page shows. */
import { Code, ConnectError } from '@connectrpc/connect'
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RequestInfoSchema,
  RetryInfoSchema,
} from '@site11/proto/es/google/rpc/error_details_pb.ts'

export interface FieldViolation {
  /** Path of the field in the names of this code, such as `user.displayName`. */
  field: string
  description: string
}

export interface Problem {
  /** The gRPC status, such as `NOT_FOUND`, or `CLIENT` for a fault in this page. */
  code: string
  /** A name of `site11.types.v1.ErrorReason` without its prefix; undefined when the answer came from no service. */
  reason: string | undefined
  message: string
  metadata: Record<string, string>
  violations: FieldViolation[]
  /** When trying again makes sense, in ms from `time`. */
  retryAfterMs: number | undefined
  traceId: string | undefined
  method: string | undefined
  time: Date
}

const origins = new WeakMap<ConnectError, { method: string; time: Date }>()

/** Remembers which call an error ended. @returns the same error. */
export function noteOrigin(error: ConnectError, method: string): ConnectError {
  if (!origins.has(error)) origins.set(error, { method, time: new Date() })
  return error
}

/** @returns what can be said of anything thrown. */
export function problemFrom(thrown: unknown): Problem {
  if (!(thrown instanceof ConnectError)) {
    const message = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown)
    return { ...nothingKnown, code: 'CLIENT', message, time: new Date() }
  }
  const [info] = thrown.findDetails(ErrorInfoSchema)
  const [request] = thrown.findDetails(RequestInfoSchema)
  const [retry] = thrown.findDetails(RetryInfoSchema)
  const origin = origins.get(thrown)
  const delay = retry?.retryDelay
  return {
    code: isUnreachable(thrown) ? 'UNAVAILABLE' : codeName(thrown.code),
    reason: info?.reason,
    message: thrown.rawMessage,
    metadata: info?.metadata ?? {},
    violations: thrown
      .findDetails(BadRequestSchema)
      .flatMap(({ fieldViolations }) => fieldViolations)
      .map(({ field, description }) => ({ field: camelCase(field), description })),
    retryAfterMs: delay && Number(delay.seconds) * 1000 + delay.nanos / 1e6,
    traceId: request?.requestId || thrown.metadata.get('x-request-id') || undefined,
    method: origin?.method,
    time: origin?.time ?? new Date(),
  }
}

/** @returns the facts to quote in a report, one in a line. */
export function problemDetails({ code, reason, traceId, method, time, message }: Problem): string {
  const facts = { code, reason, trace: traceId, method, time: time.toISOString(), message }
  return Object.entries(facts)
    .filter(([, fact]) => fact)
    .map(([name, fact]) => `${name}: ${fact}`)
    .join('\n')
}

const nothingKnown = {
  reason: undefined,
  metadata: {},
  violations: [],
  retryAfterMs: undefined,
  traceId: undefined,
  method: undefined,
}

/** `fetch` rejects with a TypeError when there was no answer at all. */
const isUnreachable = ({ code, cause }: ConnectError) => code === Code.Unknown && cause instanceof TypeError

/** `Code.NotFound` -> `NOT_FOUND`. */
const codeName = (code: Code) => (Code[code] ?? 'Unknown').replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase()

const camelCase = (path: string) => path.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
