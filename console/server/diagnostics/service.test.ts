import { type Client, type ClientReadableStream, type ServiceError as GrpcError, Metadata, status } from '@grpc/grpc-js'
import {
  DiagnosticsServiceService as diagnostics,
  EndpointStatus,
  HealthStatus,
  type WatchChangesResponse,
  type WatchMeshResponse,
} from '@site11/proto/grpc/site11/console/v1/diagnostics_service.ts'
import { type Proxy as ProxyMessage, ProxyProgress } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import { UsersServiceService } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import { authenticateWith, createVerifier } from '@site11/runtime/caller.ts'
import { contractOf } from '@site11/runtime/contract.ts'
import { detailsOf } from '@site11/runtime/errors.ts'
import type { SeenLetters } from '@site11/runtime/events/look.ts'
import { createLog } from '@site11/runtime/log.ts'
import { addService, createServer, listen } from '@site11/runtime/server.ts'
import { mongodForTests } from '@site11/runtime/store/test-mongod.ts'
import { clientTo, testService } from '@site11/runtime/test-identity.ts'
import { createTestTokens, type TestTokens } from '@site11/runtime/test-tokens.ts'
import { type Db, MongoClient } from 'mongodb'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { healthReport } from '../health/report.ts'
import { type Journal, openJournal } from '../journal/journal.ts'
import { acceptOperatorToken, operatorTokenHeader } from '../operator.ts'
import { type LiveRegistry, runRegistry } from '../registry/live-registry.ts'
import type { Facts, Instance } from '../registry/registry.ts'
import type { ProxyEndpoints } from './beliefs.ts'
import { accepted, listenerType, proxy } from './fixtures.ts'
import { type DiagnosticsOptions, diagnosticsService } from './service.ts'

const log = createLog('test', 'silent')
const operatorToken = 'an operator token for tests'
const startTime = new Date('2026-01-01T00:00:00Z')
const closers: (() => unknown)[] = []

let mongod: Awaited<ReturnType<typeof mongodForTests>>
let mongo: MongoClient
let db: Db
let tokens: TestTokens
let journal: Journal
let registry: LiveRegistry
let client: Client
/** What the control plane has, and what it is asked to wait for. */
let proxies: ProxyMessage[]
let endpoints: ProxyEndpoints[]
let deadLetters: () => Promise<SeenLetters[]>
let waits: Parameters<DiagnosticsOptions['controlPlane']['waitForAcks']>[0][]
let waiting: { nodeId: string; reason: string }[]
let controlPlaneChanged: () => void
let contracts: ReturnType<DiagnosticsOptions['contracts']>

beforeAll(async () => {
  mongod = await mongodForTests()
  mongo = await new MongoClient(mongod.url).connect()
  db = mongo.db('diagnostics_test')
  tokens = await createTestTokens()
})
afterAll(async () => {
  await mongo.close()
  await mongod.stop()
})
beforeEach(async () => {
  await db.dropDatabase()
  proxies = [proxy('envoy-1')]
  endpoints = []
  deadLetters = async () => []
  waits = []
  waiting = []
  contracts = [{ name: 'users', contract: contractOf([UsersServiceService]) }]
  journal = await openJournal({ db, secretKey: Buffer.alloc(32), log })
  const contractStore = {
    held: () => new Map<string, Uint8Array>(),
    add() {},
    keep() {},
    async clean() {},
    async store() {},
  }
  registry = runRegistry({ journal, contracts: contractStore, log })
  const server = createServer()
  const verifier = createVerifier()
  verifier.setKeys(tokens.keys)
  const authenticate = acceptOperatorToken(operatorToken, authenticateWith(verifier))
  addService(server, diagnostics, diagnosticsService(options()), { authenticate, log })
  const port = await listen(server, '127.0.0.1:0', testService('console').openServer())
  client = clientTo(`127.0.0.1:${port}`, 'console')
  closers.push(journal.close, registry.close, () => server.forceShutdown(), client.close.bind(client))
})
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

