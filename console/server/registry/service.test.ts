import { status } from '@grpc/grpc-js'
import { InstanceChange, InstanceHealth } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import { storeForTests } from '@site11/runtime/store/test-mongod.ts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { hello, peersIn, reasonOf, startRegistry, startTime, type TestRegistry, watchPeers } from './test-registry.ts'

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

const users1 = { instance: 'users-1' }
const second = { instance: 'users-2', address: '127.0.0.1:8111' }
const changeOf = async (id: number | undefined) => (await mesh.journal.get([id ?? 0]))[0]

test('operators see every instance with what is believed of it; others do not', async () => {
  await mesh.attached({ sendTime: new Date(Date.now() - 1500) })
  expect((await mesh.call('listInstances', { service: '' }, 'profile')).error?.code).toBe(status.PERMISSION_DENIED)
  const { value } = await mesh.call('listInstances', { service: '' })
  expect(value?.instances.map(each => [each.instance, each.health, each.attached])).toEqual([
    ['console-1', InstanceHealth.INSTANCE_HEALTH_HEALTHY, true],
    ['users-1', InstanceHealth.INSTANCE_HEALTH_HEALTHY, true],
  ])
  const [instance] = (await mesh.call('listInstances', { service: 'users' })).value?.instances ?? []
  expect(instance).toMatchObject({ service: 'users', drainedBy: '', drainTime: undefined, healthChanges: 0 })
  expect(instance?.clockOffset?.seconds).toBeLessThan(0)
  expect(instance?.clockOffset?.nanos).toBeLessThanOrEqual(0)
  expect(instance?.leaseExpireTime?.getTime()).toBe((instance?.seenTime?.getTime() ?? 0) + 10_000)
  expect(instance?.registerTime?.getTime()).toBeGreaterThan(startTime.getTime())
  expect((await mesh.call('getInstance', users1)).value?.instance).toMatchObject(users1)
  expect((await mesh.call('getInstance', { instance: 'console-1' })).value?.instance?.service).toBe('console')
  expect((await mesh.call('getInstance', { instance: 'users-9' })).error?.code).toBe(status.NOT_FOUND)
})

test('the proxies are listed as the control plane has them', async () => {
  expect((await mesh.call('listProxies', {})).value?.proxies).toMatchObject([{ nodeId: 'envoy-1' }])
})

