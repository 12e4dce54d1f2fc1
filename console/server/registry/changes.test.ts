import { expect, test } from 'vitest'
import { changesBetween } from './changes.ts'
import { fieldsOf, stateFrom } from './fields.ts'
import { type Event, step } from './registry.ts'
import {
  closed,
  contract,
  drain,
  draining,
  failing,
  health,
  healthy,
  heartbeat,
  hello,
  later,
  play,
  remove,
  resume,
  t0,
  ticks,
} from './test-events.ts'

const nextProcess = hello(2, 'users-1', { startTime: later(5), port: 9000 }, { nowMs: t0 + 3000 })

/** Plays `before`, then the event three seconds after t0. @returns what the journal is to say of it. */
function changesOf(before: Event[], event: Event) {
  const { state } = play(before)
  const outcome = step(state, event)
  return changesBetween(state, outcome.state, outcome.gone, t0 + 3000)
}
const attached = [hello(1, 'users-1'), health('users-1', healthy)]
const instance = 'instances/users-1'
const service = 'services/users'

const traffic = (first: number, second: number, swapped = false): Event => {
  const weights = [
    { version: '0.9.0', percent: swapped ? second : first },
    { version: '0.10.0', percent: swapped ? first : second },
  ]
  return { type: 'traffic', service: 'users', weights: swapped ? weights.reverse() : weights }
}

test.each<[string, Event[], Event, object[]]>([
  [
    'a new instance of a new service',
    [],
    hello(1, 'users-1'),
    [
      { action: 'service.contract', subject: service, before: undefined, after: { contractHash: 'c1' } },
      { action: 'instance.registered', subject: instance, before: undefined, after: { port: 8101, health: 'unknown' } },
    ],
  ],
  ['the same process again', attached, hello(2, 'users-1'), []],
  ['a broken stream', attached, closed(1, 'users-1'), []],
  [
    'a heartbeat',
    attached,
    { ...heartbeat(1, 'users-1', t0 + 1, 900), dependencies: [{ name: 'a', healthy: false, reason: '' }] } as Event,
    [],
  ],
  [
    'another process of the name',
    attached,
    nextProcess,
    [{ action: 'instance.returned', after: { port: 9000 }, durationMs: 3000 }],
  ],
  [
    'a new contract',
    attached,
    hello(2, 'users-2', { contractHash: 'c2', startTime: later(9) }),
    [{ action: 'service.contract', after: { contractHash: 'c2' } }, { action: 'instance.registered' }],
  ],
  [
    'one that says it leaves',
    attached,
    draining(1, 'users-1', t0 + 500),
    [{ action: 'instance.draining', after: { draining: true, drainTime: later(500) } }],
  ],
  [
    'one that has left',
    [...attached, draining(1, 'users-1')],
    closed(1, 'users-1'),
    [{ action: 'instance.left', after: undefined, durationMs: 3000 }],
  ],
  [
    'one that is silent',
    [...attached, ...ticks(10_000)],
    { type: 'tick', nowMs: t0 + 11_000 },
    [{ action: 'instance.expired', reason: expect.stringContaining('10 s'), after: undefined }],
  ],
  [
    'health that turns',
    attached,
    health('users-1', failing(2000)),
    [{ action: 'instance.health', reason: 'down', durationMs: 2000, after: { health: 'failing' } }],
  ],
  ['health that is told again', attached, health('users-1', { ...healthy }), []],
  [
    'health with another reason',
    [...attached, health('users-1', failing(0))],
    health('users-1', { ...failing(0), reason: 'frozen' }),
    [{ action: 'instance.health', reason: 'frozen', durationMs: undefined }],
  ],
  [
    'a drain',
    attached,
    drain('users-1'),
    [{ action: 'instance.drained', reason: 'a look', after: { drainedBy: 'users/1', service: 'users' } }],
  ],
  [
    'a resume',
    [...attached, drain('users-1')],
    resume('users-1'),
    [{ action: 'instance.resumed', durationMs: 3000, before: { drainedBy: 'users/1' } }],
  ],
  [
    'a removal',
    [...attached, drain('users-1')],
    remove('users-1'),
    [{ action: 'instance.removed', after: { removedStarts: String(t0) } }],
  ],
  [
    'an accepted contract',
    attached,
    contract('c1', 'accepted'),
    [{ action: 'service.contract_accepted', after: { acceptedHash: 'c1' } }],
  ],
  [
    'a refused contract',
    attached,
    contract('c1', 'refused', 'no'),
    [{ action: 'service.contract_refused', reason: 'no' }],
  ],
  [
    'weights',
    attached,
    traffic(90, 10),
    [{ action: 'service.traffic', subject: 'services/users', after: { traffic: '0.9.0=90 0.10.0=10' } }],
  ],
  ['the same weights in another order', [...attached, traffic(90, 10)], traffic(10, 90, true), []],
  [
    'no weights any more',
    [...attached, traffic(90, 10)],
    { type: 'traffic', service: 'users', weights: [] },
    [{ action: 'service.traffic', before: { traffic: '0.9.0=90 0.10.0=10' } }],
  ],
  [
    'a service without instances for a day',
    [...attached, draining(1, 'users-1'), closed(1, 'users-1')],
    { type: 'tick', nowMs: t0 + 90_000_000 },
    [{ action: 'service.forgotten', after: undefined }],
  ],
  [
    'a dead holder of the address',
    [...attached, closed(1, 'users-1')],
    hello(2, 'users-2', { port: 8101 }, { nowMs: t0 + 5000 }),
    [
      { action: 'instance.registered', subject: 'instances/users-2' },
      { action: 'instance.expired', subject: instance, reason: expect.stringContaining('users-2') },
    ],
  ],
])('%s', (_, before, event, expected) => {
  const changes = changesOf(before, event)
  expect(changes).toMatchObject(expected)
  expect(changes).toHaveLength(expected.length)
})

