import fc from 'fast-check'
import { expect, test } from 'vitest'
import { activitySearch, filterText, isWanted } from './search.ts'

const nowMs = Date.parse('2026-01-02T00:00:00Z')

test('what is not understood is dropped, and what is understood is understood again', () => {
  expect(activitySearch({ kind: 'cows', range: '3y', change: -1, verify: 'yes', other: 1 })).toEqual({})
  const keys = fc.constantFrom('kind', 'name', 'action', 'actor', 'range', 'filter', 'change', 'verify')
  fc.assert(
    fc.property(fc.dictionary(keys, fc.anything()), raw => {
      const understood = activitySearch(raw)
      expect(activitySearch({ ...understood })).toEqual(understood)
    }),
  )
})

test('the filter is that of the API', () => {
  expect(filterText({}, nowMs)).toBe('')
  expect(
    filterText({ kind: 'instances', name: 'users', action: 'instance.health', actor: 'console', range: '24h' }, nowMs),
  ).toBe(
    'subject = "instances/users*" AND action = "instance.health" AND actor = "console" AND time >= "2026-01-01T00:00:00.000Z"',
  )
  expect(filterText({ action: 'service.' }, nowMs)).toBe('action = "service.*"')
  expect(filterText({ kind: 'mesh', name: 'x' }, nowMs)).toBe('subject = "mesh"')
  expect(filterText({ kind: 'keys', filter: 'id > 3' }, nowMs)).toBe('id > 3')
})

test('whatever is written stays a text', () => {
  expect(filterText({ actor: 'a" OR id > 0 OR actor = "\\' }, nowMs)).toBe(
    'actor = "a\\" OR id > 0 OR actor = \\"\\\\"',
  )
  expect(filterText({ name: 'a*b"' }, nowMs)).toBe('subject = "instances/ab\\"*"')
})

test('a change that happens is judged as the server would; a filter written by hand only the server can judge', () => {
  const change = { actor: 'users/1', action: 'instance.drained', subject: 'instances/users-2' }
  expect(isWanted({}, change)).toBe(true)
  expect(isWanted({ kind: 'instances', name: 'users' }, change)).toBe(true)
  expect(isWanted({ kind: 'services' }, change)).toBe(false)
  expect(isWanted({ action: 'instance.' }, change)).toBe(true)
  expect(isWanted({ action: 'instance.health' }, change)).toBe(false)
  expect(isWanted({ actor: 'console' }, change)).toBe(false)
  expect(isWanted({ filter: 'id > 3' }, change)).toBeUndefined()
})
