import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Event, type Facts, type Health, leaseMs, restored, type State, step } from './registry.ts'

const t0 = Date.parse('2026-01-01T00:00:00Z')
const nothing = restored([], new Map(), t0)
const healthy: Health = { status: 'healthy', since: new Date(t0), reason: '' }

const facts = (instance: string, change: Partial<Facts> = {}): Facts => ({
  service: 'users',
  instance,
  version: '1.0.0',
  address: `127.0.0.1:${8100 + Number(instance.at(-1))}`,
  ip: '127.0.0.1',
  port: 8100 + Number(instance.at(-1)),
  zone: '',
  startTime: new Date(t0),
  contractHash: 'c1',
  ...change,
})
const hello = (stream: number, instance: string, change: Partial<Facts> = {}, nowMs = t0): Event => ({
  type: 'hello',
  stream,
  facts: facts(instance, change),
  nowMs,
})
const heartbeat = (stream: number, instance: string, nowMs: number): Event => ({
  type: 'heartbeat',
  stream,
  instance,
  dependencies: [],
  nowMs,
})
const later = (ms: number) => new Date(t0 + ms)

/** Plays events. @returns the last outcome. */
function play(events: Event[], from: State = nothing) {
  let outcome = { ...step(from, { type: 'tick', nowMs: from.tickMs }), state: from }
  for (const event of events) outcome = step(outcome.state, event)
  return outcome
}
const names = ({ state }: { state: State }) => [...state.instances.keys()]
const get = ({ state }: { state: State }, name: string) => state.instances.get(name)
/** Time passes in small steps, as it does when the Console runs. */
const ticks = (untilMs: number, fromMs = 0): Event[] =>
  Array.from({ length: Math.floor((untilMs - fromMs) / 1000) }, (_, i) => ({
    type: 'tick',
    nowMs: t0 + fromMs + (i + 1) * 1000,
  }))