function options(): DiagnosticsOptions {
  return {
    registry,
    journal,
    controlPlane: {
      proxies: () => proxies,
      beliefs: () => endpoints,
      problems: () => [],
      onChange: listener => {
        controlPlaneChanged = listener
      },
      waitForAcks: async wait => {
        waits.push(wait)
        return { change: wait.change ?? 99, waiting }
      },
    },
    events: { deadLetters: () => deadLetters() },
    own,
    health: () => healthReport({ registry: registry.state(), own: own(), proxies, problems: [], nowMs: Date.now() }),
    contracts: () => contracts,
    secrets: () => ({ secrets: [], certificates: [] }),
    problems: () => [],
    pageSecret: 'for tests only',
    now: Date.now,
  }
}

const facts = (change: Partial<Facts> = {}): Facts => ({
  service: 'users',
  instance: 'users-1',
  version: '1.0.0',
  apiVersion: '1.0',
  address: '127.0.0.1:8110',
  ip: '127.0.0.1',
  port: 8110,
  zone: '',
  startTime,
  contractHash: 'a'.repeat(64),
  ...change,
})
const own = (): Instance => ({
  ...facts({ service: 'console', instance: 'console-1', port: 1 }),
  stream: 0,
  seenMs: Date.now(),
  registerTime: startTime,
  draining: false,
  drainTime: undefined,
  drained: undefined,
  clockOffsetMs: 0,
  health: { status: 'healthy', since: startTime, reason: '' },
  healthChangesMs: [],
  dependencies: [],
  calls: [],
})

/** Registers an instance and makes it healthy. */
function registered(name = 'users-1') {
  const port = 8100 + Number(name.split('-')[1])
  registry.apply({
    type: 'hello',
    stream: registry.openStream(() => {}),
    facts: facts({ instance: name, port }),
    clockOffsetMs: 0,
    nowMs: Date.now(),
  })
  const health = { status: 'healthy', since: new Date(), reason: '' } as const
  return registry.apply({ type: 'health', instance: name, startTime, health }).change
}

const asOperator = () => {
  const metadata = new Metadata()
  metadata.set(operatorTokenHeader, operatorToken)
  return metadata
}

interface Method<Request, Response> {
  path: string
  requestSerialize(request: Request): Buffer
  responseDeserialize(bytes: Buffer): Response
}

function call<Request, Response>(method: Method<Request, Response>, request: Request, metadata = asOperator()) {
  return new Promise<Response>((resolve, reject) => {
    client.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      metadata,
      (error, response) => (error ? reject(error) : resolve(response as Response)),
    )
  })
}
const failure = (attempt: Promise<unknown>) =>
  attempt.then(
    () => 'no error',
    (error: GrpcError) => [error.code, detailsOf(error)?.info?.reason],
  )

function stream<Request, Response>(
  method: Method<Request, Response>,
  request: Request,
): { messages: Response[]; cancel(): void } {
  const messages: Response[] = []
  const opened: ClientReadableStream<Response> = client.makeServerStreamRequest(
    method.path,
    method.requestSerialize,
    method.responseDeserialize,
    request,
    asOperator(),
  )
  opened.on('data', (message: Response) => messages.push(message)).on('error', () => {})
  closers.push(() => opened.cancel())
  return { messages, cancel: () => opened.cancel() }
}

