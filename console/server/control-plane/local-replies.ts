/**
 * What Envoy says when it answers by itself. REST callers get google.rpc.Status as JSON; gRPC and gRPC-Web callers get the
 * same status with the same details in their protocol's form.
 */
import { create, toBinary } from '@bufbuild/protobuf'
import { anyPack } from '@bufbuild/protobuf/wkt'
import { ErrorInfoSchema, RetryInfoSchema } from '@site11/proto/es/google/rpc/error_details_pb.ts'
import { StatusSchema } from '@site11/proto/es/google/rpc/status_pb.ts'
import type { ErrorReason } from '@site11/proto/es/site11/types/v1/errors_pb.ts'
import type { Json } from './encode.ts'

/** Where a route keeps what these answers say of its method. */
export const routeMetadataKey = 'site11'

/** Where the jwt_authn filter says why it refused. */
export const authFailureKey = 'failure'

/** The codes that jwt_authn gives for a token that is not there, and for one that was valid once. */
const tokenMissing = 1
const tokenExpired = 3

type Reason = Exclude<keyof typeof ErrorReason, 'UNSPECIFIED'>

/** `message` has no `%`: Envoy would take it for a command operator. */
type Reply = {
  when: Json
  code: number
  reason: Reason
  message: string
  /** The HTTP status to answer with, where it is not Envoy's. */
  status?: number
  /** The code over gRPC, where it is another. */
  grpcCode?: number
  /** What REST callers are told instead, more exactly, with Envoy's command operators. */
  rest?: { message: string; metadata?: Json; details?: Json[] }
  /** A command operator for the status that gRPC callers get instead, in base64. */
  grpcStatus?: string
}

const logIn = 'log in with POST /api/v1/auth/login and send the header "authorization: Bearer <accessToken>"'

const scopeMissing = (scope: string) =>
  `The access token lacks the scope ${scope}, which this method asks for. An administrator can give you a role that has it.`

const throttled = (delay: string) => `This method is called too often. Try again in ${delay}.`

/** The first that fits is taken. */
const replies: Reply[] = [
  {
    when: authFailure(tokenMissing),
    code: 16,
    reason: 'TOKEN_MISSING',
    message: `This method needs an access token: ${logIn}.`,
  },
  {
    when: authFailure(tokenExpired),
    code: 16,
    reason: 'TOKEN_EXPIRED',
    message: `The access token has expired: renew it with POST /api/v1/auth/refresh, or ${logIn}.`,
  },
  {
    when: anyAuthFailure(),
    status: 401,
    code: 16,
    reason: 'TOKEN_INVALID',
    message: `The access token is malformed, forged, not valid yet, or of another issuer or audience: ${logIn}.`,
  },
  {
    when: status('EQ', 403),
    code: 7,
    reason: 'SCOPE_MISSING',
    message: 'The access token lacks the scope that this method asks for.',
    rest: { message: scopeMissing(fromRoute('scope')), metadata: { scope: fromRoute('scope') } },
    grpcStatus: fromRoute('scope_missing'),
  },
  {
    when: status('EQ', 404),
    code: 5,
    grpcCode: 12,
    reason: 'NOT_FOUND',
    message: 'The API has no such method. /openapi.json lists all there are.',
  },
  {
    when: status('EQ', 405),
    code: 12,
    reason: 'NOT_FOUND',
    message: 'This path is there, but not for this HTTP method; the header "allow" has those it takes.',
    rest: { message: 'This path takes %LOCAL_REPLY_BODY% only, not %REQUEST_HEADER(:METHOD)%.' },
  },
  {
    when: status('EQ', 413),
    code: 8,
    reason: 'INVALID_FIELD',
    message: 'The request body is too large: 1 MiB is the limit where the contract of a method gives no other.',
  },
  {
    when: status('EQ', 415),
    code: 3,
    reason: 'INVALID_FIELD',
    message: 'This is the path of a gRPC method: send application/grpc or application/grpc-web, or use its REST path.',
  },
  {
    when: status('EQ', 429),
    code: 8,
    reason: 'THROTTLED',
    message: 'This method is called too often. Try again later.',
    rest: {
      message: throttled(fromRoute('retry_delay')),
      details: [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: fromRoute('retry_delay') }],
    },
    grpcStatus: fromRoute('throttled'),
  },
  {
    when: status('EQ', 431),
    code: 3,
    reason: 'INVALID_FIELD',
    message: 'The request headers are too large: 32 KiB and 100 headers are the limits.',
  },
  {
    when: { or_filter: { filters: [flags('UO', 'OM'), status('EQ', 408)] } },
    code: 14,
    reason: 'OVERLOADED',
    message: 'The server is at its limit. Try again in a moment.',
  },
  {
    when: status('EQ', 504),
    code: 4,
    reason: 'DEPENDENCY_UNAVAILABLE',
    message: 'The service did not answer in time. A read can be sent again; a write too if it carries a request_id.',
  },
  {
    when: { and_filter: { filters: [status('GE', 502), status('LE', 503)] } },
    code: 14,
    reason: 'DEPENDENCY_UNAVAILABLE',
    message: 'No healthy instance of the service can be reached. Try again in a moment.',
  },
  {
    when: status('GE', 500),
    code: 13,
    reason: 'INTERNAL',
    message: 'The proxy could not handle this call. The x-request-id of this answer finds it in the log.',
  },
  {
    when: status('GE', 400),
    code: 3,
    reason: 'INVALID_FIELD',
    message: 'The request is malformed.',
    rest: { message: 'The request is malformed: %LOCAL_REPLY_BODY%' },
  },
]

