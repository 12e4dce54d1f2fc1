import { type Finding, Severity } from '@site11/proto/grpc/site11/console/v1/diagnostics_service.ts'
import { CallHealth, CallState, ProxyProgress } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import { describe, expect, test } from 'vitest'
import type { Refusal } from '../registry/refusals.ts'
import type { DiagnosisInput, NamedChange, ServiceFacts } from './finding.ts'
import { findingsOf } from './findings.ts'
import { accepted, ago, endpoints, failing, instance, listenerType, mesh, nowMs, proxy } from './fixtures.ts'

const words = {
  [Severity.SEVERITY_CRITICAL]: 'critical',
  [Severity.SEVERITY_WARNING]: 'warning',
  [Severity.SEVERITY_NOTICE]: 'notice',
}
const told = ({ severity, code, subject }: Finding) => `${words[severity as 1 | 2 | 3]} ${code} ${subject}`
const textOf = ({ problem, cause, nextStep }: Finding) => [problem, cause, nextStep].join('\n')

const down = (name: string) => ({ dependencies: [{ name, healthy: false, reason: 'connection refused' }] })
const up = (name: string) => ({ dependencies: [{ name, healthy: true, reason: '' }] })
const clock = (ms: number) => ({ clockOffset: { seconds: Math.trunc(ms / 1000), nanos: (ms % 1000) * 1e6 } })
const drained = (by: string, reason: string, seconds: number) => ({
  draining: true,
  drainedBy: by,
  drainReason: reason,
  drainTime: ago(seconds),
})
const many = (count: number, of: (index: number) => string, change = {}) =>
  Array.from({ length: count }, (_, index) => instance(of(index), change))
const refusal = (change: Partial<Refusal>): Refusal => ({
  instance: 'users-2',
  service: 'users',
  address: '127.0.0.1:8110',
  reason: 'The address 127.0.0.1:8110 belongs to users-1. Give each instance an address of its own.',
  count: 12,
  since: ago(60),
  last: ago(1),
  ...change,
})
const change = (id: number, action: string, subject: string, actor = 'console'): NamedChange => ({
  id,
  actor,
  action,
  subject,
  reason: '',
})
const service = (facts: Partial<ServiceFacts>) =>
  new Map([['users', { emptySinceMs: undefined, acceptedHash: 'a'.repeat(64), refused: undefined, ...facts }]])
const nacked = (more: Partial<Parameters<typeof accepted>[0]> = {}) =>
  accepted({
    typeUrl: listenerType,
    sentVersion: 'v2',
    nackedVersion: 'v2',
    nackReason: 'Unable to parse JSON',
    nackedTime: ago(30),
    nackedResources: ['edge'],
    nackChanges: [40, 41],
    ...more,
  })
const refusing = { progress: ProxyProgress.PROXY_PROGRESS_REFUSED, progressSince: ago(30) }
const waiting = { progress: ProxyProgress.PROXY_PROGRESS_WAITING, progressSince: ago(40) }
const held = (more: Partial<CallHealth>) =>
  CallHealth.fromPartial({
    service: 'users',
    state: CallState.CALL_STATE_OPEN,
    since: ago(20),
    calls: 10,
    failures: 10,
    reason: 'Deadline exceeded',
    ...more,
  })
const two = [instance('users-1'), instance('users-2')]
const ok = instance('users-1')

