import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { continued, flawOf, type Head, replay, type StreamEvent, shortened, streamKey } from './stream-chain.ts'

const key = streamKey('a secret for tests', 'tests')
const stream = 'users/1'
const event = (n: number) => ({
  type: 'ROLES_CHANGED',
  time: new Date(1_700_000_000_000 + n),
  actor: 'users/2',
  traceId: '',
  before: { roles: [`role-${n - 1}`] },
  after: { roles: [`role-${n}`], count: n },
})

/** @returns a stream of so many events, appended one by one. */
function written(count: number): { head: Head; events: StreamEvent[] } {
  let head: Head | undefined
  const events: StreamEvent[] = []
  for (let n = 1; n <= count; n++) {
    const next = continued(key, stream, head, [event(n)])
    head = next.head
    events.push(...next.entries)
  }
  return { head: head ?? expect.fail(), events }
}

const place = fc.integer({ min: 1, max: 6 })
const { head, events } = written(6)
const check = (altered: StreamEvent[], of: Head | undefined = head) => flawOf(key, stream, of, altered)
/** The array without its element at the version. */
const without = (version: number) => events.toSpliced(version - 1, 1)

test('a stream as it was written has no flaw, and replays to the state of its last event', () => {
  expect(check(events)).toBeUndefined()
  expect(
    check([
      ...continued(
        key,
        stream,
        undefined,
        events.map((_, n) => event(n + 1)),
      ).entries,
    ]),
  ).toBeUndefined()
  expect(replay(events)).toEqual({ roles: ['role-6'], count: 6 })
})

describe('a flaw is shown with its place when', () => {
  test('any field of any event is altered', () => {
    const field = fc.constantFrom<keyof StreamEvent>('type', 'time', 'actor', 'traceId', 'before', 'after', 'stream')
    const altered = {
      type: 'X',
      time: new Date(0),
      actor: 'x',
      traceId: 'x',
      before: {},
      after: { roles: [] },
      stream: 'x',
    }
    fc.assert(
      fc.property(place, field, (version, name) => {
        const other = events.with(version - 1, {
          ...events[version - 1],
          [name]: altered[name as 'type'],
        } as StreamEvent)
        expect(check(other)).toEqual({ kind: 'ALTERED', version })
      }),
    )
  })
  test('an event is of a shape that was never written', () => {
    for (const broken of [{ version: 3 }, { ...events[2], time: 'now' }, { ...events[2], after: null }]) {
      expect(check(events.with(2, broken as StreamEvent))).toEqual({ kind: 'ALTERED', version: 3 })
    }
  })
  test('an event is removed, also the last one', () => {
    fc.assert(
      fc.property(place, version => {
        expect(check(without(version))).toEqual({ kind: 'MISSING', version })
      }),
    )
  })
  test('two events have changed places, by their content or by their versions', () => {
    fc.assert(
      fc.property(place, place, (one, other) => {
        fc.pre(one < other)
        const [a, b] = [events[one - 1] ?? expect.fail(), events[other - 1] ?? expect.fail()]
        const relabelled = events.with(one - 1, { ...b, version: one }).with(other - 1, { ...a, version: other })
        expect(check(relabelled)).toEqual({ kind: 'ALTERED', version: one })
        const moved = events.with(one - 1, b).with(other - 1, a)
        expect(check(moved)).toEqual({ kind: 'MISSING', version: one })
      }),
    )
  })
  test('the end is cut off and the head moved back to an earlier event, which only the key can seal', () => {
    fc.assert(
      fc.property(place, version => {
        fc.pre(version < 6)
        const { hash } = events[version - 1] ?? expect.fail()
        const cut = events.slice(0, version)
        expect(check(cut)).toEqual({ kind: 'MISSING', version: version + 1 })
        expect(check(cut, { ...head, version, hash })).toEqual({ kind: 'HEAD_ALTERED', version })
      }),
    )
  })
  test('an event is put in, by who has another key, or of another stream', () => {
    const forged = continued(streamKey('another', 'tests'), stream, head, [event(7)])
    expect(check([...events, ...forged.entries])).toEqual({ kind: 'ALTERED', version: 7 })
    const later = continued(key, stream, head, [event(7)])
    expect(check([...events, ...later.entries])).toEqual({ kind: 'INSERTED', version: 7 })
    const other = continued(key, 'users/2', undefined, [event(1)])
    expect(flawOf(key, stream, head, [...other.entries, ...events.slice(1)])).toEqual({ kind: 'ALTERED', version: 1 })
    expect(check([...events.slice(0, 3), ...events.slice(2)])).toEqual({ kind: 'INSERTED', version: 4 })
  })
  test('the head is gone', () => {
    expect(flawOf(key, stream, undefined, events)).toEqual({ kind: 'HEAD_MISSING', version: 6 })
  })
})

test('a stream whose first events are removed for their age is whole from there on, and only from there', () => {
  const short = shortened(key, stream, head, events[2] ?? expect.fail())
  expect(check(events.slice(3), short)).toBeUndefined()
  expect(check(events.slice(4), short)).toEqual({ kind: 'MISSING', version: 4 })
  expect(check(events.slice(3))).toEqual({ kind: 'MISSING', version: 1 })
  const next = continued(key, stream, short, [event(7)])
  expect(check([...events.slice(3), ...next.entries], next.head)).toBeUndefined()
  const { version, hash } = events[3] ?? expect.fail()
  expect(check(events.slice(4), { ...short, removed: { version, hash } })).toEqual({ kind: 'HEAD_ALTERED', version: 6 })
})
