import { Metadata } from '@grpc/grpc-js'
import { anonymous } from '@site11/runtime/caller.ts'
import { ServiceError } from '@site11/runtime/errors.ts'
import { expect, test } from 'vitest'
import { acceptOperatorToken, operatorTokenHeader } from './operator.ts'

const token = 'a token for tests only'
const showing = (value?: string) => {
  const metadata = new Metadata()
  if (value !== undefined) metadata.set(operatorTokenHeader, value)
  return metadata
}
const authenticate = acceptOperatorToken(token, () => anonymous)

test('whoever shows the token is the operator, who may look at the mesh and change it, and nothing else', () => {
  expect(authenticate(showing(token), undefined)).toMatchObject({
    kind: 'user',
    userId: 'operator',
    scopes: new Set(['mesh:read', 'mesh:write']),
  })
})

test('whoever shows none is left to the next', () => {
  expect(authenticate(showing(), undefined)).toBe(anonymous)
})

test.each([
  ['another token', authenticate, 'another token for tests'],
  ['an empty token', authenticate, ''],
  ['a token where there is none', acceptOperatorToken(undefined, () => anonymous), token],
  ['the word undefined where there is none', acceptOperatorToken(undefined, () => anonymous), 'undefined'],
])('%s is refused', (_, by, value) => {
  let refused: unknown
  try {
    by(showing(value), undefined)
  } catch (error) {
    refused = error
  }
  expect(refused).toBeInstanceOf(ServiceError)
  expect((refused as ServiceError).details.reason).toBe('TOKEN_INVALID')
})
