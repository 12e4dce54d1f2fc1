import { Client, credentials, type ServiceError as GrpcError, Metadata, status } from '@grpc/grpc-js'
import {
  type AttachRequest,
  type AttachResponse,
  type Hello,
  InstanceHealth,
  RegistryServiceService,
} from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import { UsersServiceService } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import { joinTokenHeader } from '@site11/runtime/attach.ts'
import { createVerifier } from '@site11/runtime/caller.ts'
import { contractOf } from '@site11/runtime/contract.ts'
import { detailsOf } from '@site11/runtime/errors.ts'
import { createLog } from '@site11/runtime/log.ts'
import { addService, createServer, listen } from '@site11/runtime/server.ts'
import { mongodForTests } from '@site11/runtime/store/test-mongod.ts'
import { createTestTokens, type TestTokens, testIssuer } from '@site11/runtime/test-tokens.ts'
import { type Db, MongoClient } from 'mongodb'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { checkContract } from '../edge.ts'
import { loadKeys, type SigningKeys } from '../keys/keys.ts'
import { rotation } from '../keys/ring.ts'
import { peersFrom } from '../mesh-state.ts'
import { createTokens } from '../tokens.ts'
import { acceptJoinToken } from './join.ts'
import { type LiveRegistry, runRegistry } from './live-registry.ts'
import { type Attachments, registryService } from './service.ts'
import { createRegistryStore } from './store.ts'

const log = createLog('test', 'silent')
const joinToken = 'a join token for tests'
const usersContract = Buffer.from(contractOf([UsersServiceService]))
const startTime = new Date('2026-01-01T00:00:00Z')
const closers: (() => unknown)[] = []

let mongod: Awaited<ReturnType<typeof mongodForTests>>
let mongo: MongoClient
let db: Db
let testTokens: TestTokens
let registry: LiveRegistry
let keys: SigningKeys
let attachments: Attachments
let client: Client
let proxiesTake: (() => void) | undefined
/** Added to the clock of the keys. */
let ahead = 0

beforeAll(async () => {
  mongod = await mongodForTests()
  mongo = await new MongoClient(mongod.url).connect()
  db = mongo.db('registry_test')
  testTokens = await createTestTokens()
})
beforeEach(async () => {
  ahead = 0
  await db.dropDatabase()
  await start()
})
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})
afterAll(async () => {
  await mongo.close()
  await mongod.stop()
})

/** Runs a registry on what the database has. */
async function start() {
  keys = await loadKeys({ db, secretKey: Buffer.alloc(32), log, now: () => Date.now() + ahead })
  const store = createRegistryStore(db)
  registry = runRegistry(store, await store.load(Date.now()), { log })
  const peers = () => peersFrom(registry.state(), { grpc: { ip: '127.0.0.1', port: 1 } })
  proxiesTake = () => {}
  attachments = registryService({
    registry,
    tokens: createTokens(keys, testIssuer),
    issuer: testIssuer,
    jwks: keys.jwks,
    peers,
    controlPlane: {
      proxies: () => [],
      whenAcked: () => new Promise(resolve => (proxiesTake = () => resolve({ waitingFor: [] }))),
    },
    checkContract: (name, contract) => checkContract([], { name, contract, instances: [] }),
    own: () => ({
      service: 'console',
      instance: 'console-1',
      version: '1.0.0',
      address: '127.0.0.1:1',
      ip: '127.0.0.1',
      port: 1,
      zone: '',
      startTime,
      contractHash: '',
      stream: 0,
      seenMs: 0,
      draining: false,
      health: { status: 'healthy', since: startTime, reason: '' },
      dependencies: [],
    }),
    now: Date.now,
  })
  registry.onChange(attachments.push)
  keys.onChange(attachments.push)
  const verifier = createVerifier()
  verifier.setKeys(testTokens.keys)
  const authenticate = acceptJoinToken(joinToken, metadata =>
    verifier.verify(metadata.get('authorization')[0]?.toString()),
  )
  const server = createServer()
  addService(server, RegistryServiceService, attachments.handlers, { authenticate, log })
  client = new Client(`127.0.0.1:${await listen(server, '127.0.0.1:0')}`, credentials.createInsecure())
  closers.push(registry.close, () => server.forceShutdown(), client.close.bind(client))
}

