import { expect, test } from 'vitest'
import { consoleConfig } from './config.ts'
import { meshStateFrom, originsOf, peersFrom } from './mesh-state.ts'
import type { Instance, KnownService, State } from './registry/registry.ts'

const config = consoleConfig({
  SITE11_LISTEN: '127.0.0.1:8003',
  SITE11_HTTP_LISTEN: '127.0.0.1:8002',
  SITE11_JOIN_TOKEN: 'a join token for tests',
  SITE11_MONGO_URL: 'mongodb://127.0.0.1/console_db',
  SITE11_SECRET_KEY: Buffer.alloc(32).toString('base64'),
  SITE11_PUBLIC_URL: 'https://mesh.example',
  SITE11_CORS_ORIGINS: 'https://app.example, https://mesh.example',
})
const own = {
  version: '1.0.0',
  contract: Buffer.from('own'),
  grpc: { ip: '10.0.0.1', port: 8003 },
  http: { ip: '10.0.0.1', port: 8002 },
}
const instance = (name: string, port: number, change: Partial<Instance> = {}) =>
  ({
    service: 'users',
    instance: name,
    version: '1.0.0',
    ip: '10.0.0.2',
    port,
    zone: 'a',
    draining: false,
    health: { status: 'healthy', since: new Date(0), reason: '' },
    ...change,
  }) as Instance
const known = (contractHash: string): KnownService => ({
  contractHash,
  contractTime: new Date(0),
  acceptedHash: undefined,
  refused: undefined,
  emptySinceMs: undefined,
})
const failing = { health: { status: 'failing', since: new Date(0), reason: '' } } as const
const state: State = {
  instances: new Map([
    ['users-1', instance('users-1', 1)],
    ['users-2', instance('users-2', 2, failing)],
    ['users-3', instance('users-3', 3, { draining: true })],
    ['users-4', instance('users-4', 4, { drained: { by: 'operator', reason: '', time: new Date(0) } })],
  ]),
  services: new Map([
    ['users', known('h1')],
    ['images', known('h2')],
    ['lost', known('h3')],
  ]),
  marks: new Map(),
  tickMs: 0,
}
const contracts = new Map([
  ['h1', Buffer.from('users')],
  ['h2', Buffer.from('images')],
])

const options = {
  registry: state,
  contracts,
  waiting: new Set<string>(),
  jwks: { keys: [] },
  tls: undefined,
  trustBundle: 'PEM',
  config,
  own,
}

test('proxies are told of every instance of every known service, whatever its health, and of the Console', () => {
  const { services, dashboard, issuer, audience } = meshStateFrom(options)
  expect(
    services.map(({ name, instances }) => [
      name,
      instances.map(({ instance, healthy, draining }) => [instance, healthy, draining]),
    ]),
  ).toEqual([
    [
      'users',
      [
        ['users-1', true, false],
        ['users-2', false, false],
        ['users-3', true, true],
        ['users-4', true, true],
      ],
    ],
    ['images', []],
    ['console', [['console-1', true, false]]],
  ])
  expect(dashboard).toEqual({ address: '10.0.0.1', port: 8002 })
  expect({ issuer, audience }).toEqual({ issuer: 'https://mesh.example', audience: 'site11' })
})

test('a contract that waits, or was refused, gives way to the one that proxies took before', () => {
  const contractOf = (change: Partial<KnownService>, waiting: string[] = []) => {
    const services = new Map([['images', { ...known('h2'), acceptedHash: 'h1', ...change }]])
    const mesh = meshStateFrom({ ...options, registry: { ...state, services }, waiting: new Set(waiting) })
    return mesh.services.find(({ name }) => name === 'images')?.contract.toString()
  }
  expect(contractOf({})).toBe('images')
  expect(contractOf({}, ['images'])).toBe('users')
  expect(contractOf({ refused: { contractHash: 'h2', reason: 'no' } })).toBe('users')
})

test('services are told of those that can be called', () => {
  expect(peersFrom(state, own)).toEqual([
    { service: 'console', address: '10.0.0.1:8003' },
    { service: 'users', address: '10.0.0.2:1' },
  ])
})

test('browsers may call from the edge, the dashboard in development and what is configured', () => {
  expect(originsOf(config)).toEqual([
    'https://mesh.example',
    'http://localhost:8000',
    'http://localhost:5173',
    'http://127.0.0.1:8000',
    'http://127.0.0.1:5173',
    'https://app.example',
  ])
})
