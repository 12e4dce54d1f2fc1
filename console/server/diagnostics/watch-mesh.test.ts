import type { WatchMeshResponse } from '@site11/proto/grpc/site11/console/v1/diagnostics_service.ts'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { instanceBeliefs } from './beliefs.ts'
import { ago, failing, instance, nowMs, proxy } from './fixtures.ts'
import { createMeshFeed, type MeshFeed, type MeshView } from './watch-mesh.ts'

let view: MeshView
let made: number
let feed: MeshFeed
let ending: AbortController

const viewOf = (...instances: ReturnType<typeof instance>[]): MeshView => ({
  instances: instanceBeliefs(instances, [proxy('envoy-1')], []),
  proxies: [proxy('envoy-1')],
  health: { status: 1, services: [], dependencies: [], problems: [] },
  lastChange: 7,
})
const short = (message: WatchMeshResponse | undefined) =>
  message && {
    instances: message.instances.map(each => each.instance?.instance),
    removed: [...message.removedInstances, ...message.removedProxies],
    proxies: message.proxies.map(({ nodeId }) => nodeId),
    health: message.health?.status,
    lastChange: message.lastChange,
  }

beforeEach(() => {
  vi.useFakeTimers({ now: nowMs })
  view = viewOf(instance('users-1'), instance('users-2'))
  made = 0
  feed = createMeshFeed(() => {
    made++
    return view
  })
  ending = new AbortController()
})
afterEach(async () => {
  ending.abort()
  await vi.advanceTimersByTimeAsync(0)
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

/** Reads as fast as messages come. */
function reader() {
  const messages: WatchMeshResponse[] = []
  void (async () => {
    for await (const message of feed.watch(ending.signal)) messages.push(message)
  })()
  return messages
}
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

test('all of it comes first, then only what differs', async () => {
  const messages = reader()
  await pass(0)
  expect(messages.map(short)).toEqual([
    { instances: ['users-1', 'users-2'], removed: [], proxies: ['envoy-1'], health: 1, lastChange: 7 },
  ])
  view = { ...viewOf(instance('users-1', failing('no answer'))), proxies: [], lastChange: 9 }
  feed.changed()
  await pass(250)
  expect(short(messages[1])).toEqual({
    instances: ['users-1'],
    removed: ['users-2', 'envoy-1'],
    proxies: [],
    health: undefined,
    lastChange: 9,
  })
})

test('a change after a quiet time is sent at once; of a thousand a second come four', async () => {
  const messages = reader()
  await pass(990)
  view = viewOf(instance('users-1'))
  feed.changed()
  await pass(5)
  expect(messages).toHaveLength(2)
  for (let n = 0; n < 1000; n++) {
    view = { ...view, lastChange: 100 + n }
    feed.changed()
    await pass(1)
  }
  await pass(250)
  expect(messages.length - 2).toBeGreaterThanOrEqual(3)
  expect(messages.length - 2).toBeLessThanOrEqual(5)
  expect(messages.at(-1)?.lastChange).toBe(1099)
})

test('whoever reads slowly gets what is then true, in one message', async () => {
  const slow = feed.watch(ending.signal)[Symbol.asyncIterator]()
  await slow.next()
  for (let n = 3; n < 20; n++) {
    view = viewOf(instance('users-1'), instance(`users-${n}`))
    feed.changed()
    await pass(250)
  }
  const next = await slow.next()
  expect(short(next.value)).toMatchObject({ instances: ['users-19'], removed: ['users-2'] })
  const nothingMore = slow.next()
  await pass(2000)
  ending.abort()
  expect(await nothingMore).toEqual({ value: undefined, done: true })
})

test('signs of life are no change, and what nobody tells of is found within a second', async () => {
  const messages = reader()
  await pass(0)
  view = viewOf(
    instance('users-1', { seenTime: ago(0), leaseExpireTime: ago(-10), clockOffset: { seconds: 0, nanos: 4e6 } }),
    instance('users-2', { dependencies: [{ name: 'mongodb', healthy: false, reason: 'no' }] }),
  )
  await pass(1250)
  expect(messages.slice(1).map(short)).toMatchObject([{ instances: ['users-2'] }])
})

test('all who watch share one view, and without them none is made', async () => {
  feed.changed()
  await pass(5000)
  expect(made).toBe(0)
  const readers = Array.from({ length: 50 }, reader)
  await pass(0)
  expect(made).toBe(1)
  feed.changed()
  await pass(250)
  expect(made).toBe(2)
  expect(readers.every(messages => messages.length === 1)).toBe(true)
  ending.abort()
  await pass(5000)
  expect(made).toBe(2)
})

test('of a name that is in two services the one that is registered is told', async () => {
  const moved = instance('users-1', { service: 'images' })
  const endpoints = new Map([['users/users-1', { status: 'healthy' as const, since: ago(9), version: 'v1' }]])
  view = { ...viewOf(), instances: instanceBeliefs([moved], [proxy('envoy-1')], [{ nodeId: 'envoy-1', endpoints }]) }
  const messages = reader()
  await pass(0)
  expect(messages[0]?.instances.map(({ registered }) => registered)).toEqual([true])
})
