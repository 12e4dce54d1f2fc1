/**
 * How an alert goes from state to state. Pure: one step for each time that its rule has looked.
 *
 *              holds                    held for `holdMs`              not held for `keepMs`
 *   inactive ---------> pending ---------------------------> firing ------------------------> resolved ---> as inactive
 *       ^                  |                                   | ^
 *       +-- does not hold -+                                   +-+ holds, or is between the two values of a hysteresis
 */
import { AlertState } from '@site11/proto/grpc/site11/statistics/v1/alerts_service.ts'

const {
  ALERT_STATE_INACTIVE: inactive,
  ALERT_STATE_PENDING: pending,
  ALERT_STATE_FIRING: firing,
  ALERT_STATE_RESOLVED: resolved,
} = AlertState

/**
 * What a rule sees of a group: its condition holds; it does not, by far enough; it does not, but not by far enough to resolve; or there is no
 * value, which is never a reason to begin.
 */
export type Seen = 'holds' | 'clear' | 'between' | 'nothing'

export interface Standing {
  state: AlertState
  /** Since when the condition holds, or held the last time. */
  startTime: Date | null
  fireTime: Date | null
  resolveTime: Date | null
  /** While firing: since when it does not hold any more. */
  clearTime: Date | null
  changeTime: Date
}

export interface Timing {
  /** How long the condition must hold until the alert fires. ms. */
  holdMs: number
  /** How long it must not hold until a firing alert is resolved. ms. */
  keepMs: number
}

export const initially = (now: Date): Standing => ({
  state: inactive,
  startTime: null,
  fireTime: null,
  resolveTime: null,
  clearTime: null,
  changeTime: now,
})

/** @returns how the alert is now; the same object when nothing of it has changed. */
export function step(before: Standing, seen: Seen, { holdMs, keepMs }: Timing, now: Date): Standing {
  const holds = seen === 'holds'
  if (before.state === firing) {
    if (holds || seen === 'between') return before.clearTime === null ? before : { ...before, clearTime: null }
    const clearTime = before.clearTime ?? now
    if (elapsed(clearTime, now) >= keepMs) return ended(before, now)
    return before.clearTime === null ? { ...before, clearTime } : before
  }
  if (before.state === pending) {
    if (!holds) return ended(before, now)
    return elapsed(before.startTime ?? now, now) >= holdMs ? fired(before, now) : before
  }
  if (!holds) return before
  const begun = { ...before, state: pending, startTime: now, fireTime: null, resolveTime: null, changeTime: now }
  return holdMs === 0 ? fired(begun, now) : begun
}

/** @returns how the alert is when its rule does not look any more. */
export function ended(before: Standing, now: Date): Standing {
  if (before.state === firing) return { ...before, state: resolved, resolveTime: now, clearTime: null, changeTime: now }
  return before.state === pending ? { ...before, state: inactive, changeTime: now } : before
}

const fired = (before: Standing, now: Date): Standing => ({
  ...before,
  state: firing,
  fireTime: now,
  clearTime: null,
  changeTime: now,
})

/** A clock that goes back must not make it negative. */
const elapsed = (from: Date, to: Date) => Math.max(0, to.getTime() - from.getTime())
