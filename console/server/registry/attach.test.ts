import { create, toBinary } from '@bufbuild/protobuf'
import { status } from '@grpc/grpc-js'
import { AttachRequestSchema } from '@site11/proto/es/site11/console/v1/registry_service_pb.ts'
import {
  type AttachRequest,
  CallHealth,
  CallState,
  type Hello,
  RegistryServiceService,
} from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import { UsersServiceService } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import { joinTokenHeader } from '@site11/runtime/attach.ts'
import { createVerifier } from '@site11/runtime/caller.ts'
import { contractOf } from '@site11/runtime/contract.ts'
import { detailsOf } from '@site11/runtime/errors.ts'
import { storeForTests } from '@site11/runtime/store/test-mongod.ts'
import { testIssuer } from '@site11/runtime/test-tokens.ts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { rotation } from '../keys/ring.ts'
import {
  hello,
  peersIn,
  reasonOf,
  startRegistry,
  startTime,
  type TestRegistry,
  usersContract,
  watchPeers,
} from './test-registry.ts'

let store: Awaited<ReturnType<typeof storeForTests>>
let mesh: TestRegistry
beforeAll(async () => {
  store = await storeForTests()
})
beforeEach(async () => {
  await store.store.db.dropDatabase()
  mesh = await startRegistry(store.store.db)
})
afterEach(async () => {
  await mesh.close()
})
afterAll(async () => {
  await store.stop()
})

const second: Partial<Hello> = { instance: 'users-2', address: '127.0.0.1:8111' }
const heartbeat = (sendTime = new Date(), dependencies: { name: string; healthy: boolean; reason: string }[] = []) => ({
  $case: 'heartbeat' as const,
  value: { sendTime, dependencies, calls: [] },
})
const actions = async (filter = '') => {
  await mesh.journal.saved()
  return (await mesh.journal.list({ filter, limit: 50 })).map(({ action }) => action).reverse()
}