type Kind = NonNullable<AttachResponse['message']>['$case']

/** Opens a stream. `got` waits for the latest message of a kind. */
function attach(metadata: Record<string, string> = { [joinTokenHeader]: joinToken }) {
  const { path, requestSerialize, responseDeserialize } = RegistryServiceService.attach
  const headers = new Metadata()
  for (const [name, value] of Object.entries(metadata)) headers.set(name, value)
  const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, headers)
  const received: AttachResponse['message'][] = []
  stream.on('data', ({ message }: AttachResponse) => received.push(message))
  const ended = new Promise<GrpcError | undefined>(resolve =>
    stream.on('error', resolve).on('end', () => resolve(undefined)),
  )
  closers.push(() => stream.cancel())
  return {
    send: (message: AttachRequest['message']) => stream.write({ message }),
    received,
    ended,
    close: () => stream.end(),
    async got<K extends Kind>(kind: K): Promise<Extract<AttachResponse['message'], { $case: K }>> {
      return await vi.waitFor(() => {
        const found = received.findLast(message => message?.$case === kind)
        if (!found) throw new Error(`no ${kind} yet`)
        return found as Extract<AttachResponse['message'], { $case: K }>
      })
    },
  }
}

const hello = (change: Partial<Hello> = {}): AttachRequest['message'] => ({
  $case: 'hello',
  value: {
    service: 'users',
    instance: 'users-1',
    version: '1.0.0',
    address: '127.0.0.1:8110',
    zone: '',
    startTime,
    contract: usersContract,
    ...change,
  },
})

/** Attaches and makes the instance healthy. */
async function attached(change: Partial<Hello> = {}) {
  const stream = attach()
  stream.send(hello(change))
  await stream.got('peers')
  const instance = change.instance ?? 'users-1'
  const health = { status: 'healthy', since: new Date(), reason: '' } as const
  registry.apply({ type: 'health', instance, startTime: change.startTime ?? startTime, health })
  return stream
}
const instance = (name: string) => registry.state().instances.get(name)
const peerServices = (message: { value: { peers: { service: string }[] } }) =>
  message.value.peers.map(({ service }) => service)
const reasonOf = (error: GrpcError | undefined) => error && detailsOf(error)?.info?.reason

