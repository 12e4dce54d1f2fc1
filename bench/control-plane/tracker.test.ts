import { afterEach, expect, test } from 'vitest'
import { nowMs } from './clock.ts'
import { createTracker, type Tracker } from './tracker.ts'

let tracker: Tracker
afterEach(() => tracker.close())

test('a change has arrived when every proxy but the last has turned, the slow one told apart', async () => {
  tracker = createTracker(4)
  const beganMs = nowMs()
  const arrival = tracker.expect(8000, false)
  tracker.take([
    [0, 8000, 0, beganMs + 100],
    [1, 8000, 1, beganMs + 50],
    [1, 8001, 0, beganMs + 50],
    [2, 8000, 0, beganMs + 300],
  ])
  tracker.take([[1, 8000, 0, beganMs + 200]])
  const { promptMs = 0, slowMs = 0 } = (await arrival) ?? {}
  expect(promptMs).toBeCloseTo(200, -1)
  expect(slowMs).toBeCloseTo(300, -1)
})

test('what happened before a change is none of its arrival', async () => {
  tracker = createTracker(3)
  const before = nowMs()
  const arrival = tracker.expect(8000, true)
  tracker.take([0, 1].map(proxy => [proxy, 8000, 1, before - 1]))
  const after = nowMs() + 10
  tracker.take([0, 1].map(proxy => [proxy, 8000, 1, after]))
  expect((await arrival)?.promptMs).toBeGreaterThan(5)
})