describe('an operator', () => {
  test('drains an instance: callers are told, it stays attached, and the answer comes when the journal has it', async () => {
    const stream = await mesh.attached()
    stream.send(watchPeers('users'))
    await vi.waitFor(() => expect(peersIn(stream.received, 'users')).toHaveLength(1))
    const { value } = await mesh.call('drainInstance', { ...users1, reason: 'a look' })
    expect(value?.instance).toMatchObject({ drainReason: 'a look', attached: true, draining: false })
    expect(value?.instance?.drainedBy).toMatch(/^users\/./)
    expect(value?.instance?.drainTime).toBeInstanceOf(Date)
    expect(value?.instance?.healthReason).toContain('a look')
    expect(await changeOf(value?.change)).toMatchObject({
      action: 'instance.drained',
      subject: 'instances/users-1',
      actor: value?.instance?.drainedBy,
      reason: 'a look',
    })
    await vi.waitFor(() => expect(peersIn(stream.received, 'users')).toEqual([]))
  })

  test('resumes it', async () => {
    const stream = await mesh.attached()
    stream.send(watchPeers('users'))
    await mesh.call('drainInstance', { ...users1, reason: '' })
    const { value } = await mesh.call('resumeInstance', users1)
    expect(value?.instance).toMatchObject({ drainedBy: '', drainReason: '', drainTime: undefined })
    expect(await changeOf(value?.change)).toMatchObject({ action: 'instance.resumed', durationMs: expect.any(Number) })
    await vi.waitFor(() => expect(peersIn(stream.received, 'users')).toEqual(['127.0.0.1:8110']))
  })

  test('removes it: it is told, its process kept out, the next one welcome', async () => {
    const stream = await mesh.attached()
    const { value } = await mesh.call('removeInstance', users1)
    expect(await changeOf(value?.change)).toMatchObject({ action: 'instance.removed' })
    const told = await stream.ended
    expect({ code: told?.code, reason: reasonOf(told) }).toEqual({
      code: status.FAILED_PRECONDITION,
      reason: 'WRONG_STATE',
    })
    expect((await mesh.call('getInstance', users1)).error?.code).toBe(status.NOT_FOUND)
    const again = mesh.attach()
    again.send(hello())
    expect(reasonOf(await again.ended)).toBe('WRONG_STATE')
    expect(mesh.registry.refusals()).toMatchObject([users1])
    await mesh.attached({ startTime: new Date() })
    expect(mesh.registry.refusals()).toEqual([])
  })

  test('forgets a service that has no instance, and no other', async () => {
    const stream = await mesh.attached()
    const forget = () => mesh.call('removeService', { service: 'users' })
    expect(reasonOf((await forget()).error)).toBe('WRONG_STATE')
    stream.send({ $case: 'draining', value: {} })
    await vi.waitFor(() => expect(mesh.instance('users-1')?.draining).toBe(true))
    mesh.proxies.take()
    stream.close()
    await vi.waitFor(() => expect(mesh.instance('users-1')).toBeUndefined())
    const { value } = await forget()
    expect(await changeOf(value?.change)).toMatchObject({ action: 'service.forgotten', subject: 'services/users' })
    expect((await forget()).error?.code).toBe(status.NOT_FOUND)
  })

  test('who asks again is given the change that made it so', async () => {
    await mesh.attached()
    const first = await mesh.call('drainInstance', { ...users1, reason: 'a look' })
    const again = await mesh.call('drainInstance', { ...users1, reason: 'another' })
    expect(again.value).toEqual(first.value)
    const resumed = await mesh.call('resumeInstance', users1)
    expect((await mesh.call('resumeInstance', users1)).value?.change).toBe(resumed.value?.change)
  })

  test('resumes an instance that is not there at the moment', async () => {
    const stream = await mesh.attached()
    await mesh.call('drainInstance', { ...users1, reason: '' })
    stream.send({ $case: 'draining', value: {} })
    await vi.waitFor(() => expect(mesh.instance('users-1')?.draining).toBe(true))
    mesh.proxies.take()
    stream.close()
    await vi.waitFor(() => expect(mesh.instance('users-1')).toBeUndefined())
    const { value } = await mesh.call('resumeInstance', users1)
    expect(value?.instance).toBeUndefined()
    expect(await changeOf(value?.change)).toMatchObject({ action: 'instance.resumed' })
  })

  test.each(['drainInstance', 'resumeInstance', 'removeInstance'] as const)(
    'cannot %s what is not there, nor the Console itself, nor without the scope',
    async name => {
      const request = (instance: string) => ({ instance, reason: '' })
      expect((await mesh.call(name, request('users-9'))).error?.code).toBe(status.NOT_FOUND)
      const itself = (await mesh.call(name, request('console-1'))).error
      expect({ code: itself?.code, reason: reasonOf(itself) }).toEqual({
        code: status.FAILED_PRECONDITION,
        reason: 'WRONG_STATE',
      })
      const reader = await mesh.call(name, request('users-9'), 'mesh:read')
      expect(reader.error?.code).toBe(status.PERMISSION_DENIED)
    },
  )

  test('is told when it is done but cannot be stored', async () => {
    await mesh.attached()
    await mesh.journal.saved()
    await store.store.db.command({ collMod: 'changes', validator: { $expr: false } })
    const { error } = await mesh.call('drainInstance', { ...users1, reason: '' })
    expect(error?.code).toBe(status.UNAVAILABLE)
    expect(mesh.instance('users-1')?.drained).toBeDefined()
    await store.store.db.command({ collMod: 'changes', validator: {} })
    await mesh.journal.saved()
    expect((await mesh.call('drainInstance', { ...users1, reason: '' })).value?.change).toBe(mesh.journal.last())
  })
})

