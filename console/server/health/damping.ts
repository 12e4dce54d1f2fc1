/**
 * When results of single checks become the health of an instance: one odd result changes nothing, and who falls again and again has
 * to stand for longer each time before it is believed.
 */
import type { Health } from '../registry/model.ts'

/** Failures in a row that it takes to fall. */
const toFall = 2
/** Successes in a row that it takes to pass, doubled with each fall within the window. The first success of all counts at once. */
const toPass = 2
const maxToPass = 16
const fallWindowMs = 2 * 60_000
/** A process that has just come may say for this long that it does not serve yet, before that counts as failing. ms. */
const patienceMs = 5000
/** How soon a result is confirmed that speaks against what is believed. ms. */
const confirmMs = 200

export interface Damping {
  health: Health
  /** How many results in a row speak against the health. */
  against: number
  /** When it fell, as far as that still counts. ms. */
  fallsMs: readonly number[]
}

export interface CheckResult {
  ok: boolean
  /** Why not ok; empty otherwise. */
  reason: string
}

/** @returns what a process begins with whose health is known from before, or not yet. */
export const undamped = (health: Health): Damping => ({ health, against: 0, fallsMs: [] })

/** @returns the state after a result. `health` stays the same object while nothing of it changes. */
export function damp(before: Damping, { ok, reason }: CheckResult, nowMs: number): Damping {
  const { health } = before
  const fallsMs = before.fallsMs.filter(ms => nowMs - ms < fallWindowMs)
  const state = { health, against: 0, fallsMs }
  const becomes = (status: Health['status']): Damping => ({
    ...state,
    health: { status, since: new Date(nowMs), reason },
  })
  if (ok) {
    if (health.status === 'healthy') return state
    const against = before.against + 1
    return health.status === 'unknown' || against >= successesToPass(state) ? becomes('healthy') : { ...state, against }
  }
  if (health.status === 'unknown' && nowMs - health.since.getTime() < patienceMs) return state
  if (health.status === 'failing') {
    return health.reason === reason ? state : { ...state, health: { ...health, reason } }
  }
  const against = before.against + 1
  if (against < toFall) return { ...state, against }
  return { ...becomes('failing'), fallsMs: [...fallsMs, nowMs].slice(-maxToPass) }
}

/** @returns how many successes in a row make a failing one healthy. */
function successesToPass({ fallsMs }: Damping): number {
  return Math.min(maxToPass, toPass * 2 ** Math.max(0, fallsMs.length - 1))
}

/**
 * @returns in how many ms a result should be confirmed; undefined when nothing is in doubt. The more successes are wanted, the
 * further apart: they are to tell of a time, not of an instant. One that has just come is asked again soon, and then less and less
 * often: at first it may only be waiting for its certificate.
 */
export function confirmAfterMs(state: Damping, nowMs: number): number | undefined {
  const { health, against } = state
  if (health.status === 'unknown') return Math.min(confirmMs, Math.max(0, nowMs - health.since.getTime()))
  if (against === 0) return undefined
  return health.status === 'failing' ? (confirmMs * successesToPass(state)) / toPass : confirmMs
}

/** @returns whether it has to stand for a while, whatever it says of itself meanwhile. */
export const isOnProbation = (state: Damping): boolean =>
  state.health.status === 'failing' && successesToPass(state) > toPass
