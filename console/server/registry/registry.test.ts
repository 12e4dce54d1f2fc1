import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { applyChange, changedFields, differing, type Subjects } from '../journal/replay.ts'
import { changesBetween } from './changes.ts'
import { fieldsOf, stateFrom } from './fields.ts'
import { type Event, leaseMs, step } from './registry.ts'
import {
  closed,
  contract,
  draining,
  failing,
  get,
  health,
  healthy,
  heartbeat,
  hello,
  later,
  names,
  nothing,
  play,
  t0,
  ticks,
} from './test-events.ts'

describe('lease', () => {
  test('an instance that is heard keeps its place, attached or not heard it loses it', () => {
    const kept = play([hello(1, 'users-1'), ...ticks(8000), heartbeat(1, 'users-1', t0 + 8000), ...ticks(18_000, 8000)])
    expect(names(kept)).toEqual(['users-1'])
    const lost = play(ticks(19_000, 18_000), kept.state)
    expect(names(lost)).toEqual([])
    expect(lost.ended).toMatchObject([{ stream: 1, why: 'silent' }])
    expect(lost.state.services.get('users')?.emptySinceMs).toBe(t0 + 19_000)
  })

  test('a broken stream takes nobody out of service before the lease has run out', () => {
    const broken = play([hello(1, 'users-1'), closed(1, 'users-1'), ...ticks(10_000)])
    expect(get(broken, 'users-1')).toMatchObject({ stream: undefined })
    const lost = play(ticks(11_000, 10_000), broken.state)
    expect(names(lost)).toEqual([])
    expect(lost.ended).toEqual([])
  })

  test('a Console that slept forgets nobody, but gives everybody a new lease', () => {
    const woken = play([hello(1, 'users-1'), ...ticks(3000), { type: 'tick', nowMs: t0 + 3_600_000 }])
    expect(get(woken, 'users-1')).toMatchObject({ seenMs: t0 + 3_600_000 })
    expect(names(play(ticks(3_611_000, 3_600_000), woken.state))).toEqual([])
  })

  test('a Console whose clock is set back forgets nobody, and gives everybody a new lease', () => {
    const nowMs = t0 - 3_600_000
    const back = play([hello(1, 'users-1'), ...ticks(3000), { type: 'tick', nowMs }])
    expect(get(back, 'users-1')).toMatchObject({ seenMs: nowMs })
    const ahead = play(ticks(10_000 - 3_600_000, -3_600_000), back.state)
    expect(names(ahead)).toEqual(['users-1'])
    expect(names(play(ticks(11_000 - 3_600_000, 10_000 - 3_600_000), ahead.state))).toEqual([])
  })

  test('those who were heard with nothing new to say are told of with the tick', () => {
    const heard = new Map([['users-1', t0 + 4000]])
    const { state } = play([hello(1, 'users-1'), { type: 'tick', nowMs: t0 + 4500, heard }])
    expect(state.instances.get('users-1')?.seenMs).toBe(t0 + 4000)
    // Never backwards.
    expect(step(state, { type: 'tick', nowMs: t0 + 5000, heard: new Map([['users-1', t0]]) }).state.instances).toEqual(
      state.instances,
    )
  })

  test('when its stream breaks an instance has been heard as late as it was', () => {
    const broken = step(play([hello(1, 'users-1')]).state, { ...closed(1, 'users-1'), heardMs: t0 + 700 } as Event)
    expect(get(broken, 'users-1')).toMatchObject({ stream: undefined, seenMs: t0 + 700 })
  })
})

