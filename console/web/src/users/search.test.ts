import fc from 'fast-check'
import { expect, test } from 'vitest'
import { requestFrom, usersSearch } from './search.ts'

test('what is not understood is dropped', () => {
  expect(usersSearch({ search: '', state: 'gone', deleted: 'yes', order: 3, other: 1 })).toEqual({})
})

test('a search for digits is text, although the URL parses it as a number', () => {
  expect(usersSearch({ search: 2024 })).toEqual({ search: '2024' })
})

test('an understood search is understood again', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom('search', 'state', 'deleted', 'order'), fc.anything()), search => {
      const understood = usersSearch(search)
      expect(usersSearch({ ...understood })).toEqual(understood)
    }),
  )
})

test('the request mirrors the filter', () => {
  expect(requestFrom({ search: 'ㄱㅊㅅ', state: 'disabled', deleted: true, order: 'name' })).toMatchObject({
    search: 'ㄱㅊㅅ',
    filter: 'state = DISABLED',
    orderBy: 'display_name',
    showDeleted: true,
  })
  expect(requestFrom({})).toMatchObject({ search: '', filter: '', orderBy: '', showDeleted: false })
})
