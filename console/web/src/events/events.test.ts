import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { WatchedEventSchema } from '@site11/proto/es/site11/console/v1/events_service_pb.ts'
import { describe, expect, it, test } from 'vitest'
import { feedWith, mostKept, watchOf } from './feed.ts'
import { rateOf, traceIdOf, typeName, withSample } from './figures.ts'
import { eventsSearch } from './search.ts'

const event = (id: string, atMs = 0): MessageInitShape<typeof WatchedEventSchema> => ({
  stream: 'users',
  event: { id, time: timestampFromMs(atMs) },
})
const message = (...events: MessageInitShape<typeof WatchedEventSchema>[]) => ({
  events: events.map(each => create(WatchedEventSchema, each)),
})
const idsOf = (feed: ReturnType<typeof feedWith>) => feed.map(({ event }) => event?.id)

describe('the feed', () => {
  it('has the newest first, also of several streams that come one after the other', () => {
    const before = feedWith(undefined, message(event('a', 1), event('c', 3), event('b', 2)))
    expect(idsOf(before)).toEqual(['c', 'b', 'a'])
    expect(idsOf(feedWith(before, message(event('d', 4), event('e', 5))))).toEqual(['e', 'd', 'c', 'b', 'a'])
  })

  it('has an event that is relayed anew once, and is the same when nothing is new', () => {
    const before = feedWith(undefined, message(event('a')))
    expect(idsOf(feedWith(before, message(event('a'), event('b'))))).toEqual(['b', 'a'])
    expect(feedWith(before, message())).toBe(before)
  })

  it('is bounded', () => {
    const many = Array.from({ length: mostKept + 5 }, (_, n) => event(String(n), n))
    const feed = feedWith(undefined, message(...many))
    expect(feed).toHaveLength(mostKept)
    expect(feed[0]?.event?.id).toBe(String(mostKept + 4))
  })

  it('looks further back with a filter', () => {
    expect(watchOf({})).toEqual({ streams: [], type: '', subject: '', last: 100 })
    expect(watchOf({ stream: 'users', type: 'UserCreated' })).toMatchObject({ streams: ['users'], last: 1000 })
  })
})

describe('the rate of a stream', () => {
  const at = (atMs: number, appended: bigint): [{ stream: string; appended: bigint }[], number] => [
    [{ stream: 'users', appended }],
    atMs,
  ]
  const after = (...answers: ReturnType<typeof at>[]) =>
    answers.reduce<ReturnType<typeof withSample>>((samples, answer) => withSample(samples, ...answer), new Map())

  test.each([
    ['is unknown at first', [at(0, 5n)], undefined],
    ['is what came between two answers', [at(0, 5n), at(2000, 9n)], 2],
    ['is taken over the last 15 s', [at(0, 0n), at(10_000, 1000n), at(20_000, 1010n)], 1],
    ['is unknown when the stream has begun anew', [at(0, 500n), at(2000, 3n)], undefined],
    ['does not count an answer twice', [at(0, 5n), at(0, 5n)], undefined],
  ])('%s', (_, answers, rate) => {
    expect(rateOf(after(...answers), 'users')).toBe(rate)
  })
})

test('what an address asks for is understood, and the rest dropped', () => {
  expect(eventsSearch({ tab: 'dead', stream: 'users', group: 'console', event: 'x', ask: 'replay' })).toEqual({
    tab: 'dead',
    stream: 'users',
    group: 'console',
    event: 'x',
    ask: 'replay',
  })
  expect(eventsSearch({ tab: 'streams', stream: 'No Name', ask: 'replay', type: 7, other: 1 })).toEqual({ type: '7' })
})

test('types are short, and a trace is read from where it came from', () => {
  expect(typeName('site11.users.v1.UserCreated')).toBe('UserCreated')
  const trace = '0af7651916cd43dd8448eb211c80319c'
  expect(traceIdOf(`00-${trace}-b7ad6b7169203331-01`)).toBe(trace)
  expect(traceIdOf('')).toBe('')
})
