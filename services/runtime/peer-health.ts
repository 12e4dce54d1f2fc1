/**
 * What calls tell of one instance, and whether the next one goes there. An instance that fails several times in a row is ejected for
 * a while; then one call at a time tries it. Pure; time comes along.
 */
import type { Outcome } from './breaker.ts'

export interface PeerHealth {
  /** In a row. */
  readonly failures: number
  /** How often it was ejected without a success between. */
  readonly ejections: number
  /** Since when it is ejected, and when it is tried again at the soonest; both 0 when it is not. ms. */
  readonly ejectedMs: number
  readonly untilMs: number
}

/** So many failures in a row eject. */
export const failuresToEject = 3
/** For how long: twice as long each time, up to the longest. ms. */
export const ejectionMs = 1000
export const longestEjectionMs = 8000
/** An instance may have so many calls more under way than twice those of another: more means that it hangs. */
const allowedLead = 8

export const soundPeer: PeerHealth = Object.freeze({ failures: 0, ejections: 0, ejectedMs: 0, untilMs: 0 })

export const isEjected = ({ ejectedMs }: PeerHealth): boolean => ejectedMs > 0

/** @returns its health after a call that it was sent. */
export function afterOutcome(health: PeerHealth, outcome: Outcome, nowMs: number): PeerHealth {
  if (outcome === 'unknown') return health
  if (outcome === 'success') return health.failures === 0 ? health : soundPeer
  const failures = health.failures + 1
  // What was sent before it was ejected fails late, and says nothing new.
  if (failures < failuresToEject || nowMs < health.untilMs) return { ...health, failures }
  const lastsMs = Math.min(longestEjectionMs, ejectionMs * 2 ** health.ejections)
  return {
    failures,
    ejections: health.ejections + 1,
    ejectedMs: health.ejectedMs || nowMs,
    untilMs: nowMs + lastsMs,
  }
}

interface Peer {
  health: PeerHealth
  /** Calls that it was sent and has not answered. */
  underway: number
}

/**
 * @param peers all instances of the service, `peer` among them.
 * @returns whether calls go to the instance. With more than half ejected, the ejections do not count: something else is wrong then, and
 * those that are left could not bear the load.
 */
export function isEligible<P extends Peer>(peer: P, peers: readonly P[], nowMs: number): boolean {
  if (isEjected(peer.health)) {
    const ejected = peers.reduce((sum, each) => sum + (isEjected(each.health) ? 1 : 0), 0)
    if (ejected * 2 <= peers.length) return nowMs >= peer.health.untilMs && peer.underway === 0
  }
  if (peer.underway < allowedLead) return true
  const least = peers.reduce(
    (found, each) => (each.health.failures === 0 ? Math.min(found, each.underway) : found),
    Number.POSITIVE_INFINITY,
  )
  return peer.underway <= 2 * least + allowedLead
}
