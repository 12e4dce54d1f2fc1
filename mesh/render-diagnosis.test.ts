import { stripVTControlCharacters } from 'node:util'
import {
  EndpointStatus,
  Finding,
  InstanceBeliefs,
  Severity,
} from '@site11/proto/grpc/site11/console/v1/diagnostics_service.ts'
import {
  InstanceHealth,
  Proxy as ProxyMessage,
  ProxyProgress,
} from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import { expect, test } from 'vitest'
import { type Diagnosis, renderDiagnosis } from './render-diagnosis.ts'

const time = new Date(2026, 0, 2, 12, 0, 0)
const ago = (seconds: number) => new Date(time.getTime() - seconds * 1000)
const healthy = EndpointStatus.ENDPOINT_STATUS_HEALTHY

const beliefs = (name: string, nodes: string[], change: object = {}) =>
  InstanceBeliefs.fromPartial({
    instance: {
      service: 'users',
      instance: name,
      attached: true,
      registerTime: ago(3700),
      health: InstanceHealth.INSTANCE_HEALTH_HEALTHY,
      healthSince: ago(3690),
    },
    proxies: nodes.map(nodeId => ({ nodeId, status: healthy, since: ago(60) })),
    agreed: true,
    registered: true,
    ...change,
  })
const proxy = ProxyMessage.fromPartial({
  nodeId: 'envoy-1',
  client: 'envoy 1.40.0',
  progress: ProxyProgress.PROXY_PROGRESS_REFUSED,
  progressSince: ago(75),
  takenChange: 40,
  types: [
    {
      typeUrl: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
      sentVersion: 'aaaaaaaaaaaa',
      ackedVersion: 'aaaaaaaaaaaa',
    },
    {
      typeUrl: 'type.googleapis.com/envoy.config.listener.v3.Listener',
      sentVersion: 'bbbbbbbbbbbb',
      ackedVersion: 'cccccccccccc',
      nackedVersion: 'bbbbbbbbbbbb',
    },
  ],
})
const nothing: Diagnosis = { time, findings: [], instances: [], proxies: [], envoys: [], consoleLog: [] }
const shown = (change: Partial<Diagnosis>, width = 80) =>
  stripVTControlCharacters(renderDiagnosis({ ...nothing, ...change }, width)).split('\n')

test('when nothing is wrong that is said, and what each believes', () => {
  expect(shown({ instances: [beliefs('users-1', ['envoy-1'])] })).toEqual([
    '● nothing is wrong  12:00:00',
    '',
    'INSTANCE  REGISTRY          HEALTH           envoy-1',
    'users-1   ● attached 1h 1m  ● healthy 1h 1m  ● healthy 1m 0s',
  ])
})

test('findings come first, with a shape and a word for how bad they are, and broken to the width', () => {
  const finding = Finding.fromPartial({
    severity: Severity.SEVERITY_CRITICAL,
    code: 'SERVICE_ABSENT',
    subject: 'services/users',
    problem: 'users has no instance: every call of it fails.',
    cause: 'Its processes have ended\u001b[2J.',
    nextStep: 'See whether it runs: npm run mesh -- status.',
    since: ago(75),
  })
  const notice = Finding.fromPartial({
    ...finding,
    severity: Severity.SEVERITY_NOTICE,
    code: 'DRAINED_LONG',
    since: undefined,
  })
  const lines = shown({ findings: [finding, notice] }, 40)
  expect(lines.slice(0, 10)).toEqual([
    '✕ 2 findings: 1 critical, 1 notice  12:00:00',
    '',
    '✕ CRITICAL  SERVICE_ABSENT  services/users  since 11:58:45 (1m 15s)',
    '  what   users has no instance: every',
    '         call of it fails.',
    '  why    Its processes have ended?[2J.',
    '  do     See whether it runs: npm run',
    '         mesh -- status.',
    '',
    '◆ NOTICE  DRAINED_LONG  services/users',
  ])
})

test('of a proxy it is shown what it was sent, has taken and refuses', () => {
  expect(shown({ proxies: [proxy] }).slice(2)).toEqual([
    'PROXY           PROGRESS          CHANGE  TYPE       SENT      ACKED     NACKED',
    'envoy-1         ✕ refuses 1m 15s  #40     clusters   aaaaaaaa  aaaaaaaa  -',
    '  envoy 1.40.0                            listeners  bbbbbbbb  cccccccc  ✕ bbbbbbbb',
  ])
})

test('who disagrees about an instance is named; one that only a proxy knows is shown as such', () => {
  const ghost = beliefs('users-9', ['envoy-1'], {
    registered: false,
    agreed: false,
    disagreement: 'The registry does not have it.',
  })
  const text = shown({ instances: [beliefs('users-1', ['envoy-1']), ghost] }).join('\n')
  expect(text).toMatch(/users-9 +· unknown +- +● healthy 1m 0s +≠ they differ/)
  expect(text).toContain('users-9: The registry does not have it.')
})

test('many proxies are counted, and of many instances those in trouble come first', () => {
  const nodes = Array.from({ length: 9 }, (_, n) => `envoy-${n + 1}`)
  const instances = Array.from({ length: 300 }, (_, n) => beliefs(`users-${n + 1}`, nodes))
  const ill = beliefs('users-999', nodes, { agreed: false })
  ill.proxies = ill.proxies.map((belief, n) =>
    n === 0 ? { ...belief, status: EndpointStatus.ENDPOINT_STATUS_ABSENT } : belief,
  )
  const text = shown({ instances: [...instances, ill] })
  expect(text[3]).toMatch(/^users-999 .* 8 healthy, 1 unknown +≠ they differ$/)
  expect(text).toHaveLength(2 + 1 + 40 + 1)
  expect(text.at(-1)).toMatch(/^and 261 more/)
})

test('without the Console the Envoys tell what they hold, and the Console its last words', () => {
  const endpoint = { address: '127.0.0.1:8110', status: 'healthy' as const, ejected: false }
  const users = new Map([
    ['users-1', endpoint],
    ['users-2', { ...endpoint, ejected: true }],
  ])
  const text = shown({
    envoys: [
      { nodeId: 'envoy-1', admin: '127.0.0.1:8001', state: 'LIVE', problem: '', services: new Map([['users', users]]) },
      { nodeId: 'envoy-2', admin: '127.0.0.1:8101', state: '', problem: 'refused', services: new Map() },
    ],
    consoleLog: ['12:00:00 console FATAL no'],
  }).join('\n')
  expect(text).toMatch(/envoy-1 +● LIVE +127\.0\.0\.1:8001 +users 1 of 2/)
  expect(text).toMatch(/envoy-2 +✕ no answer +127\.0\.0\.1:8101 +-/)
  expect(text).toContain('12:00:00 console FATAL no')
})
