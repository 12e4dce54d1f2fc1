import { describe, expect, test } from 'vitest'
import { step } from './registry.ts'
import {
  closed,
  drain,
  draining,
  get,
  health,
  healthy,
  hello,
  later,
  names,
  play,
  remove,
  resume,
  t0,
} from './test-events.ts'

const drained = { by: 'users/1', reason: 'a look', time: later(0) }
const attached = [hello(1, 'users-1'), health('users-1', healthy)]
const nextProcess = hello(2, 'users-1', { startTime: later(5), port: 9000 })

describe('an instance that an operator drains', () => {
  test('stays attached, and is marked', () => {
    const outcome = play([...attached, drain('users-1')])
    expect(get(outcome, 'users-1')).toMatchObject({ stream: 1, drained, draining: false, health: healthy })
    expect(outcome).toMatchObject({ changed: true, ended: [] })
  })

  test.each([
    ['when the process is another', [nextProcess]],
    ['when it attaches again', [hello(2, 'users-1')]],
    ['when it left and comes back', [draining(1, 'users-1'), closed(1, 'users-1'), nextProcess]],
    [
      'when its lease had run out',
      [
        { type: 'tick', nowMs: t0 + 4000 } as const,
        { type: 'tick', nowMs: t0 + 8000 } as const,
        { type: 'tick', nowMs: t0 + 12_000 } as const,
        nextProcess,
      ],
    ],
  ])('stays so %s', (_, events) => {
    expect(get(play([...attached, drain('users-1'), ...events]), 'users-1')).toMatchObject({ drained })
  })

  test.each([
    ['resumed', [resume('users-1')], ['users-1']],
    [
      'resumed after it was gone',
      [draining(1, 'users-1'), closed(1, 'users-1'), resume('users-1'), nextProcess],
      ['users-1'],
    ],
    [
      'removed after it was gone',
      [draining(1, 'users-1'), closed(1, 'users-1'), remove('users-1'), nextProcess],
      ['users-1'],
    ],
    ['removed, for the next process', [remove('users-1'), nextProcess], ['users-1']],
  ])('is not so any more when it is %s', (_, events, left) => {
    const outcome = play([...attached, drain('users-1'), ...events])
    expect(names(outcome)).toEqual(left)
    expect(get(outcome, 'users-1')?.drained).toBeUndefined()
    expect(outcome.state.marks.get('users-1')?.drained).toBeUndefined()
  })
})

test('one that is removed is gone at once, its stream told, and its process kept out', () => {
  const outcome = play([...attached, remove('users-1')])
  expect(names(outcome)).toEqual([])
  expect(outcome.ended).toMatchObject([{ stream: 1, why: 'removed' }])
  expect(outcome.state.services.get('users')?.emptySinceMs).toBe(t0)
  const again = play([hello(2, 'users-1')], outcome.state)
  expect(again.refused?.reason).toBe('WRONG_STATE')
  expect(names(play([nextProcess], again.state))).toEqual(['users-1'])
})

test.each([
  ['drain of one that is not there', [], drain('users-1')],
  ['drain of one that is drained', [...attached, drain('users-1', t0)], { ...drain('users-1'), by: 'operator' }],
  ['resume of one that is not there', [], resume('users-1')],
  ['resume of one that is not drained', attached, resume('users-1')],
  ['remove of one that is not there', [], remove('users-1')],
])('%s changes nothing', (_, before, event) => {
  const { state } = play(before)
  expect(step(state, event as Parameters<typeof step>[1])).toMatchObject({ state, changed: false, ended: [] })
})

test('the names of removed ones are not remembered without bound; those that are drained are', () => {
  let { state } = play([hello(1, 'a-0', { port: 1 }), drain('a-0'), draining(1, 'a-0'), closed(1, 'a-0')])
  for (let n = 1; n <= 1100; n++) {
    state = play([hello(n, `a-${n}`, { port: 1 }), remove(`a-${n}`)], state).state
  }
  expect(state.marks.size).toBe(1000)
  expect(state.marks.has('a-0')).toBe(true)
  expect(state.marks.has('a-1100')).toBe(true)
  expect(state.marks.has('a-1')).toBe(false)
})