describe('a diagnosis', () => {
  test('of a mesh that is well finds nothing', async () => {
    registered()
    const healthy = { status: 'healthy' as const, since: new Date(), version: 'v1' }
    endpoints = [
      {
        nodeId: 'envoy-1',
        endpoints: new Map([
          ['users/users-1', healthy],
          ['console/console-1', healthy],
        ]),
      },
    ]
    const { findings, checkTime } = await call(diagnostics.diagnose, {})
    expect(findings).toEqual([])
    expect(checkTime?.getTime()).toBeGreaterThan(Date.now() - 5000)
  })

  test('names the change that a refusal came from, and who made it', async () => {
    registered()
    const { change } = registry.apply({
      type: 'drain',
      instance: 'users-1',
      by: 'users/u1',
      reason: 'kernel',
      nowMs: Date.now(),
    })
    const type = accepted({
      typeUrl: listenerType,
      nackedVersion: 'v2',
      nackReason: 'bad',
      nackedTime: new Date(),
      nackChanges: [change],
    })
    proxies = [proxy('envoy-1', { types: [type], progress: ProxyProgress.PROXY_PROGRESS_REFUSED })]
    await journal.saved()
    const { findings } = await call(diagnostics.diagnose, {})
    const refusal = findings.find(({ code }) => code === 'PROXY_REFUSES')
    expect(refusal?.cause).toContain(`change ${change}, instance.drained of instances/users-1 by users/u1 (kernel)`)
    expect(refusal?.changes).toEqual([change])
  })

  test('tells of dead letters, and does without when they cannot be looked at', async () => {
    const found = async () =>
      (await call(diagnostics.diagnose, {})).findings.filter(({ code }) => code === 'DEAD_LETTERS')
    deadLetters = async () => [{ stream: 'users', group: 'picky', count: 2, since: startTime }]
    expect(await found()).toMatchObject([{ subject: 'mesh', since: startTime }])
    deadLetters = () => Promise.reject(new Error('Redis is away'))
    expect(await found()).toEqual([])
  })

  test('tells of a service that has to be there and of who is not let in', async () => {
    registry.refuse({
      service: 'users',
      instance: 'users-2',
      address: '127.0.0.1:8110',
      reason: 'The address 127.0.0.1:8110 belongs to x.',
    })
    const { findings } = await call(diagnostics.diagnose, {})
    expect(findings.map(({ code, subject }) => [code, subject])).toEqual([['SERVICE_ABSENT', 'services/users']])
    expect(findings[0]?.cause).toContain('users-2')
  })
})

test('beliefs are of all instances, the Console and those that only proxies know among them, or of one service', async () => {
  registered()
  endpoints = [
    {
      nodeId: 'envoy-1',
      endpoints: new Map([['users/users-9', { status: 'draining', since: new Date(), version: 'v1' }]]),
    },
  ]
  const { instances } = await call(diagnostics.listBeliefs, { service: '' })
  expect(
    instances.map(({ instance, registered: known, proxies: [belief] }) => [instance?.instance, known, belief?.status]),
  ).toEqual([
    ['console-1', true, EndpointStatus.ENDPOINT_STATUS_ABSENT],
    ['users-1', true, EndpointStatus.ENDPOINT_STATUS_ABSENT],
    ['users-9', false, EndpointStatus.ENDPOINT_STATUS_DRAINING],
  ])
  expect(instances[1]?.instance).toMatchObject({ version: '1.0.0', attached: true, address: '127.0.0.1:8110' })
  const users = await call(diagnostics.listBeliefs, { service: 'users' })
  expect(users.instances.map(({ instance }) => instance?.instance)).toEqual(['users-1', 'users-9'])
})

test('who watches the mesh sees all of it, then each change of registry and proxies', async () => {
  registered()
  const { messages } = stream<object, WatchMeshResponse>(diagnostics.watchMesh, {})
  const next = (index: number) =>
    vi.waitFor(() => {
      const message = messages[index]
      if (!message) throw new Error('no message yet')
      return message
    })
  const first = await next(0)
  expect(first.instances.map(({ instance }) => instance?.instance)).toEqual(['console-1', 'users-1'])
  expect(first.proxies.map(({ nodeId }) => nodeId)).toEqual(['envoy-1'])
  expect(first.health?.status).toBe(HealthStatus.HEALTH_STATUS_HEALTHY)
  expect(first.health?.services.map(({ service, healthyInstances }) => [service, healthyInstances])).toEqual([
    ['console', 1],
    ['users', 1],
  ])
  const change = registered('users-2')
  const second = await next(1)
  expect(second.instances.map(({ instance }) => instance?.instance)).toEqual(['users-2'])
  expect(second).toMatchObject({ proxies: [], lastChange: change })
  proxies = []
  controlPlaneChanged()
  const third = await next(2)
  expect(third).toMatchObject({ instances: [], removedProxies: ['envoy-1'] })
  expect(third.health?.status).toBe(HealthStatus.HEALTH_STATUS_FAILING)
})

