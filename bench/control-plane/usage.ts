/** What the Console uses while something is measured, and how soon it has time for a request. */
import { Agent, get } from 'node:http'
import { cpuUs, residentMiB } from '../process-usage.ts'
import { nowMs } from './clock.ts'
import type { BareConsole } from './console.ts'
import { type Latencies, latenciesOf } from './latencies.ts'

export interface Usage {
  seconds: number
  /** Of one core. */
  cpuShare: number
  residentMiB: number
  peakMiB: number
  /** How long it takes to answer a request that asks nothing of it: its event loop is busy for the rest. */
  answers: Latencies
}

const askMs = 100

/** Does something and @returns what the Console used meanwhile. */
export async function measureUsage<T>(
  { pid: pidOf, liveUrl }: Pick<BareConsole, 'pid' | 'liveUrl'>,
  act: () => Promise<T>,
): Promise<{ result: T; usage: Usage }> {
  const agent = new Agent({ keepAlive: true })
  const pid = pidOf()
  const beganMs = nowMs()
  const beganUs = cpuUs(pid)
  const answers: number[] = []
  let peakMiB = residentMiB(pid)
  const timer = setInterval(() => {
    peakMiB = Math.max(peakMiB, residentMiB(pid))
    const sentMs = nowMs()
    get(liveUrl, { agent }, response => response.resume().on('end', () => answers.push(nowMs() - sentMs))).on(
      'error',
      () => {},
    )
  }, askMs)
  try {
    const result = await act()
    const seconds = (nowMs() - beganMs) / 1000
    const cpuShare = (cpuUs(pid) - beganUs) / 1e6 / seconds
    return {
      result,
      usage: { seconds, cpuShare, residentMiB: residentMiB(pid), peakMiB, answers: latenciesOf(answers) },
    }
  } finally {
    clearInterval(timer)
    agent.destroy()
  }
}
