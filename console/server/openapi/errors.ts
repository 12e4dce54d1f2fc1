/** The errors that a method can answer with, and what each looks like. */
import { type DescMethod, getOption } from '@bufbuild/protobuf'
import { method as policyOption } from '@site11/proto/es/site11/policy/v1/policy_pb.ts'
import type { Json, Schema } from './schemas.ts'

interface Example {
  code: number
  reason: string
  message: string
  metadata?: { [name: string]: string }
  /** Besides the ErrorInfo. */
  details?: { [name: string]: Json }[]
}
interface Kind extends Example {
  status: number
  description: string
  /** What else comes with this status. */
  also?: Example
}

const type = (name: string) => `type.googleapis.com/google.rpc.${name}`

const kinds = {
  Invalid: {
    status: 400,
    code: 3,
    reason: 'INVALID_FIELD',
    message: 'id: must be a valid UUID',
    description:
      'The request breaks a rule of the contract (`BadRequest` names each field), or no instance serves the version that `X-API-Version` asks for.',
    details: [{ '@type': type('BadRequest'), fieldViolations: [{ field: 'id', description: 'must be a valid UUID' }] }],
    also: {
      code: 9,
      reason: 'VERSION_NOT_SERVED',
      message:
        'No instance of users serves the version of the API that the header X-API-Version asks for. Send one of these, or none: 1.0, 1.1.',
      metadata: { api_versions: '1.0, 1.1' },
    },
  },
  Unauthenticated: {
    status: 401,
    code: 16,
    reason: 'TOKEN_EXPIRED',
    message: 'The access token has expired: renew it with POST /api/v1/auth/refresh.',
    description: 'The access token is missing, has expired or is not valid.',
  },
  Forbidden: {
    status: 403,
    code: 7,
    reason: 'SCOPE_MISSING',
    message: 'The access token lacks the scope that this method asks for.',
    description: 'The access token lacks the scope.',
  },
  NotFound: {
    status: 404,
    code: 5,
    reason: 'NOT_FOUND',
    message: 'There is no such resource.',
    description: 'What the path names does not exist.',
  },
  Throttled: {
    status: 429,
    code: 8,
    reason: 'THROTTLED',
    message: 'This method is called too often. Try again in 60s.',
    description: 'Called too often. `RetryInfo` says when to try again.',
    details: [{ '@type': type('RetryInfo'), retryDelay: '60s' }],
  },
  Unavailable: {
    status: 503,
    code: 14,
    reason: 'DEPENDENCY_UNAVAILABLE',
    message: 'No healthy instance of the service can be reached. Try again in a moment.',
    description: 'The service, or what it stands on, does not answer.',
  },
} satisfies Record<string, Kind>

/** @param error the schema of an error. @returns the responses that operations refer to. */
export function errorResponses(error: Schema): { [name: string]: Json } {
  return Object.fromEntries(
    Object.entries<Kind>(kinds).map(([name, kind]) => {
      const examples = [kind, ...(kind.also ? [kind.also] : [])].map(each => [each.reason, { value: exampleOf(each) }])
      return [
        name,
        {
          description: kind.description,
          content: { 'application/json': { schema: error, examples: Object.fromEntries(examples) } },
        },
      ]
    }),
  )
}

function exampleOf({ code, reason, message, metadata = {}, details = [] }: Example): Json {
  return { code, message, details: [{ '@type': type('ErrorInfo'), reason, domain: 'site11', metadata }, ...details] }
}

/** @param named whether the path names a resource. @returns the responses of a method that are errors, by their HTTP status. */
export function errorsOf(method: DescMethod, named: boolean): { [status: string]: Json } {
  const { access, rateLimit } = getOption(method, policyOption)
  const possible: (keyof typeof kinds)[] = [
    'Invalid',
    ...(access.case === 'public' ? [] : (['Unauthenticated'] as const)),
    ...(access.case === 'scope' ? (['Forbidden'] as const) : []),
    ...(named ? (['NotFound'] as const) : []),
    ...(rateLimit ? (['Throttled'] as const) : []),
    'Unavailable',
  ]
  return Object.fromEntries(possible.map(name => [kinds[name].status, { $ref: `#/components/responses/${name}` }]))
}