describe('the traffic of a service', () => {
  const newer = { ...second, version: '2.0.0', apiVersion: '1.1' }
  const set = (...weights: [string, number][]) =>
    mesh.call('setTraffic', { service: 'users', weights: weights.map(([version, percent]) => ({ version, percent })) })

  test('is set by weights, kept by the journal, and shown with the versions that there are', async () => {
    await mesh.attached()
    await mesh.attached(newer)
    const { value } = await set(['2.0.0', 10], ['1.0.0', 90])
    expect(await changeOf(value?.change)).toMatchObject({
      action: 'service.traffic',
      subject: 'services/users',
      actor: expect.stringMatching(/^users\//),
    })
    const shown = await mesh.call('getTraffic', { service: 'users' })
    expect(shown.value).toEqual({
      weights: [
        { version: '1.0.0', percent: 90 },
        { version: '2.0.0', percent: 10 },
      ],
      versions: [
        { version: '1.0.0', apiVersions: ['1.0'], instances: 1, serving: 1 },
        { version: '2.0.0', apiVersions: ['1.1'], instances: 1, serving: 1 },
      ],
    })
    expect(value?.weights).toEqual(shown.value?.weights)
    expect((await mesh.call('getInstance', { instance: 'users-2' })).value?.instance?.apiVersion).toBe('1.1')
    expect((await set()).value?.weights).toEqual([])
    expect((await mesh.call('getTraffic', { service: 'users' })).value?.weights).toEqual([])
  })

  test.each<[string, [string, number][], status]>([
    ['are not 100 percent', [['1.0.0', 90]], status.INVALID_ARGUMENT],
    [
      'name a version twice',
      [
        ['1.0.0', 50],
        ['1.0.0', 50],
      ],
      status.INVALID_ARGUMENT,
    ],
    ['are beyond 100 percent', [['1.0.0', 101]], status.INVALID_ARGUMENT],
    ['name what is no version', [['1.0.0=1 ', 100]], status.INVALID_ARGUMENT],
    [
      'name a version that has no instance',
      [
        ['1.0.0', 90],
        ['3.0.0', 10],
      ],
      status.FAILED_PRECONDITION,
    ],
  ])('is refused when its weights %s', async (_, weights, code) => {
    await mesh.attached()
    expect((await set(...weights)).error?.code).toBe(code)
    expect((await mesh.call('getTraffic', { service: 'users' })).value?.weights).toEqual([])
  })

  test('is refused for a service that is not there, and without the scope', async () => {
    const nowhere = { service: 'images', weights: [] }
    expect((await mesh.call('setTraffic', nowhere)).error?.code).toBe(status.NOT_FOUND)
    expect((await mesh.call('getTraffic', nowhere)).error?.code).toBe(status.NOT_FOUND)
    expect((await mesh.call('setTraffic', nowhere, 'mesh:read')).error?.code).toBe(status.PERMISSION_DENIED)
  })
})

describe('a watch of the instances', () => {
  test('has all of them, then READY, then what changes; heartbeats are no change', async () => {
    const stream = await mesh.attached()
    const { seen, messages } = await mesh.watch()
    await vi.waitFor(() => expect(seen).toEqual(['+console-1', '+users-1', 'READY']))
    expect(messages.map(({ type }) => type)[2]).toBe(InstanceChange.INSTANCE_CHANGE_READY)
    const two = await mesh.attached(second)
    await vi.waitFor(() => expect(seen).toContain('+users-2'))
    await vi.waitFor(() =>
      expect(messages.at(-1)?.instance).toMatchObject({ ...second, health: InstanceHealth.INSTANCE_HEALTH_HEALTHY }),
    )
    const before = seen.length
    const beat = (healthy: boolean) =>
      stream.send({
        $case: 'heartbeat',
        value: { sendTime: new Date(), dependencies: [{ name: 'mongodb', healthy, reason: '' }], calls: [] },
      })
    beat(true)
    await vi.waitFor(() => expect(seen.slice(before)).toEqual(['~users-1']))
    for (let n = 0; n < 5; n++) beat(true)
    beat(false)
    await vi.waitFor(() => expect(messages.at(-1)?.instance?.dependencies[0]?.healthy).toBe(false))
    expect(seen.slice(before)).toEqual(['~users-1', '~users-1'])
    two.cancel()
    await vi.waitFor(() => expect(messages.at(-1)?.instance).toMatchObject({ ...second, attached: false }))
    await mesh.call('removeInstance', { instance: 'users-2' })
    await vi.waitFor(() => expect(seen.at(-1)).toBe('-users-2'))
    expect(messages.at(-1)?.instance).toMatchObject(second)
  })

  test('of one service has no others', async () => {
    await mesh.attached()
    const { seen } = await mesh.watch('images')
    await vi.waitFor(() => expect(seen).toEqual(['READY']))
    await mesh.attached({ service: 'images', instance: 'images-1', address: '127.0.0.1:8112' })
    await vi.waitFor(() => expect(seen).toEqual(['READY', '+images-1', '~images-1']))
  })

  test('by a slow reader ends with what is the case, and not with all that ever was', async () => {
    await mesh.attached()
    const { seen, messages, stream } = await mesh.watch()
    await vi.waitFor(() => expect(seen).toContain('READY'))
    stream.pause()
    for (let n = 1; n <= 2000; n++) {
      const health = { status: n % 2 ? 'failing' : 'healthy', since: new Date(), reason: `${n}` } as const
      mesh.registry.apply({ type: 'health', instance: 'users-1', startTime, health })
    }
    stream.resume()
    await vi.waitFor(() => expect(messages.at(-1)?.instance).toMatchObject({ instance: 'users-1', healthChanges: 100 }))
    expect(messages.length).toBeLessThan(50)
  })

  test('is open to a bounded number', async () => {
    const watches = await Promise.all(Array.from({ length: 101 }, () => mesh.watch('none')))
    const ends = watches.map(
      ({ stream, seen }) =>
        new Promise<string>(resolve => {
          stream.on('error', error => resolve(String((error as { code?: number }).code)))
          void vi
            .waitFor(() => expect(seen).toEqual(['READY']), 5000)
            .then(
              () => resolve('READY'),
              () => {},
            )
        }),
    )
    const found = await Promise.all(ends)
    expect(found.filter(end => end === String(status.RESOURCE_EXHAUSTED))).toHaveLength(1)
  })
})
