import fc from 'fast-check'
import { expect, test } from 'vitest'
import { orderOf, requestFrom, usersSearch } from './search.ts'

test('what is not understood is dropped', () => {
  expect(usersSearch({ search: '', filter: '  ', deleted: 'yes', order: 'shoe_size desc', other: 1 })).toEqual({})
})

test('a search for digits is text, although the URL parses it as a number', () => {
  expect(usersSearch({ search: 2024 })).toEqual({ search: '2024' })
})

test('the default order needs no words', () => {
  expect(usersSearch({ order: 'create_time desc' })).toEqual({})
  expect(orderOf({})).toEqual({ field: 'create_time', descending: true })
  expect(orderOf({ order: 'email' })).toEqual({ field: 'email', descending: false })
})

test('an understood search is understood again', () => {
  fc.assert(
    fc.property(
      fc.dictionary(
        fc.constantFrom('search', 'filter', 'deleted', 'order'),
        fc.oneof(fc.anything(), fc.constant('email desc')),
      ),
      search => {
        const understood = usersSearch(search)
        expect(usersSearch({ ...understood })).toEqual(understood)
      },
    ),
  )
})

test('the request mirrors the filter', () => {
  const search = { search: 'ㄱㅊㅅ', filter: 'state = DISABLED', deleted: true, order: 'display_name' } as const
  expect(requestFrom(search)).toMatchObject({
    search: 'ㄱㅊㅅ',
    filter: 'state = DISABLED',
    orderBy: 'display_name',
    showDeleted: true,
  })
  expect(requestFrom({}, 'next')).toMatchObject({ search: '', filter: '', orderBy: '', pageToken: 'next' })
})
