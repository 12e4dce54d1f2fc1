/** The errors that a method can answer with, and what each looks like. */
import { type DescMethod, getOption } from '@bufbuild/protobuf'
import { method as policyOption } from '@site11/proto/es/site11/policy/v1/policy_pb.ts'
import type { Json, Schema } from './schemas.ts'

interface Kind {
  status: number
  code: number
  reason: string
  message: string
  description: string
  /** Besides the ErrorInfo. */
  details?: { [name: string]: Json }[]
}

const type = (name: string) => `type.googleapis.com/google.rpc.${name}`

const kinds = {
  Invalid: {
    status: 400,
    code: 3,
    reason: 'INVALID_FIELD',
    message: 'id: must be a valid UUID',
    description: 'The request breaks a rule of the contract. `BadRequest` names each field.',
    details: [{ '@type': type('BadRequest'), fieldViolations: [{ field: 'id', description: 'must be a valid UUID' }] }],
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
    Object.entries<Kind>(kinds).map(([name, { code, reason, message, description, details = [] }]) => {
      const info = { '@type': type('ErrorInfo'), reason, domain: 'site11', metadata: {} }
      const example = { code, message, details: [info, ...details] }
      return [name, { description, content: { 'application/json': { schema: error, example } } }]
    }),
  )
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
