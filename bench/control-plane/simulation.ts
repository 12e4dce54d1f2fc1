/** What a run of the simulated mesh consists of, and what the Console does meanwhile. */
import type { Child } from './child.ts'
import type { BareConsole } from './console.ts'
import type { ConsoleApi } from './console-api.ts'
import type { InstanceHandlers } from './instances-process.ts'
import type { ProxyHandlers, Turn } from './proxies-process.ts'
import type { Tracker } from './tracker.ts'
import { measureUsage } from './usage.ts'

export interface Simulation {
  console: BareConsole
  api: ConsoleApi
  instances: Child<InstanceHandlers>
  proxies: Child<ProxyHandlers>
  tracker: Tracker
  /** Told of all that proxies do. */
  onTurns: ((turns: Turn[]) => void)[]
}

/** What the Console did meanwhile, a second. */
export interface Traffic {
  heartbeats: number
  peers: number
  responses: number
  responseMiB: number
  journal: number
  /** How late the simulators were at most and at p99, ms: this much of the latencies may be theirs. */
  late: { instances: number; proxies: number }
}

/** Does something and @returns what the Console did meanwhile. */
export async function measured<T>({ console, api, instances, proxies }: Simulation, act: () => Promise<T>) {
  const look = async () => {
    const [counts, received, journal] = await Promise.all([
      instances.ask('counts', undefined),
      proxies.ask('received', undefined),
      api.lastChange(),
    ])
    return { counts, received, journal }
  }
  const before = await look()
  const { result, usage } = await measureUsage(console, act)
  const after = await look()
  const rate = (from: number, to: number) => (to - from) / usage.seconds
  const traffic: Traffic = {
    heartbeats: rate(before.counts.heartbeats, after.counts.heartbeats),
    peers: rate(before.counts.peers, after.counts.peers),
    responses: rate(before.received.responses, after.received.responses),
    responseMiB: rate(before.received.bytes, after.received.bytes) / 2 ** 20,
    journal: rate(before.journal, after.journal),
    late: { instances: after.counts.late.p99Ms, proxies: after.received.late.p99Ms },
  }
  return { result, usage, traffic }
}