/** What is the case, what is to be found, and what the words of it must name. */
const cases: [string, DiagnosisInput, string[], RegExp[]?][] = [
  ['nothing is wrong', mesh(two), []],
  ['no proxy is connected', mesh(two, { proxies: [] }), ['critical NO_PROXY mesh'], [/logs envoy/]],
  [
    'a proxy refuses a part',
    mesh(two, {
      proxies: [proxy('envoy-1', { types: [nacked()], ...refusing }), proxy('envoy-2')],
      changes: [
        change(40, 'instance.health', 'instances/users-1'),
        change(41, 'service.contract', 'services/users', 'services/users'),
      ],
    }),
    ['warning PROXY_REFUSES proxies/envoy-1'],
    [
      /envoy-1 \(1 of 2 proxies\).*listeners \(edge\): Unable to parse JSON/,
      /stays in force/,
      /change 41, service.contract of services\/users by services\/users; change 40/,
      /id = 41.*contract of users/,
    ],
  ],
  [
    'a proxy refuses what it never had',
    mesh(two, { proxies: [proxy('envoy-1', { types: [nacked({ ackedVersion: '' })], ...refusing })] }),
    ['critical PROXY_REFUSES proxies/envoy-1'],
    [/envoy-1 never accepted any/, /changes 40, 41/],
  ],
  [
    'all proxies refuse the same',
    mesh(two, { proxies: ['envoy-1', 'envoy-2', 'envoy-3'].map(id => proxy(id, { types: [nacked()], ...refusing })) }),
    ['warning PROXY_REFUSES mesh'],
    [/3 of 3 proxies/],
  ],
  [
    'a proxy does not answer',
    mesh(two, {
      proxies: [
        proxy('envoy-1', { types: [accepted({ sentVersion: 'v2', sentTime: ago(42) })], ...waiting }),
        proxy('envoy-2'),
      ],
    }),
    ['warning PROXY_SILENT proxies/envoy-1'],
    [/42 s to the endpoints/, /frozen/],
  ],
  [
    'a proxy has not had the time to answer',
    mesh(two, {
      proxies: [proxy('envoy-1', { types: [accepted({ sentVersion: 'v2', sentTime: ago(1) })], ...waiting })],
    }),
    [],
  ],
  [
    'no proxy answers',
    mesh(two, {
      proxies: ['envoy-1', 'envoy-2'].map(id =>
        proxy(id, { types: [accepted({ sentVersion: 'v2', sentTime: ago(42) })], ...waiting }),
      ),
    }),
    ['warning PROXY_SILENT mesh'],
    [/2 of 2/, /network/],
  ],
  [
    'a proxy answers and yet lacks something',
    mesh(two, { proxies: [proxy('envoy-1', waiting)] }),
    ['warning PROXY_BEHIND proxies/envoy-1'],
    [/last change it has taken whole is 7/, /asks for endpoints/],
  ],
  [
    'a proxy is always behind as changes never end',
    mesh(two, { proxies: [proxy('envoy-1', { types: [accepted({ ackedTime: ago(1) })], ...waiting })] }),
    [],
  ],
  [
    'an expected service was never there',
    mesh([], { expected: ['users'] }),
    ['critical SERVICE_ABSENT services/users'],
    [/logs users/],
  ],
  [
    'the last instance of a service is gone',
    mesh([], { services: service({ emptySinceMs: ago(30).getTime() }) }),
    ['critical SERVICE_ABSENT services/users'],
  ],
  [
    'a service is without instance as its instance is refused',
    mesh([], { expected: ['users'], refusals: [refusal({ count: 1 })] }),
    ['critical SERVICE_ABSENT services/users'],
    [/users-2 wants to register and is refused: The address 127.0.0.1:8110 belongs to users-1/],
  ],
  [
    'all instances of a service have crashed',
    mesh(
      ['users-1', 'users-2'].map(name =>
        instance(name, failing('cannot be reached', { attached: false, seenTime: ago(6) })),
      ),
    ),
    ['critical SERVICE_DOWN services/users'],
    [/users-1, users-2 are gone/, /crash/, /logs users\b/],
  ],
  [
    'the instances of a service fail for different reasons',
    mesh([
      instance('users-1', failing('says that it does not serve')),
      instance('users-2', failing('no answer within 2 s', { seenTime: ago(8) })),
      instance('users-3', drained('users/u1', 'kernel', 60)),
    ]),
    ['critical SERVICE_DOWN services/users'],
    [/users-1 says NOT_SERVING; users-2 is silent.*1 more instance drained/],
  ],
  [
    'all instances of a service are drained',
    mesh([
      instance('users-1', drained('operator', 'new kernel', 60)),
      instance('users-2', { draining: true, drainTime: ago(5) }),
    ]),
    ['critical SERVICE_DRAINED services/users'],
    [/operator drained users-1: new kernel\./, /resume users-1/],
  ],
  [
    'all instances of a service leave',
    mesh([instance('users-1', { draining: true, drainTime: ago(5) })]),
    ['critical SERVICE_DRAINED services/users'],
    [/leaving/],
  ],
  [
    'what everybody stands on is down',
    mesh([
      instance('users-1', { ...failing('mongodb: connection refused'), ...down('mongodb') }),
      instance('users-2', { ...failing('mongodb: connection refused'), ...down('mongodb') }),
      instance('images-1', { ...failing('mongodb: connection refused'), ...down('mongodb') }),
    ]),
    ['critical DEPENDENCY_DOWN mesh'],
    [
      /anybody: images \(1 instance\), users \(2 instances\)\. Not served because of it: images, users/,
      /connection refused/,
      /logs mongod/,
    ],
  ],
  [
    'one of several does not reach what it stands on',
    mesh([instance('users-1', { ...failing('mongodb: no'), ...down('mongodb') }), instance('users-2', up('mongodb'))]),
    ['warning DEPENDENCY_DOWN services/users'],
    [/1 of 2 instances/, /credentials/, /still served/],
  ],
  [
    'a dependency is down that nobody fails for',
    mesh([instance('users-1', down('redis')), instance('users-2', down('redis'))]),
    ['warning DEPENDENCY_DOWN mesh'],
    [/logs redis/],
  ],
  [
    'events of a service do not arrive in time',
    mesh([instance('users-1', down('events')), instance('users-2', up('events'))]),
    ['warning EVENTS_BEHIND services/users'],
    [/as users-1 says/, /None is lost/, /\/events in the dashboard/],
  ],
  [
    'a group has given events up',
    mesh([ok], {
      deadLetters: [
        { stream: 'users', group: 'users', count: 2, since: ago(60) },
        { stream: 'images', group: 'users', count: 1, since: ago(90) },
      ],
    }),
    ['warning DEAD_LETTERS services/users'],
    [
      /3 events/,
      /2 of the stream users in the group users, 1 of the stream images/,
      /tab=dead&stream=users&group=users/,
    ],
  ],
  [
    'groups of no service have given events up',
    mesh([ok], {
      deadLetters: ['picky', 'test'].map(group => ({ stream: 'users', group, count: 1, since: ago(60) })),
    }),
    ['warning DEAD_LETTERS mesh'],
    [/group picky, 1 of the stream users in the group test/],
  ],
  [
    'an attached instance is silent',
    mesh([ok, instance('users-2', failing('no answer within 2 s', { seenTime: ago(8) }))]),
    ['warning INSTANCE_UNREACHABLE instances/users-2'],
    [/SIGSTOP/, /restart users-2/],
  ],
  [
    'an instance sends heartbeats and cannot be reached',
    mesh([ok, instance('users-2', failing('cannot be reached', { address: '10.0.0.9:80' }))]),
    ['warning INSTANCE_UNREACHABLE instances/users-2'],
    [/10\.0\.0\.9:80/, /SITE11_ADVERTISE/, /firewall/],
  ],
  [
    'an instance has crashed, others serve',
    mesh([ok, instance('users-2', failing('cannot be reached', { attached: false, seenTime: ago(6) }))]),
    ['warning INSTANCE_UNREACHABLE instances/users-2'],
    [/kill -9/],
  ],
  [
    'an instance says that it does not serve',
    mesh([ok, instance('users-2', failing('says that it does not serve'))]),
    ['warning INSTANCE_NOT_SERVING instances/users-2'],
  ],
  [
    'an instance fails for a reason of its own',
    mesh([ok, instance('users-2', failing('does not implement grpc.health.v1'))]),
    ['warning INSTANCE_FAILING instances/users-2'],
    [/does not implement/],
  ],
  ['an instance has just started', mesh([ok, instance('users-2', { health: 0, registerTime: ago(3) })]), []],
  [
    'an instance does not get beyond its start',
    mesh([ok, instance('users-2', { health: 0, registerTime: ago(300) })]),
    ['warning INSTANCE_FAILING instances/users-2'],
  ],
  [
    'the stream of an instance broke and does not come back',
    mesh([ok, instance('users-2', { attached: false, seenTime: ago(6), leaseExpireTime: ago(-4) })]),
    ['warning INSTANCE_DETACHED instances/users-2'],
    [/another 4 s/],
  ],
  [
    'the stream of an instance broke just now',
    mesh([ok, instance('users-2', { attached: false, seenTime: ago(2) })]),
    [],
  ],
  [
    'an instance does not get done with leaving',
    mesh([ok, instance('users-2', { draining: true, drainTime: ago(90) })]),
    ['warning LEAVING_LONG instances/users-2'],
    [/remove users-2/],
  ],
  ['an instance leaves', mesh([ok, instance('users-2', { draining: true, drainTime: ago(5) })]), []],
  [
    'an instance is drained since yesterday',
    mesh([ok, instance('users-2', drained('users/u1', 'disk swap', 30 * 3600))]),
    ['notice DRAINED_LONG instances/users-2'],
    [/30 h/, /users\/u1 drained it: disk swap\./, /resume users-2/],
  ],
  ['an instance is drained since a while', mesh([ok, instance('users-2', drained('operator', '', 1800))]), []],
  [
    'an instance flaps',
    mesh([ok, instance('users-2', { healthChanges: 7 })]),
    ['warning INSTANCE_FLAPPING instances/users-2'],
    [/7 changes/, /subject = "instances\/users-2"/],
  ],
  [
    'calls to a service are held back',
    mesh([ok, instance('orders-1', { calls: [held({})] })]),
    ['critical BREAKER_OPEN instances/orders-1'],
    [
      /orders-1 holds calls to users back for 20 s/,
      /Deadline exceeded\./,
      /1 instance of users passes/,
      /logs users-1/,
    ],
  ],
  [
    'some of the callers hold calls to one method back',
    mesh([ok, instance('orders-1', { calls: [held({ method: '/a.B/C' })] }), instance('orders-2')]),
    ['warning BREAKER_OPEN instances/orders-1'],
    [/calls to \/a\.B\/C back/, /Other methods of users work/],
  ],
  [
    'callers try again whether calls succeed',
    mesh([ok, instance('orders-1', { calls: [held({ state: CallState.CALL_STATE_HALF_OPEN })] })]),
    ['critical BREAKER_OPEN instances/orders-1'],
  ],
  [
    'a caller that is not heard any more held calls back',
    mesh([ok, instance('orders-1', { calls: [held({})], attached: false, seenTime: ago(2) })]),
    [],
  ],
  [
    'an instance is passed over',
    mesh([
      ok,
      instance('users-2', { address: '127.0.0.1:8111' }),
      instance('orders-1', { calls: [held({ state: CallState.CALL_STATE_CLOSED, ejected: ['127.0.0.1:8111'] })] }),
    ]),
    ['warning INSTANCE_EJECTED instances/users-2'],
    [/orders-1 passes over users-2/, /drain users-2/],
  ],
  [
    'calls fare well',
    mesh([ok, instance('orders-1', { calls: [held({ state: CallState.CALL_STATE_CLOSED, failures: 1 })] })]),
    [],
  ],
  ['an instance was restarted', mesh([ok, instance('users-2', { healthChanges: 2 })]), []],
  [
    'a clock is somewhat off',
    mesh([ok, instance('users-2', clock(-2400))]),
    ['warning CLOCK_OFF instances/users-2'],
    [/2\.4 s behind/, /timedatectl/],
  ],
  [
    'a clock is off by more than tokens allow',
    mesh([ok, instance('users-2', clock(61_000))]),
    ['critical CLOCK_OFF instances/users-2'],
    [/61 s ahead/],
  ],
  ['a clock is as good as right', mesh([ok, instance('users-2', clock(-800))]), []],
  [
    'all clocks agree, but not with that of the Console',
    mesh(many(4, n => `users-${n}`, clock(-9000))),
    ['critical CLOCK_OFF services/console'],
    [/9 s/, /earlier/],
  ],
  [
    'an address is claimed twice',
    mesh([ok], { refusals: [refusal({})] }),
    ['warning REGISTRATION_REFUSED instances/users-2'],
    [/users-2 of users at 127\.0\.0\.1:8110 was refused 12 times/, /same address/],
  ],
  [
    'a name is claimed twice',
    mesh([ok], {
      refusals: [refusal({ reason: 'The name users-1 is held by an instance at 127.0.0.1:8110 that started later.' })],
    }),
    ['warning REGISTRATION_REFUSED instances/users-2'],
    [/SITE11_INSTANCE/],
  ],
  [
    'a contract is malformed',
    mesh([ok], { refusals: [refusal({ reason: 'hello.contract: is no FileDescriptorSet' })] }),
    ['warning REGISTRATION_REFUSED instances/users-2'],
    [/npm run check/],
  ],
  [
    'many are refused for the same kind of reason',
    mesh([ok], {
      refusals: ['users-2', 'users-3', 'users-4'].map((name, n) => refusal({ instance: name, count: 9 - n })),
    }),
    ['warning REGISTRATION_REFUSED services/users'],
    [/holds for users-3, users-4/],
  ],
  [
    'somebody without a valid name wants in',
    mesh([ok], {
      refusals: [refusal({ instance: '', service: '', reason: 'hello.instance: does not match the pattern' })],
    }),
    ['warning REGISTRATION_REFUSED mesh'],
    [/An instance without a valid name at 127/, /Correct the setting/],
  ],
  ['one registration came too early', mesh([ok], { refusals: [refusal({ count: 1 })] }), []],
  [
    'a proxy refused a contract and the one before is in force',
    mesh([ok], {
      services: service({ refused: { contractHash: 'b'.repeat(64), reason: 'envoy-1 refuses it: bad path' } }),
      configurationProblems: ['The contract of users is not in force: envoy-1 refuses it: bad path.'],
    }),
    ['warning CONTRACT_REFUSED services/users'],
    [/bbbbbbbbbbbb.*bad path\. The one that was accepted before \(aaaaaaaaaaaa\) is/],
  ],
  [
    'a proxy refused the first contract of a service',
    mesh([ok], {
      services: service({ acceptedHash: undefined, refused: { contractHash: 'b'.repeat(64), reason: 'bad path' } }),
    }),
    ['critical CONTRACT_REFUSED services/users'],
  ],
  [
    'contracts of one service differ for long',
    mesh([ok, instance('users-2', { contractHash: 'b'.repeat(64), version: '1.1.0', registerTime: ago(1200) })]),
    ['warning CONTRACTS_DIFFER services/users'],
    [/aaaaaaaaaaaa: users-1; bbbbbbbbbbbb: users-2/, /20 min/],
  ],
  [
    'versions of one service differ for long',
    mesh([ok, instance('users-2', { version: '1.1.0', registerTime: ago(1200) })]),
    ['notice VERSIONS_DIFFER services/users'],
  ],
  [
    'a rollout is under way',
    mesh([ok, instance('users-2', { version: '1.1.0', contractHash: 'b', registerTime: ago(120) })]),
    [],
  ],
  [
    'a proxy still has an instance that is gone',
    mesh([ok], { accepted: [endpoints('envoy-1', { 'users/users-1': 'healthy', 'users/users-9': 'healthy' })] }),
    ['warning PROXY_STALE proxies/envoy-1'],
    [/users-9/, /left out/],
  ],
  [
    'a proxy that does not answer has nothing but instances that are gone',
    mesh([ok], {
      proxies: [proxy('envoy-1', { types: [accepted({ sentVersion: 'v2', sentTime: ago(20) })], ...waiting })],
      accepted: [endpoints('envoy-1', { 'users/users-9': 'healthy' })],
    }),
    [
      'critical PROXY_STALE proxies/envoy-1',
      'critical PROXY_LACKS proxies/envoy-1',
      'warning PROXY_SILENT proxies/envoy-1',
    ],
    [/Through it users cannot be reached at all/, /envoy-1 does not answer, and so/],
  ],
  [
    'a proxy lacks an instance',
    mesh(two, { accepted: [endpoints('envoy-1', { 'users/users-1': 'healthy' })] }),
    ['warning PROXY_LACKS proxies/envoy-1'],
    [/1 instance .*users-2/],
  ],
  [
    'a proxy has an instance as failing that is healthy',
    mesh([ok], { accepted: [endpoints('envoy-1', { 'users/users-1': 'unhealthy' })] }),
    ['critical PROXY_LACKS proxies/envoy-1'],
  ],
  [
    'what changed just now is still on its way',
    mesh([ok, instance('users-2', { healthSince: ago(1) })], {
      accepted: [endpoints('envoy-1', { 'users/users-1': 'healthy' })],
    }),
    [],
  ],
  [
    'a proxy has a failing instance as draining: it sends nothing there either way',
    mesh([ok, instance('users-2', { health: 0, registerTime: ago(5) })], {
      accepted: [endpoints('envoy-1', { 'users/users-1': 'healthy', 'users/users-2': 'draining' })],
    }),
    [],
  ],
  [
    'the Console fails, and proxies are to reach it nevertheless',
    mesh([ok, instance('console-1', { ...failing('mongodb: no'), ...down('mongodb') })], {
      accepted: [
        endpoints('envoy-1', {
          'users/users-1': 'healthy',
          'console/console-1': 'healthy',
          'console-http/console': 'healthy',
        }),
      ],
    }),
    ['critical DEPENDENCY_DOWN mesh'],
  ],
  [
    'the journal cannot be saved as a disk is full',
    mesh(two, { journalProblem: { reason: 'OutOfDiskSpace: no space left on device', since: ago(300) } }),
    ['warning JOURNAL_NOT_SAVED mesh'],
    [/5 min/, /df -h/],
  ],
  [
    'the journal cannot be saved as mongod is away',
    mesh(two, { journalProblem: { reason: 'connect ECONNREFUSED 127.0.0.1:8017', since: ago(30) } }),
    ['warning JOURNAL_NOT_SAVED mesh'],
    [/30 s: connect ECONNREFUSED/, /logs mongod/],
  ],
  [
    'the snapshot of a proxy cannot be written',
    mesh(two, {
      controlPlaneProblems: [
        'What envoy-1 has accepted cannot be saved: ENOSPC.',
        'What envoy-2 has accepted cannot be saved: ENOSPC.',
      ],
    }),
    ['warning SNAPSHOT_NOT_SAVED mesh'],
    [/envoy-1 .* holds for 1 more/, /Make room/],
  ],
  [
    'two proxies have the same node id',
    mesh(two, {
      controlPlaneProblems: [
        'The node id envoy-1 is that of more than one proxy, at 1.2.3.4:5 and 1.2.3.4:6: only the last is shown.',
      ],
    }),
    ['warning NODE_ID_SHARED mesh'],
    [/SITE11_NODE_ID/],
  ],
  [
    'a service is left out',
    mesh(two, { configurationProblems: ['images: the instance images-1 has the port 0'] }),
    ['warning CONFIGURATION_PROBLEM mesh'],
    [/images-1 has the port 0\./],
  ],
]

