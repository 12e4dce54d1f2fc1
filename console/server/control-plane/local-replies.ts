/**
 * What Envoy says when it answers by itself. REST callers get google.rpc.Status as JSON; gRPC and gRPC-Web callers get the
 * same status with the same details in their protocol's form.
 */
import { create, toBinary } from '@bufbuild/protobuf'
import { anyPack } from '@bufbuild/protobuf/wkt'
import { ErrorInfoSchema, RetryInfoSchema } from '@site11/proto/es/google/rpc/error_details_pb.ts'
import { StatusSchema } from '@site11/proto/es/google/rpc/status_pb.ts'
import type { ErrorReason } from '@site11/proto/es/site11/types/v1/errors_pb.ts'
import { accessLogMetadata } from '@site11/runtime/access-log.ts'
import type { Json } from './encode.ts'

/** Where a route keeps what these answers say of its method, and records of its requests. */
export const routeMetadataKey = accessLogMetadata

/** Where the jwt_authn filter says why it refused. */
export const authFailureKey = 'failure'

/** Where the filter of json-fields.ts says which field it does not know. */
export const unknownFieldMetadata = { filter: 'site11', key: 'unknown_field' }

/** The codes that jwt_authn gives for a token that is not there, and for one that was valid once. */
const tokenMissing = 1
const tokenExpired = 3

type Reason = Exclude<keyof typeof ErrorReason, 'UNSPECIFIED'>

type Reply = {
  when: Json
  code: number
  reason: Reason
  /** With Envoy's command operators. */
  message: string
  /** The HTTP status to answer REST callers with, where it is not Envoy's. */
  status?: number
  /** The code over gRPC, where it is another. */
  grpcCode?: number
  metadata?: Json
  details?: Json[]
  /** What gRPC callers are told instead. Printable ASCII: it is a header. */
  grpcMessage?: string
  /** A command operator for the status in base64, where `message` has operators. */
  grpcStatus?: string
}

const logIn = 'log in with POST /api/v1/auth/login and send the header "authorization: Bearer <accessToken>"'

const scopeMissing = (scope: string) =>
  `The access token lacks the scope ${scope}, which this method asks for. An administrator can give you a role that has it.`

const unknownField = `%DYNAMIC_METADATA(${unknownFieldMetadata.filter}:${unknownFieldMetadata.key})%`

const versionNotServed = (service: string, versions: string) =>
  `No instance of ${service} serves the version of the API that the header X-API-Version asks for. Send one of these, or none: ${versions}.`

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
    message: scopeMissing(fromRoute('scope')),
    metadata: { scope: fromRoute('scope') },
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
    reason: 'WRONG_METHOD',
    message: 'This path takes %LOCAL_REPLY_BODY% only, not %REQUEST_HEADER(:METHOD)%.',
    grpcMessage: 'This path is there, but not for this HTTP method.',
  },
  {
    when: status('EQ', 413),
    code: 8,
    reason: 'TOO_LARGE',
    message: 'The request body is too large: 1 MiB is the limit where the contract of a method gives no other.',
  },
  {
    when: status('EQ', 415),
    code: 3,
    reason: 'WRONG_CONTENT_TYPE',
    message: 'This is the path of a gRPC method: send application/grpc or application/grpc-web, or use its REST path.',
  },
  {
    when: status('EQ', 429),
    code: 8,
    reason: 'THROTTLED',
    message: throttled(fromRoute('retry_delay')),
    details: [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: fromRoute('retry_delay') }],
    grpcStatus: fromRoute('throttled'),
  },
  {
    when: status('EQ', 431),
    code: 3,
    reason: 'TOO_LARGE',
    message: 'The request headers are too large: 32 KiB and 100 headers are the limits.',
  },
  {
    // Before what follows: that there was no place for another attempt is not why it took too long.
    when: status('EQ', 504),
    code: 4,
    reason: 'DEPENDENCY_UNAVAILABLE',
    message: 'The service did not answer in time. A read can be sent again; a write too if it carries a request_id.',
  },
  {
    when: { or_filter: { filters: [flags('UO', 'OM'), status('EQ', 408)] } },
    code: 14,
    reason: 'OVERLOADED',
    message: 'The server is at its limit. Try again in a moment.',
  },
  {
    when: { and_filter: { filters: [status('EQ', 503), flags('UC', 'UR', 'LR')] } },
    code: 14,
    reason: 'DEPENDENCY_UNAVAILABLE',
    message:
      'The service was lost before it answered. A read can be sent again; a write too if it carries a request_id.',
  },
  {
    when: { and_filter: { filters: [status('GE', 502), status('LE', 503)] } },
    code: 14,
    reason: 'DEPENDENCY_UNAVAILABLE',
    message: 'No healthy instance of the service can be reached. Try again in a moment.',
  },
  {
    // Its route leads to a cluster that does not exist, with this status: no other does.
    when: { and_filter: { filters: [status('EQ', 500), flags('NC')] } },
    status: 400,
    code: 9,
    reason: 'VERSION_NOT_SERVED',
    message: versionNotServed(fromRoute('service'), fromRoute('api_versions')),
    metadata: { api_versions: fromRoute('api_versions') },
    grpcStatus: fromRoute('version_not_served'),
  },
  {
    when: status('GE', 500),
    code: 13,
    reason: 'INTERNAL',
    message: 'The proxy could not handle this call. The x-request-id of this answer finds it in the log.',
  },
  {
    when: dynamicMetadata(unknownFieldMetadata.filter, [unknownFieldMetadata.key], { present_match: true }),
    code: 3,
    reason: 'INVALID_FIELD',
    message: `The request body has the field "${unknownField}", which this method does not have.`,
    details: [
      {
        '@type': 'type.googleapis.com/google.rpc.BadRequest',
        fieldViolations: [{ field: unknownField, description: 'unknown field' }],
      },
    ],
    grpcMessage: 'The request is malformed.',
  },
  {
    when: status('GE', 400),
    code: 3,
    reason: 'INVALID_FIELD',
    message: 'The request is malformed: %LOCAL_REPLY_BODY%',
    grpcMessage: 'The request is malformed.',
  },
]