describe('an instance that attaches', () => {
  test('is given the terms, the keys, a token of its own and the peers', async () => {
    const stream = attach()
    stream.send(hello())
    const welcome = await stream.got('welcome')
    expect(welcome.value).toEqual({
      issuer: testIssuer,
      lease: { seconds: 10, nanos: 0 },
      heartbeatInterval: { seconds: 2, nanos: 0 },
    })
    const { value } = await stream.got('keys')
    const verifier = createVerifier()
    verifier.setKeys({ issuer: testIssuer, jwks: JSON.parse(value.jwks) })
    const { token } = (await stream.got('internalToken')).value
    expect(await verifier.verify(`Bearer ${token}`)).toEqual({ kind: 'service', service: 'users' })
    expect(peerServices(await stream.got('peers'))).toEqual(['console'])
  })

  test('becomes a peer of all when it is healthy, and none when it leaves', async () => {
    const one = await attached()
    const two = await attached({ instance: 'users-2', address: '127.0.0.1:8111' })
    await vi.waitFor(async () => expect(peerServices(await one.got('peers'))).toEqual(['console', 'users', 'users']))
    two.send({ $case: 'draining', value: {} })
    await vi.waitFor(async () => expect(peerServices(await one.got('peers'))).toEqual(['console', 'users']))
  })

  test('learns that it is drained when the proxies have taken it, and is gone when it hangs up', async () => {
    const stream = await attached()
    stream.send({ $case: 'draining', value: {} })
    await vi.waitFor(() => expect(instance('users-1')?.draining).toBe(true))
    expect(stream.received.some(message => message?.$case === 'drained')).toBe(false)
    proxiesTake?.()
    await stream.got('drained')
    stream.close()
    expect(await stream.ended).toBeUndefined()
    await vi.waitFor(() => expect(instance('users-1')).toBeUndefined())
  })

  test('is pushed only what has changed', async () => {
    const stream = await attached()
    await vi.waitFor(async () => expect(peerServices(await stream.got('peers'))).toEqual(['console', 'users']))
    const before = stream.received.length
    const dependencies = [{ name: 'mongodb', healthy: false, reason: 'no answer' }]
    stream.send({ $case: 'heartbeat', value: { sendTime: new Date(), dependencies } })
    await vi.waitFor(() => expect(instance('users-1')?.dependencies).toEqual(dependencies))
    attachments.push()
    await attached({ instance: 'users-2', address: '127.0.0.1:8111' })
    await vi.waitFor(async () => expect(peerServices(await stream.got('peers'))).toEqual(['console', 'users', 'users']))
    expect(stream.received.slice(before).map(message => message?.$case)).toEqual(['peers'])
  })

  test('has a new key long before tokens are signed with it', async () => {
    const stream = await attached()
    const kids = async () => {
      const { value } = await stream.got('keys')
      return (JSON.parse(value.jwks).keys as { kid: string }[]).map(({ kid }) => kid)
    }
    const [old] = await kids()
    ahead = rotation.maxAgeMs
    await keys.rotate()
    await vi.waitFor(async () => expect(await kids()).toHaveLength(2))
    expect(await kids()).toContain(old)
    expect(keys.signer().kid).toBe(old)
  })

  test('may be reached by a name, which proxies are given the address of', async () => {
    await attached({ address: 'localhost:8110' })
    expect(instance('users-1')?.ip).toMatch(/^(127\.0\.0\.1|::1)$/)
  })
})

describe('refused is', () => {
  test.each([
    ['without a token', {}, status.PERMISSION_DENIED, 'CALLER_NOT_ALLOWED'],
    ['with a wrong token', { [joinTokenHeader]: 'wrong' }, status.UNAUTHENTICATED, 'TOKEN_INVALID'],
  ])('a stream %s', async (_, metadata, code, reason) => {
    const error = await attach(metadata).ended
    expect({ code: error?.code, reason: reasonOf(error) }).toEqual({ code, reason })
  })

  test('a service with its internal token, which is for calls', async () => {
    const authorization = `Bearer ${await testTokens.internal('users')}`
    expect((await attach({ authorization }).ended)?.code).toBe(status.PERMISSION_DENIED)
  })

  test.each<[string, Partial<Hello>, string]>([
    ['a contract that is none', { contract: Buffer.from('nonsense') }, 'hello.contract'],
    [
      'a contract of the Console',
      { contract: Buffer.from(contractOf([RegistryServiceService])), service: 'console' },
      'hello.service',
    ],
    ['an address that no name leads to', { address: 'no-such-host.invalid:80' }, 'hello.address'],
    ['an address that nobody can be reached at', { address: '0.0.0.0:80' }, 'hello.address'],
  ])('%s, and the field named', async (_, change, field) => {
    const stream = attach()
    stream.send(hello(change))
    const error = await stream.ended
    expect(error?.code).toBe(status.INVALID_ARGUMENT)
    expect(error && detailsOf(error)?.violations.map(violation => violation.field)).toEqual([field])
    expect(registry.state().instances.size).toBe(0)
  })

  test.each([
    ['a heartbeat before hello', [{ $case: 'heartbeat', value: { sendTime: undefined, dependencies: [] } }]],
    ['a second hello', [hello(), hello()]],
    ['a malformed name', [hello({ instance: 'Users 1' })]],
  ] as [string, AttachRequest['message'][]][])('%s', async (_, messages) => {
    const stream = attach()
    for (const message of messages) stream.send(message)
    expect((await stream.ended)?.code).toBe(status.INVALID_ARGUMENT)
  })

  test('an address of a living instance', async () => {
    await attached()
    const stream = attach()
    stream.send(hello({ instance: 'users-2' }))
    const error = await stream.ended
    expect({ code: error?.code, reason: reasonOf(error) }).toEqual({
      code: status.ALREADY_EXISTS,
      reason: 'INSTANCE_CONFLICT',
    })
    expect([...registry.state().instances.keys()]).toEqual(['users-1'])
  })
})

