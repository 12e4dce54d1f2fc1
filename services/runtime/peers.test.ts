import { Client, credentials, Server, ServerCredentials } from '@grpc/grpc-js'
import { afterEach, expect, test } from 'vitest'
import { scheme, setPeers } from './peers.ts'

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

/** A server that answers `/test.Echo/Say` with its own name. */
async function startServer(name: string, port = 0): Promise<{ port: number; stop(): void }> {
  const server = new Server()
  const bytes = (value: Buffer) => value
  const shape = { path: '/test.Echo/Say', requestStream: false, responseStream: false } as const
  const codec = {
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  }
  server.addService(
    { say: { ...shape, ...codec } },
    {
      say: (_call: unknown, callback: (error: null, value: Buffer) => void) => callback(null, Buffer.from(name)),
    },
  )
  const bound = await new Promise<number>((resolve, reject) =>
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, found) =>
      error ? reject(error) : resolve(found),
    ),
  )
  const stop = () => server.forceShutdown()
  closers.push(stop)
  return { port: bound, stop }
}

function connect(service: string, options: Record<string, unknown> = {}): () => Promise<string> {
  const client = new Client(`${scheme}:${service}`, credentials.createInsecure(), {
    'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
    'grpc.initial_reconnect_backoff_ms': 50,
    'grpc.max_reconnect_backoff_ms': 100,
    ...options,
  })
  closers.push(() => client.close())
  return () =>
    new Promise((resolve, reject) => {
      const bytes = (value: Buffer) => value
      const deadline = Date.now() + 1000
      client.makeUnaryRequest('/test.Echo/Say', bytes, bytes, Buffer.alloc(0), { deadline }, (error, value) =>
        error ? reject(error) : resolve(String(value)),
      )
    })
}

/** Calls until an answer satisfies; the test's own timeout ends it. */
async function until(call: () => Promise<string>, satisfies: (answer: string) => boolean): Promise<void> {
  for (;;) {
    const answer = await call().catch(error => `code ${error.code}`)
    if (satisfies(answer)) return
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

test('a service without instances is unavailable at once, until one comes', async () => {
  setPeers([])
  const say = connect('late')
  await expect(say()).rejects.toMatchObject({ code: 14 })
  const { port } = await startServer('late-1')
  setPeers([{ service: 'late', address: `127.0.0.1:${port}` }])
  await until(say, answer => answer === 'late-1')
})

test('a lost instance neither blocks the process nor needs news to be found again', async () => {
  const first = await startServer('lost-1')
  setPeers([{ service: 'lost', address: `127.0.0.1:${first.port}` }])
  const say = connect('lost')
  expect(await say()).toBe('lost-1')
  first.stop()
  await until(say, answer => answer === 'code 14')
  await startServer('lost-1 again', first.port)
  await until(say, answer => answer === 'lost-1 again')
})

test('calls go to all instances, and to the remaining ones when the table says so', async () => {
  const [a, b] = [await startServer('a'), await startServer('b')]
  const both = [a, b].map(({ port }) => ({ service: 'pair', address: `127.0.0.1:${port}` }))
  setPeers(both)
  const say = connect('pair')
  const seen = new Set<string>()
  await until(say, answer => seen.add(answer).has('a') && seen.has('b'))
  setPeers(both.slice(1))
  await until(say, answer => answer === 'b')
  for (let i = 0; i < 10; i++) expect(await say()).toBe('b')
})

test('a channel that was idle finds the instances again', async () => {
  const { port } = await startServer('idle-1')
  setPeers([{ service: 'idle', address: `127.0.0.1:${port}` }])
  const say = connect('idle', { 'grpc.client_idle_timeout_ms': 1000 })
  expect(await say()).toBe('idle-1')
  // The timer of grpc-js is real: nothing tells from outside that it has run out.
  await new Promise(resolve => setTimeout(resolve, 2200))
  expect(await say()).toBe('idle-1')
})
