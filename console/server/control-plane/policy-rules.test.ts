import { readFileSync } from 'node:fs'
import { create, createFileRegistry, type DescMethod, fromBinary, setExtension, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema, MethodOptionsSchema } from '@bufbuild/protobuf/wkt'
import { site11Descriptors } from '@site11/proto/descriptors'
import { http } from '@site11/proto/es/google/api/annotations_pb.ts'
import { HttpRuleSchema } from '@site11/proto/es/google/api/http_pb.ts'
import { MethodPolicySchema, method as policyOption } from '@site11/proto/es/site11/policy/v1/policy_pb.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { allScopes } from '../roles.ts'
import { contractsFrom } from './contract.ts'
import { describeProblem, policyProblems } from './policy-rules.ts'
import { scopePolicy } from './route-policies.ts'

type Policy = Parameters<typeof create<typeof MethodPolicySchema>>[1]
type Change = { method: string; policy?: Policy; get?: string | null; name?: string }

const known = { scopes: allScopes, services: ['users', 'console'] }
const bytes = readFileSync(site11Descriptors)

/** Our contracts, in which one method is otherwise. */
function changed({ method: wanted, policy, get, name }: Change, set = fromBinary(FileDescriptorSetSchema, bytes)) {
  const method = set.file.flatMap(file => file.service.flatMap(each => each.method)).find(each => each.name === wanted)
  if (!method) throw new Error(`no method ${wanted}`)
  const options = create(MethodOptionsSchema)
  if (policy) setExtension(options, policyOption, create(MethodPolicySchema, policy))
  if (get !== null) {
    const pattern = { case: 'get' as const, value: get ?? `/api/v1/anything/${wanted}` }
    setExtension(options, http, create(HttpRuleSchema, { pattern }))
  }
  method.options = options
  method.name = name ?? method.name
  return set
}

const methodsOf = (set = fromBinary(FileDescriptorSetSchema, bytes)): DescMethod[] =>
  [...createFileRegistry(set).files]
    .filter(file => file.proto.package.startsWith('site11.'))
    .flatMap(file => file.services)
    .flatMap(service => service.methods)

const problemsOf = (change: Change) => policyProblems(methodsOf(changed(change)), known)

/** Answers that are kept as they may be. */
const kept = { fresh: { seconds: 2n }, stale: { seconds: 1n }, subject: 'users/{id}' }

/** A read, for which this is all that must be said. */
const fine = { access: { case: 'scope', value: 'users:read' }, timeout: { seconds: 5n } } as const
const internal = { case: 'internal', value: true } as const
const open = { case: 'public', value: true } as const

it('our own contracts say nothing that they must not', () => {
  expect(policyProblems(methodsOf(), known).map(describeProblem)).toEqual([])
  expect(methodsOf().length).toBeGreaterThan(40)
})

it('a policy that says what it must is fine', () => {
  for (const policy of [
    fine,
    { ...fine, retry: { attempts: 5 }, callers: ['console'], rateLimit: { requests: 1, per: { nanos: 50_000_000 } } },
    { ...fine, maxRequestBytes: 64 * 1024 * 1024, timeout: { seconds: 86_400n } },
    { ...fine, access: { case: 'authenticated', value: true } as const, callers: ['*'] },
    { ...fine, cache: kept },
  ]) {
    expect(problemsOf({ method: 'GetUser', policy })).toEqual([])
  }
  expect(problemsOf({ method: 'GetUser', policy: { ...fine, access: internal, callers: ['*'] }, get: null })).toEqual(
    [],
  )
})