describe('leaving', () => {
  test('an instance that drains is marked, and gone when it hangs up', () => {
    const leaving = play([hello(1, 'users-1'), draining(1, 'users-1')])
    expect(get(leaving, 'users-1')).toMatchObject({ draining: true })
    const gone = play([closed(1, 'users-1')], leaving.state)
    expect(names(gone)).toEqual([])
    expect(gone.state.services.get('users')?.emptySinceMs).toBe(t0)
  })

  test('a process that has begun to leave stays so when its stream breaks on the way', () => {
    const again = play([hello(1, 'users-1'), draining(1, 'users-1'), hello(2, 'users-1')])
    expect(get(again, 'users-1')).toMatchObject({ draining: true, stream: 2 })
    const restarted = play([hello(3, 'users-1', { startTime: later(1) })], again.state)
    expect(get(restarted, 'users-1')).toMatchObject({ draining: false })
  })

  test('a service without instances stays known for a day', () => {
    const gone = play([hello(1, 'users-1'), draining(1, 'users-1'), closed(1, 'users-1')])
    const day = 24 * 60 * 60_000
    expect([...play([{ type: 'tick', nowMs: t0 + day }], gone.state).state.services.keys()]).toEqual(['users'])
    expect([...play([{ type: 'tick', nowMs: t0 + day + 1 }], gone.state).state.services.keys()]).toEqual([])
  })
})

test('nothing is taken from a stream that has lost its instance', () => {
  const replaced = play([hello(1, 'users-1'), hello(2, 'users-1', { startTime: later(5) })])
  for (const event of [heartbeat(1, 'users-1', t0 + 9000), draining(1, 'users-1'), closed(1, 'users-1')]) {
    expect(step(replaced.state, event)).toMatchObject({ state: replaced.state, changed: false, ended: [] })
  }
})

test('a health check of the process before says nothing of the new one', () => {
  const replaced = play([hello(1, 'users-1'), hello(2, 'users-1', { startTime: later(5) })])
  const outcome = step(replaced.state, { type: 'health', instance: 'users-1', startTime: later(0), health: healthy })
  expect(outcome.state).toBe(replaced.state)
})

describe('health', () => {
  test('that turns is counted for some minutes; the first is no turn', () => {
    const minute = 60_000
    const turns = [1, 2, 3, 7].flatMap(n => [
      health('users-1', failing(n * minute)),
      health('users-1', { ...healthy, since: later(n * minute + 1000) }),
    ])
    const { state } = play([hello(1, 'users-1'), health('users-1', healthy), ...turns])
    expect(state.instances.get('users-1')?.healthChangesMs.map(ms => (ms - t0) / 1000)).toEqual([180, 181, 420, 421])
  })

  test('that stays while only its reason changes is no turn', () => {
    const { state } = play([
      hello(1, 'users-1'),
      health('users-1', failing(0)),
      health('users-1', { ...failing(0), reason: 'frozen' }),
    ])
    expect(state.instances.get('users-1')).toMatchObject({ health: { reason: 'frozen' }, healthChangesMs: [] })
  })

  test('of an instance that turns all the time is kept within bounds', () => {
    const turns = Array.from({ length: 500 }, (_, n) => health('users-1', n % 2 ? healthy : failing(n)))
    const { state } = play([hello(1, 'users-1'), ...turns])
    expect(state.instances.get('users-1')?.healthChangesMs.length).toBeLessThanOrEqual(100)
  })
})

describe('the contract of a service', () => {
  const service = ({ state }: { state: typeof nothing }) => state.services.get('users')

  test('is the one that proxies took last, until they take another', () => {
    const taken = play([hello(1, 'users-1'), contract('c1', 'accepted')])
    expect(service(taken)).toMatchObject({ contractHash: 'c1', acceptedHash: 'c1' })
    const newer = play([hello(2, 'users-2', { contractHash: 'c2', startTime: later(9) })], taken.state)
    expect(service(newer)).toMatchObject({ contractHash: 'c2', acceptedHash: 'c1' })
    expect(service(play([contract('c2', 'accepted')], newer.state))).toMatchObject({ acceptedHash: 'c2' })
  })

  test('that a proxy refuses stays refused, whoever accepts it, until there is another', () => {
    const refused = play([hello(1, 'users-1'), contract('c1', 'refused', 'no'), contract('c1', 'accepted')])
    expect(service(refused)).toMatchObject({
      acceptedHash: undefined,
      refused: { contractHash: 'c1', reason: 'no' },
    })
    const again = step(refused.state, contract('c1', 'refused', 'no'))
    expect(again).toMatchObject({ state: refused.state, changed: false })
    const newer = play([hello(2, 'users-2', { contractHash: 'c2', startTime: later(9) })], refused.state)
    expect(service(newer)?.refused).toBeUndefined()
  })

  test('that is replaced is not judged any more', () => {
    const { state } = play([hello(1, 'users-1')])
    expect(step(state, contract('c0', 'refused', 'no'))).toMatchObject({ state, changed: false })
    expect(step(state, { ...contract('c1', 'accepted'), service: 'images' } as Event)).toMatchObject({ state })
  })
})