describe('an instance that attaches', () => {
  test('is given the terms, the keys and a token of its own, and no peers that it did not ask for', async () => {
    const stream = mesh.attach()
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
    await mesh.attached(second)
    expect(stream.received.map(message => message?.$case).sort()).toEqual(['internalToken', 'keys', 'welcome'])
  })

  test('is told of the services that it asks for: at once, and of each whenever it changes', async () => {
    const one = await mesh.attached()
    one.send(watchPeers('users', 'console', 'images'))
    await vi.waitFor(() => expect(peersIn(one.received, 'images')).toEqual([]))
    expect(peersIn(one.received, 'console')).toEqual(['127.0.0.1:1'])
    expect(peersIn(one.received, 'users')).toEqual(['127.0.0.1:8110'])
    const before = one.received.length
    const two = await mesh.attached(second)
    await vi.waitFor(() => expect(peersIn(one.received, 'users')).toEqual(['127.0.0.1:8110', '127.0.0.1:8111']))
    two.send({ $case: 'draining', value: {} })
    await vi.waitFor(() => expect(peersIn(one.received, 'users')).toEqual(['127.0.0.1:8110']))
    expect(one.received.slice(before).every(m => m?.$case === 'peers' && m.value.service === 'users')).toBe(true)
  })

  test('is told no more of what it does not ask for any more', async () => {
    const one = await mesh.attached()
    one.send(watchPeers('users', 'console'))
    one.send(watchPeers('console'))
    one.send(watchPeers('console', 'images'))
    await vi.waitFor(() => expect(peersIn(one.received, 'images')).toEqual([]))
    const before = one.received.length
    const other = await mesh.attached({ ...second })
    other.send(watchPeers('users'))
    await vi.waitFor(() => expect(peersIn(other.received, 'users')).toHaveLength(2))
    expect(one.received.slice(before)).toEqual([])
    // Asked for again, it is told anew.
    one.send(watchPeers('users'))
    await vi.waitFor(() => expect(peersIn(one.received, 'users')).toHaveLength(2))
  })

  test('learns of a service that flaps what it is in the end, without being told each time', async () => {
    const one = await mesh.attached()
    await mesh.attached(second)
    one.send(watchPeers('users'))
    await vi.waitFor(() => expect(peersIn(one.received, 'users')).toHaveLength(2))
    const before = one.received.length
    for (let n = 0; n < 101; n++) {
      const health = { status: n % 2 ? 'healthy' : 'failing', since: new Date(), reason: '' } as const
      mesh.registry.apply({ type: 'health', instance: 'users-2', startTime, health })
    }
    await vi.waitFor(() => expect(peersIn(one.received, 'users')).toHaveLength(1))
    expect(one.received.length - before).toBeLessThanOrEqual(3)
  })

  test('learns that it is drained when the proxies have taken it, and is gone when it hangs up', async () => {
    const stream = await mesh.attached()
    stream.send({ $case: 'draining', value: {} })
    await vi.waitFor(() => expect(mesh.instance('users-1')?.draining).toBe(true))
    expect(mesh.proxies.waits).toMatchObject([{ change: mesh.journal.last(), timeoutMs: 2000 }])
    expect(stream.received.some(message => message?.$case === 'drained')).toBe(false)
    mesh.proxies.take()
    await stream.got('drained')
    stream.close()
    expect(await stream.ended).toBeUndefined()
    await vi.waitFor(() => expect(mesh.instance('users-1')).toBeUndefined())
    expect(await actions('subject = "instances/users-1"')).toEqual([
      'instance.registered',
      'instance.health',
      'instance.draining',
      'instance.left',
    ])
  })

  test('tells how its calls fare; that is news when calls are held back, and not how many there were', async () => {
    const stream = await mesh.attached()
    const calls = (change: Partial<CallHealth>) => [CallHealth.fromPartial({ service: 'orders', calls: 3, ...change })]
    const beat = (change: Partial<CallHealth>) =>
      stream.send({ $case: 'heartbeat', value: { sendTime: new Date(), dependencies: [], calls: calls(change) } })
    beat({ state: CallState.CALL_STATE_CLOSED })
    await vi.waitFor(() => expect(mesh.instance('users-1')?.calls).toHaveLength(1))
    let news = 0
    mesh.registry.onChange(() => news++)
    beat({ state: CallState.CALL_STATE_CLOSED, calls: 4 })
    beat({ state: CallState.CALL_STATE_OPEN, failures: 4, reason: 'no answer' })
    await vi.waitFor(() => expect(mesh.instance('users-1')?.calls[0]?.state).toBe(CallState.CALL_STATE_OPEN))
    expect(news).toBe(1)
  })

  test('is pushed only what has changed, and is no news by a heartbeat', async () => {
    const stream = await mesh.attached()
    const before = stream.received.length
    const dependencies = [{ name: 'mongodb', healthy: false, reason: 'no answer' }]
    stream.send(heartbeat(new Date(), dependencies))
    await vi.waitFor(() => expect(mesh.instance('users-1')?.dependencies).toEqual(dependencies))
    const told: number[] = []
    mesh.registry.onChange(change => told.push(change))
    const seenMs = mesh.instance('users-1')?.seenMs ?? 0
    stream.send(heartbeat(new Date(), dependencies))
    mesh.attachments.push()
    await vi.waitFor(() => expect(mesh.instance('users-1')?.seenMs).toBeGreaterThan(seenMs), 5000)
    expect(told).toEqual([])
    expect(stream.received.slice(before)).toEqual([])
    expect(await actions('subject = "instances/users-1"')).toEqual(['instance.registered', 'instance.health'])
  })

  test('has a new key long before tokens are signed with it', async () => {
    const stream = await mesh.attached()
    const kids = async () => {
      const { value } = await stream.got('keys')
      return (JSON.parse(value.jwks).keys as { kid: string }[]).map(({ kid }) => kid)
    }
    const [old] = await kids()
    mesh.clocks.keysMs = rotation.maxAgeMs
    await mesh.keys.rotate()
    await vi.waitFor(async () => expect(await kids()).toHaveLength(2))
    expect(await kids()).toContain(old)
    expect(mesh.keys.signer().kid).toBe(old)
  })

  test('may be reached by a name, which proxies are given the address of', async () => {
    await mesh.attached({ address: 'localhost:8110' })
    expect(mesh.instance('users-1')?.ip).toMatch(/^(127\.0\.0\.1|::1)$/)
  })

  test('shows how far its clock is off, and is right again when the clock is', async () => {
    const hour = 3_600_000
    const stream = await mesh.attached({ sendTime: new Date(Date.now() - hour) })
    expect(mesh.instance('users-1')?.clockOffsetMs).toBeLessThan(-hour + 1)
    expect(mesh.instance('users-1')?.clockOffsetMs).toBeGreaterThan(-hour - 5000)
    stream.send(heartbeat())
    await vi.waitFor(() => expect(Math.abs(mesh.instance('users-1')?.clockOffsetMs ?? hour)).toBeLessThan(5000))
  })
})