export function localReplyConfig(): Json {
  return { mappers: replies.flatMap(reply => [restMapper(reply), grpcMapper(reply)]) }
}

/** What a route tells of its method for these answers; a delay is in seconds. */
export function routeMetadata(scope: string | undefined, retryDelay: number | undefined): Json {
  const metadata: Json = {}
  if (scope !== undefined) {
    metadata.scope = scope
    metadata.scope_missing = statusBase64(7, 'SCOPE_MISSING', scopeMissing(scope), { scope })
  }
  if (retryDelay !== undefined) {
    metadata.retry_delay = `${retryDelay}s`
    metadata.throttled = statusBase64(8, 'THROTTLED', throttled(`${retryDelay}s`), {}, retryDelay)
  }
  return { filter_metadata: { [routeMetadataKey]: metadata } }
}

function restMapper({ when, status, code, reason, message, rest }: Reply): Json {
  const info: Json = { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason, domain: 'site11' }
  if (rest?.metadata) info.metadata = rest.metadata
  const body = { code, message: rest?.message ?? message, details: [info, ...(rest?.details ?? [])] }
  return { filter: allOf(when, isGrpc(false)), ...statusCode(status), body_format_override: { json_format: body } }
}

function grpcMapper({ when, status, code, grpcCode = code, reason, message, grpcStatus }: Reply): Json {
  const details = grpcStatus ?? statusBase64(grpcCode, reason, message)
  return {
    filter: allOf(when, isGrpc(true)),
    ...statusCode(status),
    body_format_override: { text_format_source: { inline_string: message } },
    headers_to_add: [header('grpc-status', String(grpcCode)), header('grpc-status-details-bin', details)],
  }
}

function header(key: string, value: string): Json {
  return { header: { key, value }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' }
}

function statusCode(status: number | undefined): Json {
  return status === undefined ? {} : { status_code: status }
}

/** gRPC and gRPC-Web, by what the caller sent; a transcoded request looks like gRPC, but has an original path. */
function isGrpc(wanted: boolean): Json {
  const contentType = {
    name: 'content-type',
    string_match: { prefix: 'application/grpc' },
    treat_missing_header_as_empty: true,
    invert_match: !wanted,
  }
  const transcoded = { name: 'x-envoy-original-path', present_match: true, invert_match: wanted }
  const filters = [contentType, transcoded].map(matcher => ({ header_filter: { header: matcher } }))
  return wanted ? { and_filter: { filters } } : { or_filter: { filters } }
}

function allOf(...filters: Json[]): Json {
  return { and_filter: { filters } }
}

function status(op: 'EQ' | 'GE' | 'LE', code: number): Json {
  return { status_code_filter: { comparison: { op, value: { default_value: code, runtime_key: 'site11.unused' } } } }
}

function flags(...flags: string[]): Json {
  return { response_flag_filter: { flags } }
}

function authFailure(code: number): Json {
  return authMetadata({ double_match: { exact: code } })
}

function anyAuthFailure(): Json {
  return authMetadata({ present_match: true })
}

function authMetadata(value: Json): Json {
  const path = [{ key: authFailureKey }, { key: 'code' }]
  return {
    metadata_filter: {
      matcher: { filter: 'envoy.filters.http.jwt_authn', path, value },
      match_if_key_not_found: false,
    },
  }
}

function fromRoute(key: string): string {
  return `%METADATA(ROUTE:${routeMetadataKey}:${key})%`
}

function statusBase64(
  code: number,
  reason: Reason,
  message: string,
  metadata: Record<string, string> = {},
  retrySeconds?: number,
): string {
  const details = [anyPack(ErrorInfoSchema, create(ErrorInfoSchema, { reason, domain: 'site11', metadata }))]
  if (retrySeconds !== undefined) {
    const retryDelay = { seconds: BigInt(retrySeconds) }
    details.push(anyPack(RetryInfoSchema, create(RetryInfoSchema, { retryDelay })))
  }
  return Buffer.from(toBinary(StatusSchema, create(StatusSchema, { code, message, details }))).toString('base64')
}