describe('waiting for proxies', () => {
  test('is for what was published last when nothing else is asked for, and for ten seconds', async () => {
    waiting = [{ nodeId: 'envoy-1', reason: 'has not answered' }]
    expect(await call(diagnostics.waitForAcks, { change: 0, timeout: undefined })).toEqual({
      taken: false,
      change: 99,
      waiting,
    })
    expect(waits).toMatchObject([{ timeoutMs: 10_000 }])
    expect(waits[0]).not.toHaveProperty('change')
  })

  test('is for one change, for as long as is asked for', async () => {
    const change = registered()
    expect(await call(diagnostics.waitForAcks, { change, timeout: { seconds: 1, nanos: 5e8 } })).toEqual({
      taken: true,
      change,
      waiting: [],
    })
    expect(waits).toMatchObject([{ change, timeoutMs: 1500 }])
  })

  test('is not for a change that has not happened, nor for longer than a minute', async () => {
    expect(await failure(call(diagnostics.waitForAcks, { change: 1000, timeout: undefined }))).toEqual([
      status.INVALID_ARGUMENT,
      'INVALID_FIELD',
    ])
    expect(await failure(call(diagnostics.waitForAcks, { change: 0, timeout: { seconds: 61, nanos: 0 } }))).toEqual([
      status.INVALID_ARGUMENT,
      'INVALID_FIELD',
    ])
  })
})

describe('changes', () => {
  test('are listed newest first, in pages that belong to their filter', async () => {
    for (const name of ['users-1', 'users-2', 'users-3']) registered(name)
    await journal.saved()
    const all = await call(diagnostics.listChanges, { pageSize: 0, pageToken: '', filter: '' })
    const ids = all.changes.map(({ id }) => id)
    expect(ids).toEqual(Array.from({ length: journal.last() }, (_, index) => journal.last() - index))
    expect(all.nextPageToken).toBe('')

    const filter = 'action = "instance.registered"'
    const pages: number[][] = []
    let pageToken = ''
    do {
      const page = await call(diagnostics.listChanges, { pageSize: 2, pageToken, filter })
      pages.push(page.changes.map(({ id }) => id))
      pageToken = page.nextPageToken
    } while (pageToken)
    expect(pages.map(page => page.length)).toEqual([2, 1])
    const first = await call(diagnostics.listChanges, { pageSize: 2, pageToken: '', filter })
    const other = call(diagnostics.listChanges, { pageSize: 2, pageToken: first.nextPageToken, filter: '' })
    expect(await failure(other)).toEqual([status.INVALID_ARGUMENT, 'INVALID_PAGE_TOKEN'])
    expect(
      await failure(call(diagnostics.listChanges, { pageSize: 0, pageToken: '', filter: 'nonsense = 1' })),
    ).toEqual([status.INVALID_ARGUMENT, 'INVALID_FILTER'])
  })

  test('tell who did what to whom, with the fields before and after, and why', async () => {
    registered()
    const nowMs = Date.now()
    const { change } = registry.apply({ type: 'drain', instance: 'users-1', by: 'operator', reason: 'kernel', nowMs })
    await journal.saved()
    const { changes } = await call(diagnostics.listChanges, { pageSize: 1, pageToken: '', filter: `id = ${change}` })
    expect(changes[0]).toMatchObject({
      id: change,
      actor: 'operator',
      action: 'instance.drained',
      subject: 'instances/users-1',
      reason: 'kernel',
    })
    expect(changes[0]?.hash).toMatch(/^[0-9a-f]{64}$/)
    const fields = new Map(changes[0]?.fields.map(({ field, before, after }) => [field, [before, after]]))
    expect(fields.get('drainedBy')).toEqual([undefined, 'operator'])
    expect(fields.get('drainedTime')).toEqual([undefined, new Date(nowMs).toISOString()])
    const began = await call(diagnostics.listChanges, {
      pageSize: 1,
      pageToken: '',
      filter: 'action = "instance.registered"',
    })
    expect(began.changes[0]?.fields.find(({ field }) => field === 'port')).toEqual({
      field: 'port',
      before: undefined,
      after: '8101',
    })
    expect(began.changes[0]?.fields.find(({ field }) => field === 'draining')?.after).toBe('false')
  })

  test('are sent as they happen, once the stream has said that it is set up, or from one on', async () => {
    registered('users-1')
    const live = stream<{ after: number }, WatchChangesResponse>(diagnostics.watchChanges, { after: 0 })
    await vi.waitFor(() => expect(live.messages).toEqual([{ change: undefined }]))
    const before = journal.last()
    registered('users-2')
    await vi.waitFor(() => expect(live.messages.at(-1)?.change?.id).toBe(journal.last()))
    expect(live.messages[1]?.change?.id).toBe(before + 1)
    const late = stream<{ after: number }, WatchChangesResponse>(diagnostics.watchChanges, { after: 1 })
    await vi.waitFor(() => expect(late.messages.at(-1)?.change?.id).toBe(journal.last()))
    expect(late.messages.map(({ change }) => change?.id)).toEqual([
      undefined,
      ...Array.from({ length: journal.last() - 1 }, (_, n) => n + 2),
    ])
  })
})

