import { spawnSync } from 'node:child_process'
import {
  create,
  createFileRegistry,
  fromJson,
  type JsonObject,
  type MessageInitShape,
  toJson,
} from '@bufbuild/protobuf'
import { AuthService } from '@site11/proto/es/site11/console/v1/auth_service_pb.ts'
import { RegistryService, SecretKind } from '@site11/proto/es/site11/console/v1/registry_service_pb.ts'
import { CreateUserRequestSchema, UsersService } from '@site11/proto/es/site11/users/v1/users_service_pb.ts'
import { assert, property, string } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { kindsContract } from '../explorer/kinds-fixture.ts'
import { copyCall } from './copy-call.ts'
import { messageLiteral } from './message-literal.ts'

const origin = 'http://localhost:8000'
const { createUser, listUsers, watchUsers } = UsersService.method

/** What a shell makes of a command: its words, each variable as `$NAME`. */
function wordsOf(command: string): string[] {
  const script = `curl() { printf '%s\\0' "$@"; }\ngrpcurl() { printf '%s\\0' "$@"; }\n${command}`
  const env = { PATH: process.env.PATH, TOKEN: '$TOKEN', PASSWORD: '$PASSWORD', NEW_PASSWORD: '$NEW_PASSWORD' }
  return spawnSync('sh', ['-c', script], { encoding: 'utf8', env }).stdout.split('\0').slice(0, -1)
}

describe('curl', () => {
  test('has verb, address, token and body', () => {
    const text = copyCall('curl', { method: createUser, request: { user: { email: 'a@b.kr' } }, origin }) ?? ''
    const words = wordsOf(text)
    expect(words.slice(0, 6)).toEqual([
      ...['-sS', '-X', 'POST', `${origin}/api/v1/users`],
      ...['-H', 'Authorization: Bearer $TOKEN'],
    ])
    expect(JSON.parse(words.at(-1) ?? '')).toEqual({ user: { email: 'a@b.kr' } })
    expect(text).toMatch(/^# TOKEN=\$\(curl .*auth\/login/)
  })

  test('says what the request says, whatever signs are in it', () => {
    assert(
      property(string({ unit: 'binary' }), name => {
        const request = { user: { displayName: name.replaceAll('\0', '') } }
        const words = wordsOf(copyCall('curl', { method: createUser, request, origin }) ?? '')
        expect(fromJson(CreateUserRequestSchema, JSON.parse(words.at(-1) ?? ''))).toEqual(
          create(CreateUserRequestSchema, request),
        )
      }),
      { numRuns: 25 },
    )
  })

  test('asks for a stream without waiting for its end, and for public methods without a token', () => {
    expect(wordsOf(copyCall('curl', { method: watchUsers, request: {}, origin }) ?? '')[0]).toBe('-sSN')
    expect(copyCall('curl', { method: AuthService.method.login, request: {}, origin })).not.toContain('TOKEN')
  })

  test('is not there for a method without a REST form', () => {
    expect(copyCall('curl', { method: UsersService.method.verifyPassword, request: {}, origin })).toBeUndefined()
  })
})

test('no secret is in what is copied: variables stand in its place', () => {
  const request = { currentPassword: 'pässword one', newPassword: 'password two' }
  const call = { method: AuthService.method.changePassword, request, origin }
  for (const kind of ['curl', 'grpcurl', 'typescript'] as const) {
    expect(copyCall(kind, call)).not.toMatch(/pässword|password two/)
  }
  const body = wordsOf(copyCall('curl', call) ?? '').at(-1) ?? ''
  expect(JSON.parse(body).newPassword).toBe('$NEW_PASSWORD')
  expect(copyCall('typescript', call)).toContain('(token: string, currentPassword: string, newPassword: string)')
})

test('grpcurl fetches the contracts that it needs', () => {
  const [fetched, called] = (copyCall('grpcurl', { method: listUsers, request: { pageSize: 2 }, origin }) ?? '')
    .split('\n')
    .filter(line => !line.startsWith('#') && /^\w/.test(line))
  expect(fetched).toContain(`${origin}/descriptors.binpb`)
  expect(called).toMatch(/^grpcurl -plaintext -protoset descriptors\.binpb/)
  const tls = copyCall('grpcurl', { method: listUsers, request: {}, origin: 'https://api.example.org' })
  expect(tls).toContain('api.example.org:443 site11.users.v1.UsersService/ListUsers')
  expect(tls).not.toContain('-plaintext')
})

test('TypeScript imports what it names', () => {
  const request = { kind: SecretKind.SIGNING_KEY }
  expect(copyCall('typescript', { method: RegistryService.method.rotateSecrets, request, origin })).toMatch(
    /import \{ RegistryService, SecretKind \} from '@site11\/proto\/es\/site11\/console\/v1\/registry_service_pb\.ts'[\s\S]*kind: SecretKind\.SIGNING_KEY/,
  )
})

describe('a message as a literal', () => {
  const registry = createFileRegistry(kindsContract())
  const kinds = registry.getMessage('site11.kinds.v1.KindsRequest')
  if (!kinds) throw new Error('The fixture has no request.')
  const colours = { Colour: { RED: 1 } }
  /** @returns the message that the code makes. */
  const evaluated = (text: string): JsonObject => {
    const init = new Function('Colour', 'password', `return ${text}`)(colours.Colour, 'secret') as MessageInitShape<
      typeof kinds
    >
    return toJson(kinds, create(kinds, init), { registry }) as JsonObject
  }

  test('makes the same message, with every kind of field', () => {
    const json: JsonObject = {
      text: 'it\'s "so" \\ `$(x)`\n\u2028',
      amount: -3,
      large: '9223372036854775807',
      ratio: 1.5,
      flag: true,
      data: 'AQID',
      colour: 'COLOUR_RED',
      words: ['a', ''],
      counts: { 'a b': 1 },
      inner: { inner: { text: 'deep' } },
      inners: [{}, { flag: true }],
      byNumber: 0,
      maybe: false,
      time: '2026-01-01T00:00:00Z',
      duration: '1.500s',
      mask: 'text,byText',
      wrapped: '',
      wrappedNumber: '5',
      free: { a: [1, null, { b: 'c' }] },
      value: [true, null],
      any: { '@type': 'type.googleapis.com/site11.kinds.v1.KindsRequest', text: 'x' },
      password: 'secret',
    }
    const { text, imports, parameters } = messageLiteral(kinds, fromJson(kinds, json, { registry }))
    expect(evaluated(text)).toEqual(json)
    expect([imports, parameters]).toEqual([[{ file: 'site11/kinds/v1/kinds_service', name: 'Colour' }], ['password']])
  })

  test('keeps any text', () => {
    assert(
      property(string({ unit: 'binary' }), name => {
        const message = create(kinds, { text: name } as MessageInitShape<typeof kinds>)
        expect(evaluated(messageLiteral(kinds, message).text)).toEqual(toJson(kinds, message))
      }),
    )
  })
})
