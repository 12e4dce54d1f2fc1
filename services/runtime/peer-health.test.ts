import { describe, expect, test } from 'vitest'
import {
  afterOutcome,
  ejectionMs,
  failuresToEject,
  isEjected,
  isEligible,
  longestEjectionMs,
  type PeerHealth,
  soundPeer,
} from './peer-health.ts'

function failed(times: number, nowMs = 1, from: PeerHealth = soundPeer): PeerHealth {
  let health = from
  for (let i = 0; i < times; i++) health = afterOutcome(health, 'failure', nowMs)
  return health
}
const ejected = failed(failuresToEject)

describe('an instance', () => {
  test('is ejected by failures in a row only', () => {
    expect(isEjected(failed(failuresToEject - 1))).toBe(false)
    expect(isEjected(ejected)).toBe(true)
    const between = afterOutcome(failed(failuresToEject - 1), 'success', 1)
    expect(isEjected(failed(failuresToEject - 1, 1, between))).toBe(false)
    expect(afterOutcome(soundPeer, 'unknown', 1)).toEqual(soundPeer)
  })

  test('is ejected for twice as long each time, to a limit, and is sound again after one success', () => {
    let health = ejected
    const lasts = [health.untilMs - 1]
    for (let i = 0; i < 5; i++) {
      const nowMs = health.untilMs
      health = afterOutcome(health, 'failure', nowMs)
      lasts.push(health.untilMs - nowMs)
    }
    const expected = [1, 2, 4, 8, 8, 8].map(times => Math.min(longestEjectionMs, times * ejectionMs))
    expect(lasts).toEqual(expected)
    expect(health.ejectedMs).toBe(1)
    expect(afterOutcome(health, 'success', 0)).toEqual(soundPeer)
  })

  test('is not ejected for longer by what it was sent before', () => {
    expect(failed(20, 2, ejected).untilMs).toBe(ejected.untilMs)
  })
})

describe('calls go', () => {
  const peer = (health: PeerHealth = soundPeer, underway = 0) => ({ health, underway })
  const [good, bad] = [peer(), peer(ejected)]

  test('not to an ejected instance, until its time is over, and then one at a time', () => {
    expect(isEligible(good, [good, bad], 2)).toBe(true)
    expect(isEligible(bad, [good, bad], 2)).toBe(false)
    expect(isEligible(bad, [good, bad], ejected.untilMs)).toBe(true)
    const tried = peer(ejected, 1)
    expect(isEligible(tried, [good, tried], ejected.untilMs)).toBe(false)
  })

  test('to ejected instances too, when these are more than half', () => {
    expect(isEligible(bad, [bad], 2)).toBe(true)
    expect(isEligible(bad, [bad, bad], 2)).toBe(true)
    expect(isEligible(bad, [bad, bad, good], 2)).toBe(true)
    expect(isEligible(bad, [bad, bad, good, good], 2)).toBe(false)
  })

  test('not to an instance that has far more calls under way than another', () => {
    const hanging = peer(soundPeer, 9)
    expect(isEligible(hanging, [hanging, peer(soundPeer, 0)], 2)).toBe(false)
    expect(isEligible(hanging, [hanging, peer(soundPeer, 1)], 2)).toBe(true)
    expect(isEligible(hanging, [hanging, peer(failed(1), 0)], 2)).toBe(true)
    expect(isEligible(hanging, [hanging], 2)).toBe(true)
  })
})
