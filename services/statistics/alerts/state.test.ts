import { AlertState } from '@site11/proto/grpc/site11/statistics/v1/alerts_service.ts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { initially, type Seen, type Standing, step, type Timing } from './state.ts'

const begin = Date.parse('2026-11-23T00:00:00Z')
const at = (second: number) => new Date(begin + second * 1000)
const names = { i: 'INACTIVE', p: 'PENDING', f: 'FIRING', r: 'RESOLVED' } as const
const seen: Record<string, Seen> = { h: 'holds', c: 'clear', b: 'between', n: 'nothing' }

/** Looks every ten seconds. @returns the first letters of the states, one for each look. */
function run(looks: string, timing: Timing): string {
  let standing: Standing = initially(at(0))
  return [...looks]
    .map((look, index) => {
      standing = step(standing, seen[look] ?? expect.fail(), timing, at(index * 10))
      return Object.entries(names).find(([, name]) => AlertState[`ALERT_STATE_${name}`] === standing.state)?.[0]
    })
    .join('')
}

describe('an alert', () => {
  test.each<[what: string, holdS: number, keepS: number, looks: string, states: string]>([
    ['fires at once when nothing is to be waited for', 0, 0, 'chhc', 'iffr'],
    ['fires only after its condition has held for long enough', 20, 0, 'hhhh', 'ppff'],
    ['begins anew when the condition did not hold in between', 20, 0, 'hchhh', 'pippf'],
    ['does not begin without a value, nor between the two values', 0, 0, 'nbnb', 'iiii'],
    ['is pending no longer without a value', 20, 0, 'hnhhh', 'pippf'],
    ['is pending no longer between the two values', 20, 0, 'hbhhh', 'pippf'],
    ['fires on between the two values', 0, 0, 'hbbbc', 'ffffr'],
    ['is resolved when there is no value any more', 0, 0, 'hn', 'fr'],
    ['is resolved only after its condition has not held for long enough', 0, 20, 'hcccc', 'fffrr'],
    ['fires on when its condition holds again before that', 0, 20, 'hcchccc', 'ffffffr'],
    ['fires on when it is between the two values before that', 0, 20, 'hccbccc', 'ffffffr'],
    ['fires again after it was resolved', 10, 0, 'hhchh', 'pfrpf'],
  ])('%s', (_, holdS, keepS, looks, states) => {
    expect(run(looks, { holdMs: holdS * 1000, keepMs: keepS * 1000 })).toBe(states)
  })

  test('knows since when it holds, when it fired and when it was resolved', () => {
    const timing = { holdMs: 10_000, keepMs: 0 }
    const looks: Seen[] = ['holds', 'holds', 'clear']
    const end = looks.reduce((standing, look, index) => step(standing, look, timing, at(index * 10)), initially(at(0)))
    expect(end).toMatchObject({ startTime: at(0), fireTime: at(10), resolveTime: at(20), changeTime: at(20) })
  })

  test('whatever is seen, and however the clock jumps: never fires sooner than it may, and changes only along the arrows', () => {
    const arrows = ['12', '13', '21', '23', '34', '42', '43']
    const look = fc.tuple(
      fc.constantFrom<Seen>('holds', 'clear', 'between', 'nothing'),
      fc.integer({ min: -50, max: 100 }),
    )
    const times = fc.record({ holdMs: fc.nat(60_000), keepMs: fc.nat(60_000) })
    fc.assert(
      fc.property(fc.array(look, { maxLength: 60 }), times, (looks, timing) => {
        let standing = initially(at(0))
        let second = 0
        for (const [what, seconds] of looks) {
          second += seconds
          const next = step(standing, what, timing, at(second))
          if (next.state !== standing.state) {
            expect(arrows).toContain(`${standing.state}${next.state}`)
            if (next.state === AlertState.ALERT_STATE_FIRING)
              expect(Number(next.fireTime) - Number(next.startTime)).toBeGreaterThanOrEqual(timing.holdMs)
          } else if (what === 'holds' && standing.state === AlertState.ALERT_STATE_FIRING) {
            expect(next.clearTime).toBeNull()
          }
          standing = next
        }
      }),
    )
  })
})
