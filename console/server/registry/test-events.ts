/** Events of an imagined mesh, for tests of the registry. Times are counted from `t0`. */
import type { Facts, Health, State } from './model.ts'
import { type Event, emptyState, step } from './registry.ts'

export const t0 = Date.parse('2026-01-01T00:00:00Z')
export const nothing = emptyState(t0)
export const later = (ms: number) => new Date(t0 + ms)
export const healthy: Health = { status: 'healthy', since: new Date(t0), reason: '' }
export const failing = (ms: number): Health => ({ status: 'failing', since: later(ms), reason: 'down' })

export const facts = (instance: string, change: Partial<Facts> = {}): Facts => ({
  service: 'users',
  instance,
  version: '1.0.0',
  apiVersion: '1.0',
  address: `127.0.0.1:${8100 + Number(instance.at(-1))}`,
  ip: '127.0.0.1',
  port: 8100 + Number(instance.at(-1)),
  zone: '',
  startTime: new Date(t0),
  contractHash: 'c1',
  ...change,
})
export const hello = (
  stream: number,
  instance: string,
  change: Partial<Facts> = {},
  { nowMs = t0, clockOffsetMs = 0 } = {},
): Event => ({ type: 'hello', stream, facts: facts(instance, change), clockOffsetMs, nowMs })
export const heartbeat = (stream: number, instance: string, nowMs: number, clockOffsetMs = 0): Event => ({
  type: 'heartbeat',
  stream,
  instance,
  dependencies: [],
  calls: [],
  clockOffsetMs,
  nowMs,
})
export const draining = (stream: number, instance: string, nowMs = t0): Event => ({
  type: 'draining',
  stream,
  instance,
  nowMs,
})
export const closed = (stream: number, instance: string, nowMs = t0): Event => ({
  type: 'closed',
  stream,
  instance,
  nowMs,
})
export const health = (instance: string, is: Health, startTime = later(0)): Event => ({
  type: 'health',
  instance,
  startTime,
  health: is,
})
export const drain = (instance: string, nowMs = t0): Event => ({
  type: 'drain',
  instance,
  by: 'users/1',
  reason: 'a look',
  nowMs,
})
export const resume = (instance: string): Event => ({ type: 'resume', instance })
export const remove = (instance: string, nowMs = t0): Event => ({ type: 'remove', instance, nowMs })
export const contract = (contractHash: string, verdict: 'accepted' | 'refused', reason = ''): Event => ({
  type: 'contract',
  service: 'users',
  contractHash,
  verdict,
  reason,
})

/** Time passes in small steps, as it does when the Console runs. */
export const ticks = (untilMs: number, fromMs = 0): Event[] =>
  Array.from({ length: Math.floor((untilMs - fromMs) / 1000) }, (_, i) => ({
    type: 'tick',
    nowMs: t0 + fromMs + (i + 1) * 1000,
  }))

/** Plays events. @returns the last outcome. */
export function play(events: Event[], from: State = nothing) {
  let outcome = { ...step(from, { type: 'tick', nowMs: from.tickMs }), state: from }
  for (const event of events) outcome = step(outcome.state, event)
  return outcome
}
export const names = ({ state }: { state: State }) => [...state.instances.keys()]
export const get = ({ state }: { state: State }, name: string) => state.instances.get(name)