test('of two processes under one name the newer has it, and the older is told', async () => {
  const older = await attached()
  const newer = await attached({ startTime: new Date(startTime.getTime() + 1000), address: '127.0.0.1:8111' })
  const error = await older.ended
  expect({ code: error?.code, reason: reasonOf(error) }).toEqual({
    code: status.ALREADY_EXISTS,
    reason: 'INSTANCE_CONFLICT',
  })
  const again = attach()
  again.send(hello())
  expect(reasonOf(await again.ended)).toBe('INSTANCE_CONFLICT')
  expect(instance('users-1')?.port).toBe(8111)
  newer.close()
})

test('what the registry knew it knows after a restart, whether or not the instances are back yet', async () => {
  await attached()
  await attached({ instance: 'users-2', address: '127.0.0.1:8111' })
  const before = registry.state()
  for (const close of closers.splice(0).reverse()) await close()
  await start()
  const { instances, services } = registry.state()
  expect([...instances.keys()].sort()).toEqual(['users-1', 'users-2'])
  for (const [name, each] of instances) {
    const { stream: _stream, seenMs: _seen, ...known } = each
    expect(before.instances.get(name)).toMatchObject(known)
  }
  expect(services.get('users')?.contractHash).toBe(before.services.get('users')?.contractHash)
  expect(Buffer.from([...registry.contracts().values()][0] ?? []).equals(usersContract)).toBe(true)
})

test('what left is forgotten, but for its service; a contract goes when no service has it any more', async () => {
  const newer = Buffer.from(contractOf([UsersServiceService, RegistryServiceService]))
  const stream = await attached()
  await attached({ instance: 'users-2', address: '127.0.0.1:8111', startTime: new Date(), contract: newer })
  const stored = (name: string) => db.collection(name).countDocuments()
  await vi.waitFor(async () => expect([await stored('instances'), await stored('contracts')]).toEqual([2, 2]))
  stream.send({ $case: 'draining', value: {} })
  await vi.waitFor(() => expect(instance('users-1')?.draining).toBe(true))
  proxiesTake?.()
  stream.close()
  await vi.waitFor(async () => expect([await stored('instances'), await stored('contracts')]).toEqual([1, 1]))
  expect(await stored('services')).toBe(1)
})

test('operators see every instance with what is believed of it; others do not', async () => {
  await attached()
  const { path, requestSerialize, responseDeserialize } = RegistryServiceService.listInstances
  const list = async (scope: string, service = '') => {
    const metadata = new Metadata()
    metadata.set('authorization', `Bearer ${await testTokens.access(scope)}`)
    return await new Promise<{ code: status; instances: { instance: string; health: InstanceHealth }[] }>(resolve =>
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, { service }, metadata, (error, value) =>
        resolve({ code: error?.code ?? status.OK, instances: value?.instances ?? [] }),
      ),
    )
  }
  expect((await list('profile')).code).toBe(status.PERMISSION_DENIED)
  const { instances } = await list('mesh:read')
  expect(instances.map(each => [each.instance, each.health])).toEqual([
    ['console-1', InstanceHealth.INSTANCE_HEALTH_HEALTHY],
    ['users-1', InstanceHealth.INSTANCE_HEALTH_HEALTHY],
  ])
  expect((await list('mesh:read', 'users')).instances).toHaveLength(1)
})