test('whatever happens: addresses and streams are unique, services of instances are known, silence ends a place, and the journal has it all', () => {
  const event = fc.record({
    kind: fc.constantFrom(
      'hello',
      'heartbeat',
      'draining',
      'closed',
      'tick',
      'sleep',
      'back',
      'health',
      'drain',
      'resume',
      'remove',
      'contract',
      'restart',
    ),
    name: fc.integer({ min: 1, max: 3 }),
    port: fc.integer({ min: 1, max: 3 }),
    started: fc.integer({ min: 0, max: 3 }),
    passes: fc.integer({ min: 0, max: 4000 }),
  })
  fc.assert(
    fc.property(fc.array(event, { maxLength: 80 }), events => {
      let state = nothing
      let nowMs = t0
      let lastStream = 0
      const open = new Map<number, string>()
      const journaled: Subjects = new Map()
      for (const { kind, name, port, started, passes } of events) {
        nowMs += kind === 'sleep' ? 3_600_000 : kind === 'back' ? -3_600_000 : passes
        const instance = `users-${name}`
        const stream = [...open].find(([, each]) => each === instance)?.[0] ?? 0
        const startTime = later(started)
        const contractHash = `c${started}`
        const made: Record<string, () => Event> = {
          hello: () =>
            hello(++lastStream, instance, { port, startTime, contractHash }, { nowMs, clockOffsetMs: passes }),
          heartbeat: () => heartbeat(stream, instance, nowMs, passes),
          draining: () => draining(stream, instance, nowMs),
          closed: () => closed(stream, instance, nowMs),
          health: () => health(instance, passes % 2 ? healthy : failing(passes), startTime),
          drain: () => ({ type: 'drain', instance, by: 'operator', reason: '', nowMs }),
          resume: () => ({ type: 'resume', instance }),
          remove: () => ({ type: 'remove', instance, nowMs }),
          contract: () => contract(contractHash, port > 1 ? 'accepted' : 'refused', 'no'),
        }
        if (kind === 'restart') {
          state = stateFrom(journaled, nowMs)
          open.clear()
          continue
        }
        const next: Event = made[kind]?.() ?? { type: 'tick', nowMs }
        const before = state
        const outcome = step(state, next)
        state = outcome.state
        if (next.type === 'hello' && outcome.refused === undefined) open.set(next.stream, instance)
        if (next.type === 'closed') open.delete(stream)
        for (const ended of outcome.ended) open.delete(ended.stream)
        if (outcome.refused !== undefined) expect(state).toBe(before)
        if (!outcome.changed) expect(fieldsOf(state)).toEqual(fieldsOf(before))
        for (const { subject, before: was, after } of changesBetween(before, state, outcome.gone, nowMs)) {
          applyChange(journaled, { subject, fields: changedFields(was, after) })
        }
        expect(differing(journaled, fieldsOf(state))).toEqual([])

        const all = [...state.instances.values()]
        const streams = all.flatMap(each => each.stream ?? [])
        expect(new Set(all.map(each => each.port)).size).toBe(all.length)
        expect(new Set(streams).size).toBe(streams.length)
        for (const each of all) expect(state.services.get(each.service)?.emptySinceMs).toBeUndefined()
        if (all.length === 0) for (const known of state.services.values()) expect(known.emptySinceMs).toBeDefined()
        for (const each of all) {
          expect(each.drained).toEqual(state.marks.get(each.instance)?.drained)
          expect(state.marks.get(each.instance)?.removedStartsMs ?? []).not.toContain(each.startTime.getTime())
        }
        if (next.type === 'tick') for (const each of all) expect(nowMs - each.seenMs).toBeLessThanOrEqual(leaseMs)
      }
    }),
    { numRuns: 300 },
  )
})