test('one that left while it was drained keeps that in its fields, and nothing else', () => {
  const { state } = play([...attached, drain('users-1'), draining(1, 'users-1'), closed(1, 'users-1')])
  expect(fieldsOf(state).get(instance)).toEqual({
    drainedBy: 'users/1',
    drainedReason: 'a look',
    drainedTime: later(0),
  })
})

test('a Console starts from what the journal has: leases and waits begin anew, all else is as it was', () => {
  const { state } = play([
    ...attached,
    contract('c1', 'accepted'),
    hello(2, 'users-2', { contractHash: 'c2', startTime: later(9) }),
    contract('c2', 'refused', 'no'),
    drain('users-2'),
    traffic(90, 10),
    hello(3, 'images-3', { service: 'images', apiVersion: '1.4' }),
    hello(4, 'users-4', { apiVersion: '1.2' }),
    draining(3, 'images-3'),
    closed(3, 'images-3'),
  ])
  const nowMs = t0 + 60_000
  const restored = stateFrom(new Map([...fieldsOf(state), ['keys/a', { x: 1 }], ['instances/', {}]]), nowMs)
  expect(fieldsOf(restored)).toEqual(fieldsOf(state))
  for (const [name, was] of state.instances) {
    const volatile = { stream: undefined, seenMs: nowMs, dependencies: [], healthChangesMs: [], clockOffsetMs: 0 }
    expect(restored.instances.get(name)).toEqual({ ...was, ...volatile })
  }
  expect(restored.services.get('users')).toEqual(state.services.get('users'))
  expect(restored.services.get('images')?.emptySinceMs).toBe(nowMs)
  expect(restored.marks).toEqual(state.marks)
  const expired = play(ticks(71_000, 60_000), restored)
  expect(expired.state.instances.size).toBe(0)
  const back = play([hello(1, 'users-1')], restored)
  expect(back.state.instances.get('users-1')).toMatchObject({ stream: 1, health: healthy })
})