describe('hello', () => {
  test('makes an instance of unknown health and its service known', () => {
    const outcome = play([hello(1, 'users-1')])
    expect(get(outcome, 'users-1')).toMatchObject({ stream: 1, draining: false, health: { status: 'unknown' } })
    expect(outcome.state.services.get('users')).toEqual({
      contractHash: 'c1',
      contractTime: later(0),
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
    expect(outcome.refused).toContain('users-1')
    expect(get(outcome, 'users-1')).toMatchObject({ stream: 1, port: 8101 })
  })

  test('of an older process is taken when the newer one has hung up', () => {
    const outcome = play([
      hello(1, 'users-1', { startTime: later(5) }),
      { type: 'closed', stream: 1, instance: 'users-1', nowMs: t0 },
      hello(2, 'users-1', { port: 9000 }),
    ])
    expect(get(outcome, 'users-1')).toMatchObject({ stream: 2, port: 9000 })
  })

  test('with the address of another instance is refused, until that one is gone', () => {
    const taken = play([hello(1, 'users-1'), hello(2, 'users-2', { port: 8101 })])
    expect(taken.refused).toContain('users-1')
    expect(names(taken)).toEqual(['users-1'])
    const gone = play(
      [
        { type: 'draining', stream: 1, instance: 'users-1' },
        { type: 'closed', stream: 1, instance: 'users-1', nowMs: t0 },
      ],
      taken.state,
    )
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
    const broken = play([
      hello(1, 'users-1'),
      { type: 'closed', stream: 1, instance: 'users-1', nowMs: t0 },
      ...ticks(10_000),
    ])
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

  test('after a restart stored instances have a lease from then on, with the health they had', () => {
    const stored = [{ ...facts('users-1'), draining: false, health: healthy }]
    const services = new Map([
      ['users', { contractHash: 'c1', contractTime: later(0) }],
      ['images', { contractHash: 'c2', contractTime: later(0) }],
    ])
    const state = restored(stored, services, t0)
    expect(state.instances.get('users-1')).toMatchObject({ stream: undefined, seenMs: t0, health: healthy })
    expect(state.services.get('images')?.emptySinceMs).toBe(t0)
    expect(names(play(ticks(10_000), state))).toEqual(['users-1'])
    expect(names(play(ticks(11_000), state))).toEqual([])
    const back = play([hello(1, 'users-1')], state)
    expect(get(back, 'users-1')).toMatchObject({ stream: 1, health: healthy })
  })
})

describe('leaving', () => {
  test('an instance that drains is marked, and gone when it hangs up', () => {
    const draining = play([hello(1, 'users-1'), { type: 'draining', stream: 1, instance: 'users-1' }])
    expect(get(draining, 'users-1')).toMatchObject({ draining: true })
    const gone = play([{ type: 'closed', stream: 1, instance: 'users-1', nowMs: t0 }], draining.state)
    expect(names(gone)).toEqual([])
    expect(gone.state.services.get('users')?.emptySinceMs).toBe(t0)
  })

  test('a process that has begun to leave stays so when its stream breaks on the way', () => {
    const again = play([hello(1, 'users-1'), { type: 'draining', stream: 1, instance: 'users-1' }, hello(2, 'users-1')])
    expect(get(again, 'users-1')).toMatchObject({ draining: true, stream: 2 })
    const restarted = play([hello(3, 'users-1', { startTime: later(1) })], again.state)
    expect(get(restarted, 'users-1')).toMatchObject({ draining: false })
  })

  test('a service without instances stays known for a day', () => {
    const gone = play([
      hello(1, 'users-1'),
      { type: 'draining', stream: 1, instance: 'users-1' },
      { type: 'closed', stream: 1, instance: 'users-1', nowMs: t0 },
    ])
    const day = 24 * 60 * 60_000
    expect([...play([{ type: 'tick', nowMs: t0 + day }], gone.state).state.services.keys()]).toEqual(['users'])
    expect([...play([{ type: 'tick', nowMs: t0 + day + 1 }], gone.state).state.services.keys()]).toEqual([])
  })
})

test('nothing is taken from a stream that has lost its instance', () => {
  const replaced = play([hello(1, 'users-1'), hello(2, 'users-1', { startTime: later(5) })])
  for (const event of [
    heartbeat(1, 'users-1', t0 + 9000),
    { type: 'draining', stream: 1, instance: 'users-1' } as const,
    { type: 'closed', stream: 1, instance: 'users-1', nowMs: t0 } as const,
  ]) {
    expect(step(replaced.state, event)).toEqual({ state: replaced.state, changed: false, ended: [] })
  }
})

test('a health check of the process before says nothing of the new one', () => {
  const replaced = play([hello(1, 'users-1'), hello(2, 'users-1', { startTime: later(5) })])
  const outcome = step(replaced.state, { type: 'health', instance: 'users-1', startTime: later(0), health: healthy })
  expect(outcome.state).toBe(replaced.state)
})

test('a heartbeat is no news for proxies', () => {
  expect(play([hello(1, 'users-1'), heartbeat(1, 'users-1', t0 + 1000)]).changed).toBe(false)
})

test('whatever happens: addresses and streams are unique, services of instances are known, silence ends a place', () => {
  const event = fc.record({
    kind: fc.constantFrom('hello', 'heartbeat', 'draining', 'closed', 'tick', 'sleep', 'health'),
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
      for (const { kind, name, port, started, passes } of events) {
        nowMs += kind === 'sleep' ? 3_600_000 : passes
        const instance = `users-${name}`
        const stream = [...open].find(([, each]) => each === instance)?.[0] ?? 0
        const next: Event =
          kind === 'hello'
            ? hello(++lastStream, instance, { port, startTime: later(started) }, nowMs)
            : kind === 'heartbeat'
              ? heartbeat(stream, instance, nowMs)
              : kind === 'draining'
                ? { type: 'draining', stream, instance }
                : kind === 'closed'
                  ? { type: 'closed', stream, instance, nowMs }
                  : kind === 'health'
                    ? { type: 'health', instance, startTime: later(started), health: healthy }
                    : { type: 'tick', nowMs }
        const before = state
        const outcome = step(state, next)
        state = outcome.state
        if (next.type === 'hello' && outcome.refused === undefined) open.set(next.stream, instance)
        if (next.type === 'closed') open.delete(stream)
        for (const ended of outcome.ended) open.delete(ended.stream)
        if (outcome.refused !== undefined) expect(state).toBe(before)

        const all = [...state.instances.values()]
        const streams = all.flatMap(each => each.stream ?? [])
        expect(new Set(all.map(each => each.port)).size).toBe(all.length)
        expect(new Set(streams).size).toBe(streams.length)
        for (const each of all) expect(state.services.get(each.service)?.emptySinceMs).toBeUndefined()
        if (all.length === 0) for (const known of state.services.values()) expect(known.emptySinceMs).toBeDefined()
        if (next.type === 'tick') for (const each of all) expect(nowMs - each.seenMs).toBeLessThanOrEqual(leaseMs)
      }
    }),
  )
})
