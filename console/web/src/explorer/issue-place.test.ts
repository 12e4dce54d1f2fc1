import { expect, test } from 'vitest'
import { wayOf } from './issue-place.ts'

const json = { user: { displayName: 'x', profile: { 'a.b': 'c' } }, page_size: 1, ids: ['a', 'b'], by: { 1: 'x' } }

test.each([
  ['user.display_name', ['user', 'displayName']],
  ['page_size', ['page_size']],
  ['ids[1]', ['ids', 1]],
  ['user.profile["a.b"]', ['user', 'profile', 'a.b']],
  ['user.profile["a.b"]#key', ['user', 'profile', 'a.b']],
  ['by[1]', ['by', '1']],
  ['user.email', ['user']],
  ['', []],
])('%s is found in the JSON', (path, way) => {
  expect(wayOf(json, path)).toEqual(way)
})
