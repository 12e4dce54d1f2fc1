import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { expect, test } from 'vitest'
import { httpGet, requireListed, requireOk, requireOpen, requirePong, until } from './ready.ts'

test('an attempt is repeated until it succeeds', async () => {
  let attempts = 0
  await until(async () => {
    if (++attempts < 3) throw new Error('not yet')
  }, AbortSignal.timeout(5000))
  expect(attempts).toBe(3)
})

test('when time is up, the last reason is told', async () => {
  const attempt = async () => {
    throw new Error('still loading')
  }
  await expect(until(attempt, AbortSignal.timeout(120))).rejects.toThrow('still loading')
})

test('a port is open as long as something listens', async () => {
  const server = createServer(socket => socket.destroy()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await requireOpen(port)
  server.close()
  await once(server, 'close')
  await expect(requireOpen(port)).rejects.toThrow(/ECONNREFUSED/)
})

test('a server that closes at once is not ready', async () => {
  const server = createServer(socket => socket.end('220 hello\r\n')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await expect(httpGet(`http://127.0.0.1:${port}/`)).rejects.toThrow()
  await expect(requirePong(port, 'password')).rejects.toThrow()
  server.close()
})

test('HTTP is ready when it answers 200', async () => {
  const server = createHttpServer((request, response) =>
    response.writeHead(request.url === '/live' ? 200 : 503).end('{}'),
  ).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await requireOk(`http://127.0.0.1:${port}/live`)
  await expect(requireOk(`http://127.0.0.1:${port}/health`)).rejects.toThrow(/503/)
  expect(await httpGet(`http://127.0.0.1:${port}/health`)).toEqual({ status: 503, body: '{}' })
  server.close()
})

test('an instance is listed when the Console has found it to be healthy, or keeps it out of service', async () => {
  const instances = [
    { name: 'users-1', status: 'healthy' },
    { name: 'users-2', status: 'draining' },
    { name: 'users-4', status: 'failing' },
  ]
  const server = createHttpServer((request, response) =>
    response.writeHead(503).end(request.url === '/health' ? JSON.stringify({ services: [{ instances }] }) : '{}'),
  ).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  await requireListed(`${url}/health`, 'users-1')
  await requireListed(`${url}/health`, 'users-2')
  await expect(requireListed(`${url}/health`, 'users-4')).rejects.toThrow(/failing/)
  await expect(requireListed(`${url}/health`, 'users-3')).rejects.toThrow(/unknown/)
  await expect(requireListed(`${url}/else`, 'users-1')).rejects.toThrow(/unknown/)
  server.close()
})
