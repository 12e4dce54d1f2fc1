import { expect, test } from 'vitest'
import { explorerSearch } from './search.ts'

test('an address that was shared is understood', () => {
  const search = { method: 'a.B/C', tab: 'reference', view: 'json', request: { id: 'x' }, find: 'users' }
  expect(explorerSearch(search)).toEqual(search)
})

test.each([
  { method: 1 },
  { method: 'x'.repeat(400) },
  { tab: 'call' },
  { tab: 'nothing' },
  { view: 'form' },
  { request: 'text' },
  { request: [1] },
  { request: null },
  { find: '' },
])('%j is dropped', search => {
  expect(explorerSearch(search)).toEqual({})
})
