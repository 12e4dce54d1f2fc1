import { create } from '@bufbuild/protobuf'
import { InstanceBeliefsSchema, RouteSchema } from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import { CallState } from '@site11/proto/es/site11/console/v1/registry_service_pb.ts'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { callsOf } from './breakers.ts'
import { accessOf, holderOf, limitText, methodName, routesLike, spanText } from './facts.ts'
import { gatewaySearch } from './search.ts'

const getUser = create(RouteSchema, {
  service: 'users',
  path: '/site11.users.v1.UsersService/GetUser',
  bindings: [{ verb: 'GET', path: '/api/v1/users/{id}' }],
  policy: { access: { case: 'scope', value: 'users:read' } },
})
const login = create(RouteSchema, {
  service: 'console',
  path: '/site11.console.v1.AuthService/Login',
  bindings: [{ verb: 'POST', path: '/api/v1/auth/login' }],
  policy: { access: { case: 'public', value: true }, rateLimit: { requests: 1200, per: { seconds: 60n } } },
})
const names = (search: object) => routesLike([getUser, login], search).map(({ path }) => methodName(path))

test('routes are found by method, verb, path, scope, service and whether they are limited', () => {
  expect(names({})).toEqual(['UsersService.GetUser', 'AuthService.Login'])
  expect(names({ search: 'getuser' })).toEqual(['UsersService.GetUser'])
  expect(names({ search: 'get /api' })).toEqual(['UsersService.GetUser'])
  expect(names({ search: 'users:read' })).toEqual(['UsersService.GetUser'])
  expect(names({ service: 'console' })).toEqual(['AuthService.Login'])
  expect(names({ limited: true })).toEqual(['AuthService.Login'])
  expect(names({ search: 'nothing' })).toEqual([])
})

test('policies are words', () => {
  expect(accessOf(getUser.policy)).toEqual({ scope: 'users:read' })
  expect(accessOf(login.policy)).toEqual({ word: 'public' })
  expect(login.policy?.rateLimit && limitText(login.policy.rateLimit, 'en')).toBe('1,200 / 1 min')
  expect([spanText(500, 'en'), spanText(65_000, 'en'), spanText(120_000, 'ko')]).toEqual(['500 ms', '65 sec', '2분'])
})

test('who holds a certificate is told by its SPIFFE id', () => {
  expect(holderOf('spiffe://site11/service/users/users-1')).toEqual({ name: 'users-1', kind: 'instance' })
  expect(holderOf('spiffe://site11/proxy/envoy%2F1')).toEqual({ name: 'envoy/1', kind: 'proxy' })
  expect(holderOf('spiffe://site11/console/console-1')).toEqual({ name: 'console-1', kind: 'console' })
  expect(holderOf('spiffe://site11/service/failover/failover').kind).toBe('failover')
  expect(holderOf('edge').kind).toBe('edge')
})

test('calls that are held back come first', () => {
  const instance = (name: string, state: CallState) =>
    create(InstanceBeliefsSchema, { instance: { instance: name, calls: [{ service: 'users', state }] } })
  const instances = new Map([
    ['a-1', instance('a-1', CallState.CLOSED)],
    ['a-2', instance('a-2', CallState.OPEN)],
    ['a-3', instance('a-3', CallState.HALF_OPEN)],
  ])
  expect(callsOf({ instances }).map(({ caller }) => caller)).toEqual(['a-2', 'a-3', 'a-1'])
})

test('an understood search is understood again', () => {
  const keys = fc.constantFrom('tab', 'search', 'service', 'limited', 'rotate')
  fc.assert(
    fc.property(fc.dictionary(keys, fc.anything()), raw => {
      const understood = gatewaySearch(raw)
      expect(gatewaySearch({ ...understood })).toEqual(understood)
    }),
  )
})
