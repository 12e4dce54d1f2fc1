import { createServer as createTcpServer } from 'node:net'
import { Server } from '@grpc/grpc-js'
import { listen } from '@site11/runtime/server.ts'
import { testService } from '@site11/runtime/test-identity.ts'
import { HealthImplementation, type ServingStatus, service } from 'grpc-health-check'
import { afterEach, expect, test, vi } from 'vitest'
import type { Health, Instance } from '../registry/model.ts'
import { createHealthWatch } from './watch.ts'

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

async function startServer(status: ServingStatus, port = 0) {
  const server = new Server()
  const health = new HealthImplementation({ '': status })
  health.addToServer(server)
  const bound = await listen(server, `127.0.0.1:${port}`, testService('users').server())
  closers.push(() => server.forceShutdown())
  return { port: bound, set: (next: ServingStatus) => health.setStatus('', next), stop: () => server.forceShutdown() }
}

function watch(port: number) {
  const seen: Health[] = []
  const watching = createHealthWatch((_, health) => seen.push(health), testService('console'))
  closers.push(watching.close)
  const instance = {
    service: 'users',
    instance: 'users-1',
    ip: '127.0.0.1',
    port,
    startTime: new Date(0),
    // Known for long, so that failing counts at once.
    health: { status: 'unknown', since: new Date(0), reason: '' },
  } as Instance
  watching.follow([instance])
  const becomes = (status: Health['status'], timeout = 5000) =>
    vi.waitFor(() => expect(seen.at(-1)?.status).toBe(status), { timeout, interval: 5 })
  return { seen, becomes, watching, instance }
}

test('a server that serves is healthy at once', async () => {
  const { port } = await startServer('SERVING')
  const { becomes, seen } = watch(port)
  await becomes('healthy', 1000)
  expect(seen).toHaveLength(1)
})

test('what a server says of itself is known well within a second, both ways', async () => {
  const server = await startServer('SERVING')
  const { becomes, seen } = watch(server.port)
  await becomes('healthy')
  server.set('NOT_SERVING')
  await becomes('failing', 1000)
  expect(seen.at(-1)?.reason).toBe('says that it does not serve')
  server.set('SERVING')
  await becomes('healthy', 1000)
  expect(seen).toHaveLength(3)
})

test('a server that dies is failing at once, and healthy soon after it is back', async () => {
  const server = await startServer('SERVING')
  const { becomes, seen } = watch(server.port)
  await becomes('healthy')
  server.stop()
  await becomes('failing', 1500)
  expect(seen.at(-1)?.reason).toBe('cannot be reached')
  await startServer('SERVING', server.port)
  await becomes('healthy', 4000)
})

test('a server that takes connections and never answers is failing', async () => {
  const frozen = createTcpServer(socket => socket.on('error', () => {})).listen(0, '127.0.0.1')
  closers.push(() => frozen.close())
  await new Promise(resolve => frozen.once('listening', resolve))
  const address = frozen.address()
  const { becomes, seen } = watch(typeof address === 'object' && address ? address.port : 0)
  await becomes('failing', 10_000)
  expect(seen.at(-1)?.reason).toBe('no answer within 2 s')
})

test('a server without Watch is asked each second', async () => {
  const { Watch: _, ...withoutWatch } = service
  const server = new Server()
  let status = 'SERVING'
  const check = (_call: unknown, callback: (error: null, value: unknown) => void) => callback(null, { status })
  server.addService(withoutWatch, { Check: check })
  closers.push(() => server.forceShutdown())
  const { becomes } = watch(await listen(server, '127.0.0.1:0', testService('users').server()))
  await becomes('healthy')
  status = 'NOT_SERVING'
  await becomes('failing', 2000)
})

test('an instance that is followed no more is asked no more', async () => {
  const server = await startServer('SERVING')
  const { becomes, seen, watching, instance } = watch(server.port)
  await becomes('healthy')
  watching.follow([])
  server.stop()
  const other = await startServer('SERVING')
  watching.follow([{ ...instance, port: other.port }])
  await vi.waitFor(() => expect(seen).toHaveLength(2))
  expect(seen.map(({ status }) => status)).toEqual(['healthy', 'healthy'])
})

test('one that says without pause that its health changed is not asked without pause, nor believed', async () => {
  const server = new Server()
  let asked = 0
  let serving = true
  const writers = new Set<{ write(value: unknown): void; end(): void }>()
  server.addService(service, {
    Check(_call: unknown, callback: (error: null, value: unknown) => void) {
      asked++
      callback(null, { status: serving ? 'SERVING' : 'NOT_SERVING' })
    },
    Watch(call: { write(value: unknown): void; end(): void }) {
      writers.add(call)
    },
  })
  const port = await listen(server, '127.0.0.1:0', testService('users').server())
  const flapping = setInterval(() => {
    serving = !serving
    for (const call of writers) call.write({ status: serving ? 'SERVING' : 'NOT_SERVING' })
  }, 5)
  closers.push(
    () => clearInterval(flapping),
    () => server.forceShutdown(),
  )
  const began = performance.now()
  const { seen } = watch(port)
  await vi.waitFor(() => expect(asked).toBeGreaterThan(10), 25_000)
  expect(performance.now() - began).toBeGreaterThan(10 * 50)
  expect(seen.length).toBeLessThan(10)
})

test('a hundred instances are watched side by side, each asked again and again', async () => {
  const { port } = await startServer('SERVING')
  const seen = new Map<string, number>()
  const watching = createHealthWatch(({ instance }) => seen.set(instance, (seen.get(instance) ?? 0) + 1), {
    // One server stands for all of them.
    channelToInstance: () => testService('console').channelToInstance('users', 'users-1'),
  })
  closers.push(watching.close)
  const health = { status: 'unknown', since: new Date(0), reason: '' } as const
  const instances = Array.from(
    { length: 100 },
    (_, n) => ({ instance: `users-${n}`, ip: '127.0.0.1', port, startTime: new Date(0), health }) as Instance,
  )
  watching.follow(instances)
  // Told of the same ones again, it goes on with what it has.
  watching.follow(instances.map(each => ({ ...each })))
  await vi.waitFor(() => expect(seen.size).toBe(100), 10_000)
  expect([...seen.values()].every(count => count === 1)).toBe(true)
})
