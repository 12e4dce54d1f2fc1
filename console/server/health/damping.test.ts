import { expect, test } from 'vitest'
import type { Health } from '../registry/registry.ts'
import { type Damping, damp } from './damping.ts'

const unknown: Health = { status: 'unknown', since: new Date(0), reason: '' }

/** Plays results, + for good and - for bad, one a second. @returns the status after each. */
function play(results: string, from: Damping = { health: unknown, against: 0 }, startMs = 10_000) {
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
])('%s', (_, results, statuses) => {
  expect(play(results).seen).toBe(statuses)
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
