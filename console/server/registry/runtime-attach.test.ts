/** The runtime's side of the stream against the Console's: what a service is given, and keeps. */
import { Client } from '@grpc/grpc-js'
import { type AttachOptions, attach, retryAfterMs } from '@site11/runtime/attach.ts'
import { createIdentity } from '@site11/runtime/identity.ts'
import type { Log } from '@site11/runtime/log.ts'
import { scheme, wantedServices } from '@site11/runtime/peers.ts'
import { createServer, listen } from '@site11/runtime/server.ts'
import { storeForTests } from '@site11/runtime/store/test-mongod.ts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { joinToken, log, startRegistry, startTime, type TestRegistry, usersContract } from './test-registry.ts'

let store: Awaited<ReturnType<typeof storeForTests>>
let mesh: TestRegistry
const closers: (() => unknown)[] = []
beforeAll(async () => {
  store = await storeForTests()
})
beforeEach(async () => {
  await store.store.db.dropDatabase()
  mesh = await startRegistry(store.store.db)
})
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
  await mesh.close()
})
afterAll(async () => {
  await store.stop()
})

function attachTo(address: string, options: Partial<AttachOptions> = {}) {
  const attachment = attach({
    console: address,
    joinToken,
    identity: createIdentity(),
    trustFile: mesh.trustFile,
    log,
    hello: {
      service: 'users',
      instance: 'users-1',
      version: '1.0.0',
      apiVersion: '',
      address: '127.0.0.1:8110',
      zone: '',
      startTime,
      contract: usersContract,
    },
    dependencies: () => [],
    onKeys: () => {},
    ...options,
  })
  closers.push(attachment.close)
  return attachment
}

/** @returns a function that calls the service, and gives the code that it ends with. */
function channelTo(service: string) {
  const client = new Client(
    `${scheme}:${service}`,
    mesh.identityOf({ service: 'caller', instance: 'caller-1' }).channelTo(service),
    {
      'grpc.initial_reconnect_backoff_ms': 50,
      'grpc.max_reconnect_backoff_ms': 100,
    },
  )
  closers.push(() => client.close())
  const bytes = (value: Buffer) => value
  return () =>
    new Promise<number>(resolve => {
      const deadline = Date.now() + 10_000
      client.makeUnaryRequest('/none/Such', bytes, bytes, Buffer.alloc(0), { deadline }, error =>
        resolve(error?.code ?? 0),
      )
    })
}
/** A server that is there, and has no methods. */
const unimplemented = 12
async function startService(service: string, number = 1): Promise<() => void> {
  const server = createServer()
  const address = `127.0.0.1:${await listen(server, '127.0.0.1:0', mesh.identityOf({ service, instance: `${service}-${number}` }).server())}`
  closers.push(() => server.forceShutdown())
  await mesh.attached({ service, instance: `${service}-${number}`, address })
  return () => server.forceShutdown()
}

test('a channel is given the instances of its service, whether it is made before the stream or after', async () => {
  await startService('early')
  await startService('late')
  const early = channelTo('early')
  attachTo(mesh.address)
  expect(await early()).toBe(unimplemented)
  // At once: the first call waits until the Console has been asked.
  expect(await channelTo('late')()).toBe(unimplemented)
  expect(wantedServices()).toEqual(expect.arrayContaining(['early', 'late']))
})

test('a service that nobody says anything of is unavailable, and soon', async () => {
  const begun = Date.now()
  expect(await channelTo('nowhere')()).toBe(14)
  expect(Date.now() - begun).toBeLessThan(8000)
})

test('what was received holds while the Console is away; its successor is asked again', async () => {
  const stop = await startService('kept', 1)
  const call = channelTo('kept')
  attachTo(mesh.address)
  expect(await call()).toBe(unimplemented)
  await mesh.close()
  expect(await call()).toBe(unimplemented)
  expect(await channelTo('kept')()).toBe(unimplemented)
  mesh = await startRegistry(store.store.db, {}, mesh.address)
  await startService('kept', 2)
  stop()
  await mesh.call('removeInstance', { instance: 'kept-1' })
  await vi.waitFor(async () => expect(await call()).toBe(unimplemented), 10_000)
})

test('says what time it has and what it stands on, and is attached until it leaves in order', async () => {
  const attachment = attachTo(mesh.address, {
    dependencies: () => [{ name: 'mongodb', healthy: true, reason: '' }],
  })
  await vi.waitFor(() => expect(mesh.instance('users-1')?.dependencies).toHaveLength(1))
  expect(Math.abs(mesh.instance('users-1')?.clockOffsetMs ?? Number.NaN)).toBeLessThan(5000)
  await vi.waitFor(() => expect(attachment.token()).toMatch(/\./))
  const drained = attachment.drain(20_000)
  await vi.waitFor(() => expect(mesh.instance('users-1')?.draining).toBe(true))
  mesh.proxies.take()
  await drained
  attachment.close()
  await vi.waitFor(() => expect(mesh.instance('users-1')).toBeUndefined())
})

test('one that an operator removes goes on, says so once, and stays out', async () => {
  const errors: string[] = []
  const told = {
    ...log,
    error: (_: object, message: string) => errors.push(message),
    info() {},
    warn() {},
  } as unknown as Log
  const attachment = attachTo(mesh.address, { log: told })
  await vi.waitFor(() => expect(attachment.token()).toMatch(/\./))
  await mesh.call('removeInstance', { instance: 'users-1' })
  await vi.waitFor(() => expect(errors).toHaveLength(1))
  expect(errors[0]).toContain('Restart')
  expect(attachment.token()).toMatch(/\./)
  expect(mesh.instance('users-1')).toBeUndefined()
  // Nothing to wait for: no proxy knows it.
  await attachment.drain(60_000)
})

describe('it is tried again', () => {
  test.each([
    ['at once, more or less', 0, false, 50, 150],
    ['later and later', 3, false, 400, 1200],
    ['every few seconds', 99, false, 1000, 3000],
    ['rarely, when an operator has said no', 0, true, 15_000, 45_000],
  ])('%s', (_, failures, removed, least, most) => {
    expect(retryAfterMs(failures, removed, 0)).toBe(least)
    expect(retryAfterMs(failures, removed, 1)).toBe(most)
  })
})