describe('refused is', () => {
  test.each([
    ['without a token', {}, status.PERMISSION_DENIED, 'CALLER_NOT_ALLOWED'],
    ['with a wrong token', { [joinTokenHeader]: 'wrong' }, status.UNAUTHENTICATED, 'TOKEN_INVALID'],
  ])('a stream %s', async (_, metadata, code, reason) => {
    const error = await mesh.attach(metadata).ended
    expect({ code: error?.code, reason: reasonOf(error) }).toEqual({ code, reason })
  })

  test('a service with its internal token, which is for calls', async () => {
    const authorization = `Bearer ${await mesh.tokens.internal('users')}`
    expect((await mesh.attach({ authorization }, { service: 'users', instance: 'users-1' }).ended)?.code).toBe(
      status.PERMISSION_DENIED,
    )
  })

  test.each<[string, Partial<Hello>, string]>([
    ['a contract that is none', { contract: Buffer.from('nonsense') }, 'hello.contract'],
    [
      'a contract of the Console',
      { contract: Buffer.from(contractOf([RegistryServiceService])), service: 'console' },
      'hello.service',
    ],
    ['the name of the Console', { instance: 'console-1' }, 'hello.instance'],
    ['the address of the Console', { address: '127.0.0.1:1' }, 'hello.address'],
    ['an address that no name leads to', { address: 'no-such-host.invalid:80' }, 'hello.address'],
    ['an address that nobody can be reached at', { address: '0.0.0.0:80' }, 'hello.address'],
    ['an address without a port that can be', { address: '127.0.0.1:0' }, 'hello.address'],
    ['an address of many machines', { address: '239.1.2.3:80' }, 'hello.address'],
    ['an address that means another machine on each', { address: '[fe80::1%eth0]:80' }, 'hello.address'],
  ])('%s, the field named, and the refusal known', async (_, change, field) => {
    const stream = mesh.attach()
    stream.send(hello(change))
    const error = await stream.ended
    expect(error?.code).toBe(status.INVALID_ARGUMENT)
    expect(error && detailsOf(error)?.violations.map(violation => violation.field)).toEqual([field])
    expect(mesh.registry.state().instances.size).toBe(0)
    expect(mesh.registry.refusals()).toMatchObject([{ count: 1, reason: expect.stringContaining(field) }])
  })

  test('a time that no clock shows', async () => {
    const value = {
      ...(hello() as { value: Hello }).value,
      startTime: { seconds: 9_000_000_000_000n },
      sendTime: undefined,
    }
    const request = create(AttachRequestSchema, { message: { case: 'hello', value } })
    const stream = mesh.attach()
    stream.sendBytes(toBinary(AttachRequestSchema, request))
    const error = await stream.ended
    expect(error?.code).toBe(status.INVALID_ARGUMENT)
    expect(error && detailsOf(error)?.violations.map(({ field }) => field)).toEqual(['hello.start_time'])
  })

  test.each([
    ['a heartbeat before hello', [heartbeat()]],
    ['peers before hello', [watchPeers('users')]],
    ['a second hello', [hello(), hello()]],
    ['a malformed name', [hello({ instance: 'Users 1' })]],
    ['a hello without a start time', [hello({ startTime: undefined })]],
    ['an empty message', [undefined]],
  ] as [string, AttachRequest['message'][]][])('%s', async (_, messages) => {
    const stream = mesh.attach()
    for (const message of messages) stream.send(message)
    expect((await stream.ended)?.code).toBe(status.INVALID_ARGUMENT)
  })

  test('an address of a living instance; who tries on and on is counted, journaled once, and forgotten when let in', async () => {
    const holder = await mesh.attached()
    for (let n = 1; n <= 3; n++) {
      const stream = mesh.attach()
      stream.send(hello({ instance: 'users-2' }))
      const error = await stream.ended
      expect({ code: error?.code, reason: reasonOf(error) }).toEqual({
        code: status.ALREADY_EXISTS,
        reason: 'INSTANCE_CONFLICT',
      })
      expect(mesh.registry.refusals()).toMatchObject([
        { instance: 'users-2', service: 'users', address: '127.0.0.1:8110', count: n },
      ])
    }
    expect([...mesh.registry.state().instances.keys()]).toEqual(['users-1'])
    expect(await actions('subject = "instances/users-2"')).toEqual(['instance.refused'])
    holder.send({ $case: 'draining', value: {} })
    await vi.waitFor(() => expect(mesh.instance('users-1')?.draining).toBe(true))
    mesh.proxies.take()
    holder.close()
    await vi.waitFor(() => expect(mesh.instance('users-1')).toBeUndefined())
    await mesh.attached({ instance: 'users-2' })
    expect(mesh.registry.refusals()).toEqual([])
  })
})

