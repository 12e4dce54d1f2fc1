import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { type OwnLag, watchOwnLag } from './own-lag.ts'

let lag: OwnLag
afterEach(() => lag.close())

test('a process that was kept busy knows it, and for how long that matters', async () => {
  lag = watchOwnLag()
  const began = performance.now()
  await wait(150)
  expect(lag.wasLate(began)).toBe(false)
  const busyUntil = performance.now() + 800
  while (performance.now() < busyUntil);
  expect(lag.wasLate(began)).toBe(true)
  await wait(150)
  expect(lag.wasLate(began)).toBe(true)
  expect(lag.wasLate(performance.now())).toBe(false)
})
