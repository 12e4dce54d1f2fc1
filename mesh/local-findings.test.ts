import { expect, test } from 'vitest'
import type { EnvoyEndpoint, EnvoyView } from './envoy-view.ts'
import { localFindings } from './local-findings.ts'
import type { ProcessStatus } from './process.ts'

const process = (name: string, change: Partial<ProcessStatus> = {}): ProcessStatus => ({
  name,
  state: 'healthy',
  address: '127.0.0.1:1',
  pid: 42,
  startedAt: 1000,
  restarts: 0,
  ...change,
})
const endpoint: EnvoyEndpoint = { address: '127.0.0.1:8110', status: 'healthy', ejected: false }
const envoy = (services: Record<string, EnvoyEndpoint[]>, change: Partial<EnvoyView> = {}): EnvoyView => ({
  nodeId: 'envoy-1',
  admin: '127.0.0.1:8001',
  state: 'LIVE',
  problem: '',
  services: new Map(
    Object.entries(services).map(([name, of]) => [name, new Map(of.map((each, n) => [`${name}-${n + 1}`, each]))]),
  ),
  ...change,
})
const serving = envoy({ users: [endpoint], console: [] })
const others = [process('mongod'), process('envoy-1'), process('users-1')]

test.each<[string, ProcessStatus[], EnvoyView[], string[], RegExp]>([
  [
    'it crashes again and again',
    [process('console', { state: 'failing', reason: 'ended with code 1', restarts: 7 }), ...others],
    [serving],
    ['CONSOLE_DOWN'],
    /ended with code 1, restarted 7 times/,
  ],
  [
    'it is frozen',
    [process('console'), ...others],
    [serving],
    ['CONSOLE_DOWN'],
    /frozen.*restart console.*kill -9 42/s,
  ],
  ['it was not started', others, [serving], ['CONSOLE_DOWN'], /npm start/],
  [
    'its database is down',
    [process('console', { state: 'starting' }), process('mongod', { state: 'failing', reason: 'ended with code 14' })],
    [serving],
    ['CONSOLE_DOWN', 'PROCESS_FAILING'],
    /mongod, which the Console stands on, is failing: ended with code 14.*Mend mongod first/s,
  ],
  [
    'no Envoy answers either',
    [process('console')],
    [envoy({}, { problem: 'refused', state: '' })],
    ['CONSOLE_DOWN', 'NO_ENVOY'],
    /nothing reaches/,
  ],
  [
    'Envoy has lost a service meanwhile',
    [process('console')],
    [
      envoy({
        users: [
          { ...endpoint, ejected: true },
          { ...endpoint, status: 'unhealthy' },
        ],
        images: [endpoint],
      }),
    ],
    ['CONSOLE_DOWN', 'ENVOY_SERVES_NONE'],
    /no healthy instance of users:/,
  ],
  [
    'Envoy has nothing',
    [process('console')],
    [envoy({}, { state: 'PRE_INITIALIZING' })],
    ['CONSOLE_DOWN', 'ENVOY_SERVES_NONE'],
    /PRE_INITIALIZING/,
  ],
])('the Console does not answer: %s', (_, processes, envoys, codes, says) => {
  const findings = localFindings('connection refused', processes, envoys)
  expect(findings.map(({ code }) => code)).toEqual(codes)
  const text = findings.flatMap(({ problem, cause, nextStep }) => [problem, cause, nextStep]).join('\n')
  expect(text).toMatch(says)
  expect(text).not.toMatch(/undefined|\.\./)
})

test('it is said what still works', () => {
  expect(localFindings('', others, [serving])[0]?.problem).toContain('Calls of services go on')
  expect(localFindings('', others, [])[0]?.problem).not.toContain('Calls of services go on')
})