describe('the proof', () => {
  test('holds while nobody meddles', async () => {
    registered('users-1')
    registered('users-2')
    registry.apply({ type: 'drain', instance: 'users-2', by: 'operator', reason: '', nowMs: Date.now() })
    registry.apply({ type: 'remove', instance: 'users-1', nowMs: Date.now() })
    const proof = await call(diagnostics.verifyChanges, {})
    expect(proof).toMatchObject({ valid: true, count: journal.last(), brokenChange: 0, reason: '' })
    expect(proof.head).toMatch(/^[0-9a-f]{64}$/)
  })

  test('breaks at a change that was altered', async () => {
    registered()
    await journal.saved()
    await db.collection<{ _id: number }>('changes').updateOne({ _id: 2 }, { $set: { actor: 'somebody else' } })
    expect(await call(diagnostics.verifyChanges, {})).toMatchObject({ valid: false, brokenChange: 2 })
  })

  test('breaks when the registry has what no change leads to', async () => {
    registered()
    const meddled = {
      ...options(),
      registry: { ...registry, state: () => ({ ...registry.state(), instances: new Map() }) },
    }
    const proof = await diagnosticsService(meddled).verifyChanges({}, undefined as never)
    expect(proof).toMatchObject({ valid: false, brokenChange: 0, reason: expect.stringContaining('instances/users-1') })
  })
})

test('widgets are those of the contracts in force, and go with them', async () => {
  const { widgets } = await call(diagnostics.listWidgets, {})
  expect(widgets.map(({ service, widget }) => [service, widget?.title])).toContainEqual(['users', 'New users'])
  contracts = []
  expect(await call(diagnostics.listWidgets, {})).toEqual({ widgets: [] })
})

test('only who may look at the mesh does', async () => {
  const bearer = async (scope: string) => {
    const metadata = new Metadata()
    metadata.set('authorization', `Bearer ${await tokens.access(scope)}`)
    return metadata
  }
  expect(await failure(call(diagnostics.diagnose, {}, new Metadata()))).toEqual([
    status.UNAUTHENTICATED,
    'TOKEN_MISSING',
  ])
  expect(await failure(call(diagnostics.diagnose, {}, await bearer('profile')))).toEqual([
    status.PERMISSION_DENIED,
    'SCOPE_MISSING',
  ])
  expect(await failure(call(diagnostics.diagnose, {}, await bearer('mesh:read')))).toBe('no error')
})