test.each(cases)('%s', (_, input, expected, says = []) => {
  const findings = findingsOf(input)
  expect(findings.map(told)).toEqual(expected)
  for (const pattern of says) expect(findings.map(textOf).join('\n')).toMatch(pattern)
})

test('every finding is of whole sentences and says what to do', () => {
  for (const finding of cases.flatMap(([, input]) => findingsOf(input))) {
    for (const text of [finding.problem, finding.cause, finding.nextStep]) {
      expect([finding.code, text]).toEqual([finding.code, expect.stringMatching(/^[\w'].*[^.]\.$/)])
      expect(text).not.toMatch(/undefined|null|NaN|\[object| {2}|\.\./)
    }
  }
})

describe('the same trouble of many is told once', () => {
  test('for a service, naming five and counting the rest', () => {
    const findings = findingsOf(mesh([ok, ...many(500, n => `users-${n + 2}`, failing('says that it does not serve'))]))
    expect(findings.map(told)).toEqual(['warning INSTANCE_NOT_SERVING services/users'])
    expect(findings[0]?.problem).toMatch(
      /500 instances of users \(users-10, users-100, users-101, users-102, users-103 and 495 more\)/,
    )
  })

  test('for the mesh when it is in many services', () => {
    const findings = findingsOf(mesh(many(500, n => `s${n % 50}-${n}`, { healthChanges: 9 })))
    expect(findings.map(told)).toEqual(['warning INSTANCE_FLAPPING mesh'])
    expect(findings[0]?.problem).toContain('500 instances of 50 services')
  })
})

test('the worst comes first, and of very many only those', () => {
  const services = new Map(
    Array.from({ length: 300 }, (_, n) => [`s${n}`, { emptySinceMs: 0, acceptedHash: '', refused: undefined }]),
  )
  const findings = findingsOf(mesh([ok, instance('users-2', { healthChanges: 9 })], { services }))
  expect(findings).toHaveLength(100)
  expect(new Set(findings.slice(0, 99).map(({ code }) => code))).toEqual(new Set(['SERVICE_ABSENT']))
  expect(findings.at(-1)).toMatchObject({ code: 'MORE', problem: expect.stringContaining('202') })
})

test('since when is told where it is known', () => {
  const since = (input: DiagnosisInput) => findingsOf(input)[0]?.since?.getTime()
  expect(since(mesh([], { services: service({ emptySinceMs: 5000 }) }))).toBe(5000)
  expect(since(mesh([ok, instance('users-2', failing('says that it does not serve'))]))).toBe(nowMs - 60_000)
})
