import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { closedLoop, openLoop, type Timing } from './loops.ts'
import { restSender } from './rest.ts'

const running: Server[] = []
afterEach(() => {
  for (const server of running.splice(0)) server.close().closeAllConnections()
})

async function senderTo(answer: RequestListener) {
  const server = createServer(answer).listen(0, '127.0.0.1')
  running.push(server)
  await new Promise(resolve => server.once('listening', resolve))
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return restSender(base, 'token', () => ({ method: 'GET', path: '/' }))
}

const timing = (measureMs: number): Timing => ({ warmMs: 20, measureMs, begin() {}, end() {} })

test('the closed loop keeps as many requests under way as it is told', async () => {
  let underWay = 0
  let most = 0
  const { send, close } = await senderTo((_, response) => {
    most = Math.max(most, ++underWay)
    setTimeout(() => response.end('{}', () => underWay--), 5)
  })
  const result = await closedLoop(send, 8, timing(200))
  close()
  expect(most).toBe(8)
  expect(result.count).toBeGreaterThan(8)
  expect(result.failures).toEqual({})
})

test('wrong answers are failures and no part of the count', async () => {
  let turn = 0
  const { send, close } = await senderTo((_, response) => {
    if (turn++ % 2 === 0) response.statusCode = 503
    response.end('{}')
  })
  const { count, due, failures } = await closedLoop(send, 4, timing(100))
  close()
  expect(failures['HTTP 503']).toBeGreaterThan(0)
  expect(due).toBe(count + (failures['HTTP 503'] ?? 0))
})

test('the open loop counts the time that a request waits because the system stands still', async () => {
  let release: () => void = () => {}
  const released = new Promise<void>(resolve => {
    release = resolve
  })
  let came = 0
  let heldMs = 0
  const began = performance.now()
  const { send, close } = await senderTo((_, response) => {
    if (++came === 50) {
      heldMs = performance.now() - began
      release()
    }
    void released.then(() => response.end('{}'))
  })
  const { count, due, p50Ms, p99Ms } = await openLoop(send, 500, { ...timing(1000), warmMs: 0 })
  close()
  expect(due).toBeGreaterThanOrEqual(50)
  expect(count).toBeGreaterThan(0)
  expect(p99Ms).toBeGreaterThan(heldMs / 2)
  expect(p50Ms).toBeLessThan(p99Ms)
})
