import { describe, expect, test } from 'vitest'
import { heartbeatMs, startMsOf } from './model.ts'
import { isServing } from './registry.ts'
import { closed, draining, get, healthy, hello, later, names, play, remove, t0 } from './test-events.ts'

describe('hello', () => {
  test('makes an instance of unknown health and its service known', () => {
    const outcome = play([hello(1, 'users-1')])
    expect(get(outcome, 'users-1')).toMatchObject({ stream: 1, draining: false, health: { status: 'unknown' } })
    expect(outcome.state.services.get('users')).toEqual({
      contractHash: 'c1',
      contractTime: later(0),
      acceptedHash: undefined,
      refused: undefined,
      emptySinceMs: undefined,
    })
    expect(outcome.changed).toBe(true)
  })

  test('of the same process again keeps its health and ends the older stream', () => {
    const outcome = play([
      hello(1, 'users-1'),
      { type: 'health', instance: 'users-1', startTime: later(0), health: healthy },
      hello(2, 'users-1'),
    ])
    expect(get(outcome, 'users-1')).toMatchObject({ stream: 2, health: healthy })
    expect(outcome.ended).toMatchObject([{ stream: 1, why: 'replaced' }])
  })

  test('of a newer process under the name replaces the older and its health', () => {
    const outcome = play([
      hello(1, 'users-1'),
      { type: 'health', instance: 'users-1', startTime: later(0), health: healthy },
      hello(2, 'users-1', { startTime: later(5), port: 9000 }),
    ])
    expect(get(outcome, 'users-1')).toMatchObject({ stream: 2, port: 9000, health: { status: 'unknown' } })
    expect(outcome.ended).toMatchObject([{ stream: 1, why: 'replaced' }])
  })

  test('of an older process is refused while the newer one is attached', () => {
    const outcome = play([hello(1, 'users-1', { startTime: later(5) }), hello(2, 'users-1', { port: 9000 })])
    expect(outcome.refused).toMatchObject({ reason: 'INSTANCE_CONFLICT' })
    expect(get(outcome, 'users-1')).toMatchObject({ stream: 1, port: 8101 })
  })

  test('of an older process is taken when the newer one has hung up', () => {
    const outcome = play([
      hello(1, 'users-1', { startTime: later(5) }),
      closed(1, 'users-1'),
      hello(2, 'users-1', { port: 9000 }),
    ])
    expect(get(outcome, 'users-1')).toMatchObject({ stream: 2, port: 9000 })
  })

  test('with the address of another instance is refused, until that one is gone', () => {
    const taken = play([hello(1, 'users-1'), hello(2, 'users-2', { port: 8101 })])
    expect(taken.refused).toMatchObject({ reason: 'INSTANCE_CONFLICT' })
    expect(names(taken)).toEqual(['users-1'])
    const gone = play([draining(1, 'users-1'), closed(1, 'users-1')], taken.state)
    expect(names(play([hello(3, 'users-2', { port: 8101 })], gone.state))).toEqual(['users-2'])
  })

  test('brings the contract of its service when no instance started later', () => {
    const old = play([
      hello(1, 'users-1', { startTime: later(9), contractHash: 'new' }),
      hello(2, 'users-2', { contractHash: 'old' }),
    ])
    expect(old.state.services.get('users')?.contractHash).toBe('new')
    const rolledBack = play([hello(3, 'users-3', { startTime: later(10), contractHash: 'old' })], old.state)
    expect(rolledBack.state.services.get('users')?.contractHash).toBe('old')
  })
})