test('of two processes under one name the newer has it, and the older is told', async () => {
  const older = await mesh.attached()
  const newer = await mesh.attached({ startTime: new Date(startTime.getTime() + 1000), address: '127.0.0.1:8111' })
  const error = await older.ended
  expect({ code: error?.code, reason: reasonOf(error) }).toEqual({
    code: status.ALREADY_EXISTS,
    reason: 'INSTANCE_CONFLICT',
  })
  const again = mesh.attach()
  again.send(hello())
  expect(reasonOf(await again.ended)).toBe('INSTANCE_CONFLICT')
  expect(mesh.instance('users-1')?.port).toBe(8111)
  newer.close()
})

test('what the registry knew it knows after a restart, whether or not the instances are back yet', async () => {
  await mesh.attached()
  await mesh.attached(second)
  await mesh.call('drainInstance', { instance: 'users-2', reason: 'a look' })
  const before = mesh.registry.state()
  await mesh.close()
  mesh = await startRegistry(store.store.db)
  const { instances, services } = mesh.registry.state()
  expect([...instances.keys()].sort()).toEqual(['users-1', 'users-2'])
  for (const [name, each] of instances) {
    const { stream: _stream, seenMs: _seen, ...known } = each
    expect(before.instances.get(name)).toMatchObject(known)
  }
  expect(services.get('users')?.contractHash).toBe(before.services.get('users')?.contractHash)
  expect(Buffer.from([...mesh.registry.contracts().values()][0] ?? []).equals(usersContract)).toBe(true)
  // Back on their streams, they change nothing.
  const last = mesh.journal.last()
  await mesh.attached()
  const back = await mesh.attached(second)
  expect(mesh.instance('users-2')).toMatchObject({ drained: { reason: 'a look' } })
  expect(back.received.length).toBeGreaterThan(0)
  const changes = await actions(`id > ${last}`)
  expect(changes.filter(action => action !== 'instance.health')).toEqual([])
})

test('a contract is stored before the journal refers to it, and goes when nothing has it any more', async () => {
  const newer = Buffer.from(contractOf([UsersServiceService, RegistryServiceService]))
  const stored = () => store.store.db.collection('contracts').countDocuments()
  const stream = await mesh.attached()
  await mesh.attached({ ...second, startTime: new Date(), contract: newer })
  await mesh.journal.saved()
  expect(await stored()).toBe(2)
  stream.send({ $case: 'draining', value: {} })
  await vi.waitFor(() => expect(mesh.instance('users-1')?.draining).toBe(true))
  mesh.proxies.take()
  stream.close()
  await vi.waitFor(async () => expect(await stored()).toBe(1))
  // The accepted one is kept, as proxies go back to it when they refuse another.
  const known = mesh.registry.state().services.get('users')
  const contractHash = known?.contractHash ?? ''
  mesh.registry.apply({ type: 'contract', service: 'users', contractHash, verdict: 'accepted', reason: '' })
  await mesh.attached({ ...second, startTime: new Date(Date.now() + 1000), contract: usersContract })
  await mesh.journal.saved()
  expect([...mesh.registry.contracts().keys()]).toHaveLength(2)
  expect(mesh.registry.state().services.get('users')).toMatchObject({ acceptedHash: contractHash })
})
