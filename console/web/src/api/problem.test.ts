import { Code, ConnectError } from '@connectrpc/connect'
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RequestInfoSchema,
  RetryInfoSchema,
} from '@site11/proto/es/google/rpc/error_details_pb.ts'
import { expect, test } from 'vitest'
import { noteOrigin, problemDetails, problemFrom } from './problem.ts'

test('a rich status becomes reason, fields, retry and trace', () => {
  const error = new ConnectError('Too long.', Code.InvalidArgument, undefined, [
    { desc: ErrorInfoSchema, value: { reason: 'INVALID_FIELD', domain: 'site11', metadata: { a: 'b' } } },
    { desc: RequestInfoSchema, value: { requestId: 'trace-1' } },
    {
      desc: BadRequestSchema,
      value: { fieldViolations: [{ field: 'user.display_name', description: 'is too long' }] },
    },
    { desc: RetryInfoSchema, value: { retryDelay: { seconds: 2n, nanos: 500_000_000 } } },
  ])
  expect(problemFrom(noteOrigin(error, 'site11.users.v1.UsersService/UpdateMe'))).toMatchObject({
    code: 'INVALID_ARGUMENT',
    reason: 'INVALID_FIELD',
    metadata: { a: 'b' },
    violations: [{ field: 'user.displayName', description: 'is too long' }],
    retryAfterMs: 2500,
    traceId: 'trace-1',
    method: 'site11.users.v1.UsersService/UpdateMe',
  })
})

test('no answer at all is UNAVAILABLE', () => {
  expect(problemFrom(ConnectError.from(new TypeError('Failed to fetch'))).code).toBe('UNAVAILABLE')
})

test('an answer of the edge without details still has its code and request id', () => {
  const error = new ConnectError('Jwt is missing', Code.Unauthenticated, { 'x-request-id': 'r-1' })
  expect(problemFrom(error)).toMatchObject({ code: 'UNAUTHENTICATED', reason: undefined, traceId: 'r-1' })
})

test('a fault of the page is told apart from one of a server', () => {
  expect(problemFrom(new RangeError('no')).code).toBe('CLIENT')
})

test('the details for a report leave out what is not known', () => {
  const problem = problemFrom(new ConnectError('Gone.', Code.NotFound))
  expect(problemDetails(problem)).toBe(`code: NOT_FOUND\ntime: ${problem.time.toISOString()}\nmessage: Gone.`)
})

test('an unknown detail is no obstacle', () => {
  const error = new ConnectError('x', Code.Aborted)
  error.details.push({ type: 'some.other.Detail', value: new Uint8Array([255]) })
  expect(problemFrom(error).code).toBe('ABORTED')
})