export function localReplyConfig(): Json {
  return { mappers: replies.flatMap(reply => [restMapper(reply), grpcMapper(reply)]) }
}

/** Leads to the line of the access log, where the trace is named; a proxy does not know here which it is. */
const requestInfo: Json = {
  '@type': 'type.googleapis.com/google.rpc.RequestInfo',
  requestId: '%REQUEST_HEADER(X-REQUEST-ID)%',
}

/** What a route tells of its method for these answers, as its metadata has it; a delay is in seconds. */
export function routeMetadata(
  scope: string | undefined,
  retryDelay: number | undefined,
  lasting: boolean,
): { [filter: string]: Json } {
  const metadata: Json = {}
  // For the records of requests: how long those took that last as long as their caller says nothing.
  if (lasting) metadata.stream = 'yes'
  if (scope !== undefined) {
    metadata.scope = scope
    metadata.scope_missing = statusBase64(7, 'SCOPE_MISSING', scopeMissing(scope), { scope })
  }
  if (retryDelay !== undefined) {
    metadata.retry_delay = `${retryDelay}s`
    metadata.throttled = statusBase64(8, 'THROTTLED', throttled(`${retryDelay}s`), {}, retryDelay)
  }
  return { [routeMetadataKey]: metadata }
}

/** What the route for API versions that no instance serves tells of those that there are. */
export function versionMetadata(service: string, versions: string[]): Json {
  const api_versions = versions.join(', ')
  const text = versionNotServed(service, api_versions)
  const version_not_served = statusBase64(9, 'VERSION_NOT_SERVED', text, { api_versions })
  return { filter_metadata: { [routeMetadataKey]: { service, api_versions, version_not_served } } }
}

function restMapper({ when, status, code, reason, message, metadata, details = [] }: Reply): Json {
  const info: Json = { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason, domain: 'site11' }
  if (metadata) info.metadata = metadata
  return {
    filter: allOf(when, isGrpc(false)),
    ...(status && { status_code: status }),
    body_format_override: { json_format: { code, message, details: [info, ...details, requestInfo] } },
  }
}

/**
 * The answer is all in headers: a body would make the grpc_web filter take the status of HTTP for that of gRPC, and the
 * status of HTTP is 200, because gRPC-Web clients look no further otherwise.
 */
function grpcMapper({ when, code, grpcCode = code, reason, message, grpcMessage = message, grpcStatus }: Reply): Json {
  return {
    filter: allOf(when, isGrpc(true)),
    status_code: 200,
    body_format_override: {
      content_type: 'application/grpc',
      text_format_source: { inline_string: '%REQUEST_HEADER(site11-none)%' },
      omit_empty_values: true,
    },
    headers_to_add: [
      header('grpc-status', String(grpcCode)),
      header('grpc-message', grpcMessage),
      header('grpc-status-details-bin', grpcStatus ?? statusBase64(grpcCode, reason, grpcMessage)),
    ],
  }
}

function header(key: string, value: string): Json {
  return { header: { key, value }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' }
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
  return dynamicMetadata('envoy.filters.http.jwt_authn', [authFailureKey, 'code'], value)
}

function dynamicMetadata(filter: string, path: string[], value: Json): Json {
  const matcher = { filter, path: path.map(key => ({ key })), value }
  return { metadata_filter: { matcher, match_if_key_not_found: false } }
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
