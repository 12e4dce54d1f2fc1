/**
 * Two ways to put load on a system. The closed loop keeps so many requests under way and asks how many get done: it finds capacity.
 * The open loop sends at a rate whatever comes back, and times each request from when it was *due*: it finds latency as users see it.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { quantile } from '../stats.ts'

/** Sends one request and reads the answer. @returns undefined when it is right, else what is wrong with it. Never rejects. */
export type Send = () => Promise<string | undefined>

export interface LoopResult {
  /** Right answers within the measured time. */
  count: number
  /** Requests that were due within the measured time; the closed loop has nothing that is due, there it is `count` and failures. */
  due: number
  seconds: number
  /** Wrong answers by what was wrong, the time to warm up included. */
  failures: Record<string, number>
  p50Ms: number
  p95Ms: number
  p99Ms: number
}

export interface Timing {
  warmMs: number
  measureMs: number
  /** Called when the measured time begins. */
  begin(): void
  /** Called when it ends, before the last answers are awaited. */
  end(): void
}

/** An open loop that is this far behind is not caught up with any more: the rest is not sent and counts as not done. */
const mostUnderWay = 3000

function newTally() {
  const latencies: number[] = []
  const failures: Record<string, number> = {}
  return {
    failures,
    fail(problem: string) {
      failures[problem] = (failures[problem] ?? 0) + 1
    },
    add: (ms: number) => latencies.push(ms),
    result(due: number, seconds: number, count = latencies.length): LoopResult {
      const sorted = Float64Array.from(latencies).sort()
      const [p50Ms, p95Ms, p99Ms] = [0.5, 0.95, 0.99].map(q => quantile(sorted, q)) as [number, number, number]
      return { count, due, seconds, failures, p50Ms, p95Ms, p99Ms }
    },
  }
}

/** Keeps `concurrency` requests under way. */
export async function closedLoop(send: Send, concurrency: number, timing: Timing): Promise<LoopResult> {
  const tally = newTally()
  let phase: 'warm' | 'measured' | 'over' = 'warm'
  const clients = Array.from({ length: concurrency }, async () => {
    while (phase !== 'over') {
      const sent = performance.now()
      const problem = await send()
      if (problem !== undefined) {
        tally.fail(problem)
        // A refused connection fails at once: without a pause this would be a busy loop.
        await delay(1)
      } else if (phase === 'measured') tally.add(performance.now() - sent)
    }
  })
  await delay(timing.warmMs)
  phase = 'measured'
  const began = performance.now()
  timing.begin()
  await delay(timing.measureMs)
  phase = 'over'
  const seconds = (performance.now() - began) / 1000
  timing.end()
  await Promise.all(clients)
  const failed = Object.values(tally.failures).reduce((sum, count) => sum + count, 0)
  const result = tally.result(0, seconds)
  return { ...result, due: result.count + failed }
}

/** Sends `rate` requests a second at random moments (a Poisson process), as independent clients do. */
export async function openLoop(send: Send, rate: number, timing: Timing): Promise<LoopResult> {
  const tally = newTally()
  const meanMs = 1000 / rate
  const start = performance.now()
  const measured = { from: start + timing.warmMs, to: start + timing.warmMs + timing.measureMs }
  let due = 0
  let done = 0
  let underWay = 0
  let over = false
  const one = async (dueAt: number) => {
    const counts = dueAt >= measured.from
    if (counts) due++
    if (underWay >= mostUnderWay) return
    underWay++
    const problem = await send()
    underWay--
    if (problem !== undefined) tally.fail(problem)
    else if (counts) {
      tally.add(performance.now() - dueAt)
      if (!over) done++
    }
  }
  let next = start
  let begun = false
  for (let now = start; now < measured.to; now = performance.now()) {
    if (!begun && now >= measured.from) {
      begun = true
      timing.begin()
    }
    for (; next <= now; next += -Math.log(1 - Math.random()) * meanMs) void one(next)
    await delay(1)
  }
  over = true
  timing.end()
  const giveUp = performance.now() + 5000
  while (underWay > 0 && performance.now() < giveUp) await delay(5)
  if (underWay > 0) tally.failures['no answer'] = underWay
  return tally.result(due, timing.measureMs / 1000, done)
}
