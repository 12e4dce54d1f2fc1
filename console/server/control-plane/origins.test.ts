import { describe, expect, it } from 'vitest'
import { testSnapshot } from './ads-fixture.ts'
import { changesOf, namedIn, noOrigins, type Origins, withSnapshot } from './origins.ts'
import { routeType } from './snapshot.ts'

/** The origins after these snapshots: the version of the routes, and the change each is published with. */
const after = (...published: [number, number][]): Origins =>
  published.reduce(
    (origins, [edge, change]) => withSnapshot(origins, testSnapshot({}, { routes: { edge } }), change),
    noOrigins,
  )

describe('a resource comes with', () => {
  const changes = (origins: Origins, refused: number, accepted?: number) =>
    changesOf(origins, routeType, 'edge', `edge@${refused}`, accepted === undefined ? accepted : `edge@${accepted}`)

  it('the changes since the snapshot before', () => {
    expect(changes(after([1, 10], [2, 14]), 2, 1)).toEqual({ first: 11, last: 14 })
    expect(changes(after([1, 10], [1, 12], [2, 14]), 2, 1)).toEqual({ first: 13, last: 14 })
    expect(changes(after([1, 10], [2, 10]), 2, 1)).toEqual({ first: 10, last: 10 })
  })

  it('all changes that a proxy has not accepted yet', () => {
    expect(changes(after([1, 1], [2, 2], [3, 3], [4, 4]), 4, 1)).toEqual({ first: 2, last: 4 })
    expect(changes(after([1, 1], [2, 2], [3, 3], [4, 4]), 3, 1)).toEqual({ first: 2, last: 3 })
    expect(changes(after([1, 1], [2, 2], [3, 3], [4, 4]), 4, 3)).toEqual({ first: 4, last: 4 })
  })

  it('the last of them for a proxy that had none of it', () => {
    expect(changes(after([1, 1], [2, 2], [3, 3]), 3)).toEqual({ first: 3, last: 3 })
  })

  it('none that are known when it was there from the start', () => {
    expect(changes(after([1, 10]), 1)).toBeUndefined()
    expect(changes(after([1, 10], [2, 11]), 2)).toEqual({ first: 11, last: 11 })
  })
})

it('a refusal names resources as words of their own', () => {
  const names = ['users', 'user', 'envoy.filters.http.lua', 'a/b', 'x+y']
  expect(namedIn('Error adding/updating cluster(s) users: no such thing', names)).toEqual(['users'])
  expect(namedIn('users.v1.User in user-1, users/x', names)).toEqual([])
  expect(namedIn("'envoy.filters.http.lua', a/b and x+y.", names)).toEqual(['envoy.filters.http.lua', 'a/b', 'x+y'])
})
