/** When results of single checks become the health of an instance: one odd result changes nothing. */
import type { Health } from '../registry/registry.ts'

/** Results in a row that it takes. The first success of an instance not known yet counts at once. */
const toPass = 2
const toFall = 2
/** A process that has just come may say for this long that it does not serve yet, before that counts as failing. ms. */
const patienceMs = 5000

export interface Damping {
  health: Health
  /** How many results in a row speak against the health. */
  against: number
}

export interface CheckResult {
  ok: boolean
  /** Why not ok; empty otherwise. */
  reason: string
}

/** @returns the state after a result. `health` stays the same object while nothing of it changes. */
export function damp({ health, against }: Damping, { ok, reason }: CheckResult, nowMs: number): Damping {
  const becomes = (status: Health['status']): Damping => ({
    health: { status, since: new Date(nowMs), reason },
    against: 0,
  })
  if (ok) {
    if (health.status === 'healthy') return { health, against: 0 }
    if (health.status === 'unknown' || against + 1 >= toPass) return becomes('healthy')
    return { health, against: against + 1 }
  }
  if (health.status === 'unknown' && nowMs - health.since.getTime() < patienceMs) return { health, against: 0 }
  if (health.status === 'failing')
    return { health: health.reason === reason ? health : { ...health, reason }, against: 0 }
  return against + 1 >= toFall ? becomes('failing') : { health, against: against + 1 }
}