describe('is refused, by file, line and method', () => {
  it.each<[string, Change]>([
    ['no policy', { method: 'GetUser' }],
    ['nobody who may call', { method: 'GetUser', policy: { ...fine, access: { case: undefined } } }],
    ['public: false', { method: 'GetUser', policy: { ...fine, access: { case: 'public', value: false } } }],
    ['public with callers', { method: 'GetUser', policy: { ...fine, access: open, callers: ['console'] } }],
    ['internal with an HTTP rule', { method: 'GetUser', policy: { ...fine, access: internal, callers: ['console'] } }],
    ['internal without callers', { method: 'GetUser', policy: { ...fine, access: internal }, get: null }],
    ['for callers outside, without an HTTP rule', { method: 'GetUser', policy: fine, get: null }],
    ['a caller that is no service', { method: 'GetUser', policy: { ...fine, callers: ['nobody'] } }],
    ['a caller that could be none', { method: 'GetUser', policy: { ...fine, callers: ['No Body'] } }],
    ['a caller twice', { method: 'GetUser', policy: { ...fine, callers: ['console', 'console'] } }],
    ['all callers and others', { method: 'GetUser', policy: { ...fine, callers: ['*', 'console'] } }],
    ['no timeout', { method: 'GetUser', policy: { access: fine.access } }],
    ['unary without a limit', { method: 'GetUser', policy: { ...fine, timeout: {} } }],
    ['a stream with a timeout', { method: 'WatchUsers', policy: fine }],
    ['a negative timeout', { method: 'GetUser', policy: { ...fine, timeout: { seconds: -1n } } }],
    ['a timeout of more than a day', { method: 'GetUser', policy: { ...fine, timeout: { seconds: 86_401n } } }],
    [
      'a write that is retried as it is',
      {
        method: 'VerifyPassword',
        policy: { ...fine, access: internal, callers: ['*'], retry: { attempts: 1 } },
        get: null,
      },
    ],
    [
      'a retry for which the message has no request_id',
      {
        method: 'VerifyPassword',
        policy: { ...fine, access: internal, callers: ['*'], retry: { attempts: 1, requiresRequestId: true } },
        get: null,
      },
    ],
    [
      'a read whose retry requires a request_id',
      { method: 'CreateUser', policy: { ...fine, retry: { attempts: 1, requiresRequestId: true } }, name: 'GetUser2' },
    ],
    ['a retry of no attempt', { method: 'GetUser', policy: { ...fine, retry: {} } }],
    ['a storm of retries', { method: 'GetUser', policy: { ...fine, retry: { attempts: 6 } } }],
    ['a rate of nothing', { method: 'GetUser', policy: { ...fine, rateLimit: { requests: 0, per: { seconds: 1n } } } }],
    ['a rate without an interval', { method: 'GetUser', policy: { ...fine, rateLimit: { requests: 9 } } }],
    [
      'an interval that Envoy refuses',
      { method: 'GetUser', policy: { ...fine, rateLimit: { requests: 9, per: { nanos: 49_000_000 } } } },
    ],
    [
      'an interval of more than a day',
      { method: 'GetUser', policy: { ...fine, rateLimit: { requests: 9, per: { seconds: 86_401n } } } },
    ],
    ['a body of more than 64 MiB', { method: 'GetUser', policy: { ...fine, maxRequestBytes: 64 * 1024 * 1024 + 1 } }],
    [
      'a body limit for a stream of the caller',
      {
        method: 'Attach',
        policy: { access: internal, callers: ['*'], timeout: {}, maxRequestBytes: 1 },
        get: null,
      },
    ],
    [
      'answers kept of a stream',
      { method: 'WatchUsers', policy: { ...fine, timeout: {}, cache: { fresh: kept.fresh } } },
    ],
    [
      'answers kept that depend on who calls',
      { method: 'GetUser', policy: { ...fine, access: { case: 'authenticated', value: true }, cache: kept } },
    ],
    ['answers kept for no time', { method: 'GetUser', policy: { ...fine, cache: {} } }],
    ['answers kept for a day', { method: 'GetUser', policy: { ...fine, cache: { fresh: { seconds: 86_400n } } } }],
    [
      'answers kept about what the request does not have',
      { method: 'GetUser', policy: { ...fine, cache: { ...kept, subject: 'users/{user.id}' } } },
    ],
    ['a change of what nobody keeps', { method: 'GetUser', policy: { ...fine, changes: ['users/{id}'] } }],
    ['a path that another method has', { method: 'GetMe', policy: fine, get: '/api/v1/users/{id}' }],
    ['a path that cannot be read', { method: 'GetUser', policy: fine, get: '/api/v1/users/{id' }],
    [
      'a change that nobody audits',
      { method: 'CreateUser', policy: { ...fine, access: internal, callers: ['*'] }, get: null },
    ],
    ...['', 'users:', ':read', 'Users:read', 'users:read .*', 'users.*', '(a+)+', 'a|b', 'users:readall'].map(
      (value): [string, Change] => [
        `the scope "${value}"`,
        { method: 'GetUser', policy: { ...fine, access: { case: 'scope', value } } },
      ],
    ),
  ])('%s', (_, change) => {
    const found = problemsOf(change)
    expect(found.map(({ method }) => method.name)).toEqual([change.name ?? change.method])
    const [line = ''] = found.map(describeProblem)
    expect(line).toMatch(/^site11\/(users|console)\/v1\/\w+\.proto:\d+: site11\.\w+\.v1\.\w+\.\w+: \w/)
  })

  it('and all that is wrong with it at once', () => {
    const policy = { ...fine, access: open, callers: ['console'], timeout: {}, retry: { attempts: 0 } }
    expect(problemsOf({ method: 'GetUser', policy })).toHaveLength(3)
  })
})

it('a change that may have to wait for kept answers to expire has the time', () => {
  const set = changed({ method: 'GetUser', policy: { ...fine, cache: kept } })
  const problemsWith = (seconds: bigint) => {
    const policy = { ...fine, audit: true, timeout: { seconds }, changes: ['users/{user.id}'] }
    return policyProblems(methodsOf(changed({ method: 'UpdateUser', policy }, set)), known)
  }
  expect(problemsWith(4n)).toEqual([])
  expect(problemsWith(3n).map(({ method }) => method.name)).toEqual(['UpdateUser'])
})

it('a caller may be a service that has not registered yet, where not all are known', () => {
  const methods = methodsOf(changed({ method: 'GetUser', policy: { ...fine, callers: ['images'] } }))
  expect(policyProblems(methods, { scopes: allScopes })).toEqual([])
})

it('a scope that passes matches at Envoy as itself alone', () => {
  const segment = fc.stringMatching(/^[a-z][a-z0-9_-]{0,8}$/)
  const scopes = fc.array(segment, { minLength: 1, maxLength: 3 }).map(parts => parts.join(':'))
  fc.assert(
    fc.property(scopes, fc.oneof(scopes, fc.string()), (scope, other) => {
      const text = JSON.stringify(scopePolicy(scope))
      const [, regex = ''] = /"regex":"([^"]*)"/.exec(text) ?? []
      const admits = new RegExp(`^(?:${regex})$`).test(other)
      expect(admits).toBe(other.split(' ').includes(scope) && !other.includes('\n'))
    }),
  )
})

it('registration refuses the same, naming the service, file and method', () => {
  const contract = toBinary(
    FileDescriptorSetSchema,
    changed({ method: 'GetUser', policy: { ...fine, access: open, callers: ['console'] } }),
  )
  expect(() => contractsFrom([{ name: 'users', contract }])).toThrow(
    expect.objectContaining({
      service: 'users',
      message: expect.stringMatching(/users_service\.proto.*UsersService\.GetUser: it is public and names callers/),
    }),
  )
})
