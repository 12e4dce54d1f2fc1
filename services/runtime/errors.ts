/**
 * Errors as callers see them: a gRPC status code, a message that says what to do, and details of google.rpc (AIP-193):
 * always an ErrorInfo with a reason of the closed set in site11/types/v1/errors.proto, and BadRequest where fields are at fault.
 */
import { type ServiceError as GrpcError, Metadata, type StatusObject, status } from '@grpc/grpc-js'
import type { Any } from '@site11/proto/grpc/google/protobuf/any.ts'
import { BadRequest, ErrorInfo, RequestInfo, RetryInfo } from '@site11/proto/grpc/google/rpc/error_details.ts'
import { Status } from '@site11/proto/grpc/google/rpc/status.ts'
import type { ErrorReason } from '@site11/proto/grpc/site11/types/v1/errors.ts'
import { answerBytes } from './limits.ts'

type Names<T> = T extends `ERROR_REASON_${infer Name}` ? Name : never
/** The reasons of `site11.types.v1.ErrorReason`, without their prefix. */
export type Reason = Exclude<Names<keyof typeof ErrorReason>, 'UNSPECIFIED'>

export interface FieldViolation {
  /** Path of the field as in the contract, such as `user.email`. */
  field: string
  description: string
}

export interface ErrorDetails {
  reason: Reason
  /** What a program may want to know of it; never a secret. */
  metadata?: Record<string, string>
  violations?: FieldViolation[]
  /** When trying again makes sense, in ms from now. */
  retryAfterMs?: number
}

/** An error that the caller is told of. Every other error that a handler throws becomes INTERNAL with a trace id only. */
export class ServiceError extends Error {
  readonly code: status
  readonly details: ErrorDetails

  constructor(code: status, message: string, details: ErrorDetails) {
    super(message)
    this.name = 'ServiceError'
    this.code = code
    this.details = details
  }
}

export const invalidArgument = (reason: Reason, message: string, violations: FieldViolation[] = []) =>
  new ServiceError(status.INVALID_ARGUMENT, message, { reason, violations })

export const notFound = (resource: string, name: string) =>
  new ServiceError(status.NOT_FOUND, `There is no ${resource} ${name}.`, {
    reason: 'NOT_FOUND',
    metadata: { resource, name },
  })

export const aborted = (reason: Reason, message: string) => new ServiceError(status.ABORTED, message, { reason })

export const alreadyExists = (reason: Reason, message: string, field?: string) =>
  new ServiceError(status.ALREADY_EXISTS, message, {
    reason,
    violations: field ? [{ field, description: message }] : [],
  })

export const failedPrecondition = (reason: Reason, message: string, metadata?: Record<string, string>) =>
  new ServiceError(status.FAILED_PRECONDITION, message, { reason, ...(metadata && { metadata }) })

export const unauthenticated = (reason: Reason, message: string) =>
  new ServiceError(status.UNAUTHENTICATED, message, { reason })

export const permissionDenied = (reason: Reason, message: string, metadata?: Record<string, string>) =>
  new ServiceError(status.PERMISSION_DENIED, message, { reason, ...(metadata && { metadata }) })

export const unavailable = (message: string) =>
  new ServiceError(status.UNAVAILABLE, message, { reason: 'DEPENDENCY_UNAVAILABLE', retryAfterMs: 1000 })

export const resourceExhausted = (reason: 'THROTTLED' | 'OVERLOADED', message: string, retryAfterMs: number) =>
  new ServiceError(status.RESOURCE_EXHAUSTED, message, { reason, retryAfterMs })

export const tooLarge = (limit: number) =>
  new ServiceError(status.RESOURCE_EXHAUSTED, `The request is larger than ${limit} bytes, which this method takes.`, {
    reason: 'TOO_LARGE',
  })

export const answerTooLarge = (bytes: number) =>
  new ServiceError(
    status.RESOURCE_EXHAUSTED,
    `The answer would have ${bytes} bytes, and ${answerBytes} is the most. Ask for less, such as a smaller page.`,
    { reason: 'TOO_LARGE' },
  )

/**
 * @returns what goes over the wire for an error: code, message, and `grpc-status-details-bin` with the same and its details.
 * An error that is no ServiceError tells nothing of itself but the trace id.
 */
export function toStatus(error: unknown, traceId: string): Partial<StatusObject> & { metadata: Metadata } {
  const known =
    error instanceof ServiceError
      ? error
      : new ServiceError(
          status.INTERNAL,
          `Something went wrong here. Quote the trace id ${traceId} when you report it.`,
          {
            reason: 'INTERNAL',
          },
        )
  const { reason, metadata = {}, violations = [], retryAfterMs } = known.details
  const details: Any[] = [
    pack('google.rpc.ErrorInfo', ErrorInfo.encode({ reason, domain: 'site11', metadata })),
    pack('google.rpc.RequestInfo', RequestInfo.encode({ requestId: traceId, servingData: '' })),
  ]
  if (violations.length > 0) {
    const fieldViolations = violations.map(({ field, description }) => ({ field, description }))
    details.push(pack('google.rpc.BadRequest', BadRequest.encode(BadRequest.fromPartial({ fieldViolations }))))
  }
  if (retryAfterMs !== undefined) {
    const retryDelay = { seconds: Math.floor(retryAfterMs / 1000), nanos: (retryAfterMs % 1000) * 1e6 }
    details.push(pack('google.rpc.RetryInfo', RetryInfo.encode({ retryDelay })))
  }
  const trailer = new Metadata()
  const bytes = Status.encode({ code: known.code, message: known.message, details }).finish()
  trailer.set('grpc-status-details-bin', Buffer.from(bytes))
  return { code: known.code, details: known.message, metadata: trailer }
}

export interface ReceivedDetails {
  info?: ErrorInfo
  violations: FieldViolation[]
  retryAfterMs?: number
}

/** @returns the details of an error that a call to another service ended with, or undefined when it has none. */
export function detailsOf(error: GrpcError): ReceivedDetails | undefined {
  const [bytes] = error.metadata?.get('grpc-status-details-bin') ?? []
  if (!(bytes instanceof Buffer)) return undefined
  const found: ReceivedDetails = { violations: [] }
  for (const { typeUrl, value } of Status.decode(bytes).details) {
    if (typeUrl.endsWith('/google.rpc.ErrorInfo')) found.info = ErrorInfo.decode(value)
    if (typeUrl.endsWith('/google.rpc.BadRequest')) found.violations = BadRequest.decode(value).fieldViolations
    if (typeUrl.endsWith('/google.rpc.RetryInfo')) {
      const { seconds = 0, nanos = 0 } = RetryInfo.decode(value).retryDelay ?? {}
      found.retryAfterMs = seconds * 1000 + nanos / 1e6
    }
  }
  return found
}

function pack(type: string, writer: { finish(): Uint8Array }): Any {
  return { typeUrl: `type.googleapis.com/${type}`, value: Buffer.from(writer.finish()) }
}
