import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { MeshError } from './errors.ts'
import { holderOf, portsFrom, requireFree, slotFor } from './ports.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

async function listen(port = 0): Promise<number> {
  const server = createServer().listen(port, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

test('every port derives from the edge port, 8000 unless told otherwise', () => {
  expect(portsFrom()).toEqual({
    edge: 8000,
    envoyAdmin: 8001,
    consoleHttp: 8002,
    consoleGrpc: 8003,
    failover: 8004,
    mongod: 8017,
    redis: 8079,
  })
  expect(portsFrom('9000').mongod).toBe(9017)
})

test.each(['', '0', '-1', '80a', '8000.5', '65400', 'edge'])('SITE11_PORT=%j is refused', text => {
  expect(() => portsFrom(text)).toThrow(MeshError)
})

test('a busy port is named with the process that holds it', async () => {
  const edge = await listen()
  expect(holderOf(edge)?.pid).toBe(process.pid)
  const problem = await requireFree({ ...portsFrom('21900'), edge }).catch(error => error)
  expect(problem).toBeInstanceOf(MeshError)
  expect(problem.message).toContain(`port ${edge} (edge)`)
  expect(problem.message).toContain(`(pid ${process.pid})`)
  expect(problem.message).toContain('SITE11_PORT=')
})

test('a new instance gets the first slot that nobody holds and nobody listens on', async () => {
  const edge = 22_700
  expect(await slotFor(edge, [])).toBe(edge + 100)
  await listen(edge + 101)
  expect(await slotFor(edge, [edge + 100])).toBe(edge + 102)
})

test('when all slots are taken, that is said', async () => {
  const all = Array.from({ length: 100 }, (_, index) => 22_800 + index)
  await expect(slotFor(22_700, all)).rejects.toThrow(MeshError)
})
