import { createServer as createTcpServer, type Server as TcpServer } from 'node:net'
import { createLog } from '@site11/runtime/log.ts'
import { addReflectionAndHealth } from '@site11/runtime/serve.ts'
import { closeServer, createServer, listen } from '@site11/runtime/server.ts'
import { testService } from '@site11/runtime/test-identity.ts'
import { afterAll, expect, test, vi } from 'vitest'
import { createHealthWatch } from '../health/watch.ts'
import { instanceMessage } from '../registry/message.ts'
import type { Health, Instance } from '../registry/registry.ts'
import { ailmentOf } from './ailments.ts'

const closers: (() => unknown)[] = []
afterAll(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

const log = createLog('test', 'silent')
const at = (port: number): Instance => ({
  service: 'users',
  instance: 'users-1',
  version: '1',
  apiVersion: '1.0',
  address: `127.0.0.1:${port}`,
  ip: '127.0.0.1',
  port,
  zone: '',
  startTime: new Date(),
  contractHash: '',
  stream: 1,
  seenMs: Date.now(),
  registerTime: new Date(),
  draining: false,
  drainTime: undefined,
  drained: undefined,
  clockOffsetMs: 0,
  health: { status: 'unknown', since: new Date(), reason: '' },
  healthChangesMs: [],
  dependencies: [],
  calls: [],
})

/** @returns what the health check finds at the port. */
async function found(port: number): Promise<Health> {
  let health: Health | undefined
  const watch = createHealthWatch((_, changed) => {
    health = changed
  }, testService('console'))
  closers.push(watch.close)
  watch.follow([at(port)])
  return await vi.waitFor(
    () => {
      if (health?.status !== 'failing') throw new Error('not failing yet')
      return health
    },
    { timeout: 15_000, interval: 50 },
  )
}

/** Accepts connections and says nothing, as a process that is stopped does. */
async function silentPort(): Promise<number> {
  const server: TcpServer = createTcpServer(() => {})
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => server.close())
  const address = server.address()
  return typeof address === 'object' && address ? address.port : 0
}

async function closedPort(): Promise<number> {
  const server = createServer()
  const port = await listen(server, '127.0.0.1:0', testService('users').server())
  server.forceShutdown()
  return port
}

async function notServingPort(): Promise<number> {
  const server = createServer()
  const health = addReflectionAndHealth(server, [], {}, { log })
  const port = await listen(server, '127.0.0.1:0', testService('users').server())
  health.leave()
  closers.push(() => closeServer(server, 0), health.close)
  return port
}

const bareServerPort = () => {
  const server = createServer()
  closers.push(() => closeServer(server, 0))
  return listen(server, '127.0.0.1:0', testService('users').server())
}

test.concurrent.each([
  ['nobody listens at its address', closedPort, { attached: 'unreachable', unheard: 'frozen', detached: 'gone' }],
  ['nothing answers at its address', silentPort, { attached: 'unreachable', unheard: 'frozen', detached: 'gone' }],
  [
    'it says that it does not serve',
    notServingPort,
    { attached: 'notServing', unheard: 'notServing', detached: 'notServing' },
  ],
  ['it has no health check', bareServerPort, { attached: 'other', unheard: 'other', detached: 'other' }],
])('what the health check finds is understood: %s', async (_, port, expected) => {
  // Each waits for several failures in a row.
  const health = await found(await port())
  const nowMs = Date.now()
  const of = (change: Partial<Instance>) => ailmentOf(instanceMessage({ ...at(1), health, ...change }, nowMs), nowMs)
  expect({
    attached: of({ seenMs: nowMs }),
    unheard: of({ seenMs: nowMs - 9000 }),
    detached: of({ stream: undefined }),
  }).toEqual(expected)
})

test('a failing dependency explains an instance that fails', () => {
  const dependencies = [{ name: 'mongodb', healthy: false, reason: 'no' }]
  const health: Health = { status: 'failing', since: new Date(), reason: 'says that it does not serve' }
  expect(ailmentOf(instanceMessage({ ...at(1), health, dependencies }, 0), 0)).toBe('dependency')
  expect(ailmentOf(instanceMessage(at(1), 0), 0)).toBe('starting')
})