describe('an address that another instance has', () => {
  const gone = [hello(1, 'users-1'), closed(1, 'users-1', t0 + 1000)]
  const newcomer = (nowMs: number) => hello(2, 'users-2', { port: 8101 }, { nowMs })

  test.each([
    ['that is attached, however long it was silent', [hello(1, 'users-1')], 9000, false],
    ['that has just hung up', gone, 2 * heartbeatMs, false],
    ['that is neither attached nor heard', gone, 2 * heartbeatMs + 1, true],
    ['whose time seems to be later, as the clock was set back', gone, -3_600_000, false],
  ])('%s', (_, before, afterMs, isTaken) => {
    const outcome = play([...before, newcomer(t0 + afterMs)])
    expect(names(outcome)).toEqual(isTaken ? ['users-2'] : ['users-1'])
    expect(outcome.refused?.reason).toBe(isTaken ? undefined : 'INSTANCE_CONFLICT')
    expect([...outcome.gone.keys()]).toEqual(isTaken ? ['users-1'] : [])
  })

  test('leaves the service of the dead one without an instance, unless the newcomer is of it', () => {
    const other = play([...gone, hello(2, 'images-2', { service: 'images', port: 8101 }, { nowMs: t0 + 9000 })])
    expect(other.state.services.get('users')?.emptySinceMs).toBe(t0 + 9000)
    expect(play([...gone, newcomer(t0 + 9000)]).state.services.get('users')?.emptySinceMs).toBeUndefined()
  })
})

describe('clocks that are off', () => {
  const hour = 3_600_000

  test('of two processes under one name the later is the one that started later by the clock of the Console', () => {
    // Its clock is an hour behind, so that it says to have started long before the first.
    const behind = hello(2, 'users-1', { startTime: later(5000 - hour), port: 9000 }, { clockOffsetMs: -hour })
    const outcome = play([hello(1, 'users-1'), behind])
    expect(get(outcome, 'users-1')).toMatchObject({ stream: 2, clockOffsetMs: -hour })
    const ahead = hello(2, 'users-1', { startTime: later(hour - 5000), port: 9000 }, { clockOffsetMs: hour })
    expect(play([hello(1, 'users-1'), ahead]).refused?.reason).toBe('INSTANCE_CONFLICT')
  })

  test('the newest contract is that of the instance that started last by the clock of the Console', () => {
    const ahead = hello(2, 'users-2', { startTime: later(hour - 5000), contractHash: 'old' }, { clockOffsetMs: hour })
    expect(play([hello(1, 'users-1'), ahead]).state.services.get('users')?.contractHash).toBe('c1')
    const behind = hello(2, 'users-2', { startTime: later(5000 - hour), contractHash: 'new' }, { clockOffsetMs: -hour })
    const { state } = play([hello(1, 'users-1'), behind])
    expect(state.services.get('users')).toMatchObject({ contractHash: 'new', contractTime: later(5000) })
    expect(startMsOf(state.instances.get('users-2') ?? { startTime: later(0), clockOffsetMs: 0 })).toBe(t0 + 5000)
  })
})

test('an older contract does not come back while there is an instance with the present one that started later', () => {
  const { state } = play([
    hello(1, 'users-1', { contractHash: 'new', startTime: later(1) }),
    hello(2, 'users-2', { contractHash: 'new', startTime: later(9) }),
    hello(3, 'users-3', { contractHash: 'old', startTime: later(5) }),
  ])
  expect(state.services.get('users')?.contractHash).toBe('new')
})

test('an instance that comes as another service leaves the former without an instance', () => {
  const { state } = play([hello(1, 'users-1'), hello(2, 'users-1', { service: 'images', startTime: later(5) })])
  expect(state.services.get('users')?.emptySinceMs).toBe(t0)
  expect(state.services.get('images')?.emptySinceMs).toBeUndefined()
})

test('of several removed processes of one name none comes back', () => {
  const { state } = play([
    hello(1, 'users-1'),
    remove('users-1'),
    hello(2, 'users-1', { startTime: later(5) }),
    remove('users-1'),
  ])
  for (const ms of [0, 5]) {
    const outcome = play([hello(3, 'users-1', { startTime: later(ms) })], state)
    expect(outcome.refused?.reason).toBe('WRONG_STATE')
    expect(names(outcome)).toEqual([])
  }
  expect(names(play([hello(3, 'users-1', { startTime: later(6) })], state))).toEqual(['users-1'])
})

test('serving is who is healthy, does not leave, and is not drained', () => {
  const instance = get(play([hello(1, 'users-1')]), 'users-1')
  if (!instance) throw new Error('not there')
  const drained = { by: 'operator', reason: '', time: later(0) }
  expect(isServing(instance)).toBe(false)
  expect(isServing({ ...instance, health: healthy })).toBe(true)
  expect(isServing({ ...instance, health: healthy, draining: true })).toBe(false)
  expect(isServing({ ...instance, health: healthy, drained })).toBe(false)
})
