import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Health } from '../registry/model.ts'
import { confirmAfterMs, type Damping, damp, isOnProbation, undamped } from './damping.ts'

const unknown: Health = { status: 'unknown', since: new Date(0), reason: '' }

/** Plays results, + for good and - for bad, one a second. @returns the status after each. */
function play(results: string, from: Damping = undamped(unknown), startMs = 10_000) {
  let state = from
  const seen: string[] = []
  for (const [index, sign] of [...results].entries()) {
    state = damp(state, { ok: sign === '+', reason: sign === '+' ? '' : 'down' }, startMs + (index + 1) * 1000)
    seen.push(state.health.status)
  }
  return { state, seen: seen.map(status => status[0]).join('') }
}

test.each([
  ['the first success counts at once', '+', 'h'],
  ['one failure does not make an unknown one fail, two do', '--', 'uf'],
  ['one failure is overlooked', '+-+-+', 'hhhhh'],
  ['two failures in a row are not', '+--', 'hhf'],
  ['a failing one needs two successes in a row', '--+-++', 'uffffh'],
  ['one that fell twice needs four', '+--++--++++', 'hhffhhffffh'],
  ['one that fell twice begins anew with each failure', '+--++--+++-++++', 'hhffhhffffffffh'],
  ['one that fell three times needs eight', '--++--++++--++++++++', 'uffhhffffhhffffffffh'],
])('%s', (_, results, statuses) => {
  expect(play(results).seen).toBe(statuses)
})

/** @returns how many successes it takes after so many falls, each `apartMs` after the other. */
function successesAfter(falls: number, apartMs: number): number {
  let state = play('+').state
  let nowMs = 20_000
  const see = (ok: boolean, ms: number) => {
    nowMs += ms
    state = damp(state, { ok, reason: ok ? '' : 'down' }, nowMs)
  }
  for (let fall = 1; ; fall++) {
    see(false, apartMs)
    see(false, 1)
    let successes = 0
    for (; state.health.status !== 'healthy'; successes++) see(true, 1)
    if (fall === falls) return successes
  }
}

test.each([
  [1, 2],
  [2, 4],
  [3, 8],
  [4, 16],
  [5, 16],
  [50, 16],
])('who fell %i times of late needs %i successes', (falls, successes) => {
  expect(successesAfter(falls, 1000)).toBe(successes)
})

test('falls are forgiven after some minutes', () => {
  expect(successesAfter(5, 130_000)).toBe(2)
})

describe('a result is confirmed', () => {
  const after = (results: string) => confirmAfterMs(play(results).state, 100_000)
  test.each([
    ['not when nothing is in doubt', '+', undefined],
    ['not while it goes on failing', '----', undefined],
    ['soon when it speaks against health', '+-', 200],
    ['soon after a first fall', '--+', 200],
    ['later after the second', '--++--+', 400],
    ['later still after the third', '--++--++++--+', 800],
  ])('%s', (_, results, ms) => {
    expect(after(results)).toBe(ms)
  })

  test.each([
    [0, 0],
    [60, 60],
    [5000, 200],
  ])('of one that came %i ms ago, after %i ms', (ageMs, ms) => {
    expect(confirmAfterMs(undamped(unknown), ageMs)).toBe(ms)
  })
})

test('on probation is who fell more than once and has not passed again', () => {
  expect(isOnProbation(play('+--').state)).toBe(false)
  expect(isOnProbation(play('+--++--').state)).toBe(true)
  expect(isOnProbation(play('+--++--++++').state)).toBe(false)
})

test('a process that has just come may take a while until it serves', () => {
  expect(play('---+', undefined, 0).seen).toBe('uuuh')
  expect(play('-------', undefined, 0).seen).toBe('uuuuuff')
})

test('the time is that of the change, also while the reason changes', () => {
  const { state } = play('+--')
  expect(state.health).toEqual({ status: 'failing', since: new Date(13_000), reason: 'down' })
  const other = damp(state, { ok: false, reason: 'frozen' }, 19_000)
  expect(other.health).toEqual({ status: 'failing', since: new Date(13_000), reason: 'frozen' })
})

test('while nothing changes the health is the same object', () => {
  const { state } = play('+')
  expect(damp(state, { ok: true, reason: '' }, 20_000).health).toBe(state.health)
  const { state: failing } = play('--')
  expect(damp(failing, { ok: false, reason: 'down' }, 20_000).health).toBe(failing.health)
})

test('however it flaps, an instance turns a few times a minute, and memory is bounded', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { minLength: 600, maxLength: 600 }), results => {
      let state = undamped(unknown)
      let turns = 0
      let nowMs = 10_000
      const endMs = nowMs + 120_000
      for (const [index, ok] of Array.from({ length: 6 }, () => results)
        .flat()
        .entries()) {
        const before = state.health.status
        state = damp(state, { ok, reason: ok ? '' : `${index}` }, nowMs)
        if (state.health.status !== before) turns++
        expect(state.fallsMs.length).toBeLessThanOrEqual(16)
        nowMs += confirmAfterMs(state, nowMs) ?? 2000
        if (nowMs > endMs) break
      }
      expect(turns).toBeLessThanOrEqual(24)
    }),
    { numRuns: 50 },
  )
})
