import { Metadata } from '@grpc/grpc-js'
import type { Call } from '@site11/runtime/call.ts'
import { expect, test } from 'vitest'
import { cookieOf, requireOwnOrigin, setCookie } from './cookie.ts'

const callWith = (headers: Record<string, string>) =>
  ({ metadata: Metadata.fromHttp2Headers(headers) }) as unknown as Call
const rules = { secure: false, origins: ['http://localhost:8000'] }

test.each([
  ['site11_refresh=abc', 'abc'],
  ['a=1; site11_refresh=abc; b=2', 'abc'],
  ['a=1;site11_refresh=abc', 'abc'],
  ['site11_refresh=', undefined],
  ['xsite11_refresh=abc', undefined],
  ['site11_refresh', undefined],
  ['', undefined],
])('in the header %j the token is %j', (cookie, token) => {
  expect(cookieOf(callWith({ cookie }))).toBe(token)
})

test('without the header there is none', () => {
  expect(cookieOf(callWith({}))).toBeUndefined()
})

test.each([
  [true, 'site11_refresh=abc; HttpOnly; SameSite=Strict; Path=/; Max-Age=90; Secure'],
  [false, 'site11_refresh=abc; HttpOnly; SameSite=Strict; Path=/; Max-Age=90'],
])(
  'the cookie is out of reach of scripts and other sites, and with https (%j) of eavesdroppers',
  (secure, expected) => {
    const headers = new Map<string, string>()
    const call = { setHeader: (name: string, value: string) => void headers.set(name, value) } as unknown as Call
    setCookie(call, 'abc', 90.7, { ...rules, secure })
    expect(headers.get('set-cookie')).toBe(expected)
  },
)

test('pages of other origins are refused, programs without an origin are not', () => {
  requireOwnOrigin(callWith({}), rules)
  requireOwnOrigin(callWith({ origin: 'http://localhost:8000' }), rules)
  for (const origin of ['http://evil.example', 'null', 'http://localhost:8000.evil.example']) {
    expect(() => requireOwnOrigin(callWith({ origin }), rules)).toThrow(expect.objectContaining({ code: 7 }))
  }
})
