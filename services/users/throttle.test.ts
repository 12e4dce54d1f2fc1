import { describe, expect, test } from 'vitest'
import { createLocalCounters } from './counters.ts'
import { createThrottle, limits, waitAfter } from './throttle.ts'

function setup() {
  const clock = { ms: 1_000_000 }
  const throttle = createThrottle(createLocalCounters({ now: () => clock.ms }))
  const attempt = (clientAddress: string, email = 'ada@example.com') => ({ email, clientAddress })
  const fail = async (times: number, clientAddress: string) => {
    for (let time = 0; time < times; time++) await throttle.failed(attempt(clientAddress))
  }
  return { clock, throttle, attempt, fail }
}

const throttled = (seconds: number) => ({ details: { reason: 'THROTTLED', retryAfterMs: seconds * 1000 } })

test('the wait doubles past the free failures, up to its longest', () => {
  const waits = [4, 5, 6, 7, 15, 1000].map(failures => waitAfter(failures, limits.address))
  expect(waits).toEqual([0, 1000, 2000, 4000, 900_000, 900_000])
})

describe('failures', () => {
  test('from one address slow that address', async () => {
    const { clock, throttle, attempt, fail } = setup()
    await fail(4, '192.0.2.1')
    await expect(throttle.admit(attempt('192.0.2.1'))).resolves.toBeUndefined()
    await fail(3, '192.0.2.1')
    await expect(throttle.admit(attempt('192.0.2.1'))).rejects.toMatchObject(throttled(4))
    clock.ms += 4001
    await expect(throttle.admit(attempt('192.0.2.1'))).resolves.toBeUndefined()
  })

  test('do not lock the owner out elsewhere, nor other accounts at the same place', async () => {
    const { throttle, attempt, fail } = setup()
    await fail(50, '192.0.2.1')
    await expect(throttle.admit(attempt('198.51.100.7'))).resolves.toBeUndefined()
    await expect(throttle.admit(attempt('192.0.2.1', 'bob@example.com'))).resolves.toBeUndefined()
  })

  test('from ever new addresses slow the account, but no address that signed in before', async () => {
    const { throttle, attempt, fail } = setup()
    await throttle.succeeded(attempt('198.51.100.7'))
    for (let host = 0; host < 110; host++) await fail(1, `192.0.2.${host}`)
    await expect(throttle.admit(attempt('203.0.113.9'))).rejects.toMatchObject(throttled(60))
    await expect(throttle.admit(attempt('198.51.100.7'))).resolves.toBeUndefined()
  })

  test('are forgotten for an address that signs in', async () => {
    const { throttle, attempt, fail } = setup()
    await fail(6, '192.0.2.1')
    await throttle.succeeded(attempt('192.0.2.1'))
    await expect(throttle.admit(attempt('192.0.2.1'))).resolves.toBeUndefined()
    await fail(4, '192.0.2.1')
    await expect(throttle.admit(attempt('192.0.2.1'))).resolves.toBeUndefined()
  })

  test('are forgotten after a day without any', async () => {
    const { clock, throttle, attempt, fail } = setup()
    await fail(4, '192.0.2.1')
    clock.ms += 24 * 3600_000 + 1
    await fail(4, '192.0.2.1')
    await expect(throttle.admit(attempt('192.0.2.1'))).resolves.toBeUndefined()
  })
})
