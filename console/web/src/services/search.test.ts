import fc from 'fast-check'
import { expect, test } from 'vitest'
import { serviceSearch, servicesSearch } from './search.ts'

test('what is not understood is dropped, and what is the default is not said', () => {
  const given = { search: '', show: 'gone', order: 'name', desc: 'yes', open: 'users', tab: 'state', other: 1 }
  expect(servicesSearch(given)).toEqual({})
  expect(serviceSearch({ range: '15m', tab: 'nothing' })).toEqual({})
})

test('an instance may be named by digits', () => {
  expect(servicesSearch({ instance: 7, search: 2024, open: ['users', 1] })).toEqual({
    instance: '7',
    search: '2024',
    open: ['users'],
  })
})

test('an understood search is understood again', () => {
  const names = fc.constantFrom('search', 'show', 'order', 'desc', 'open', 'instance', 'tab', 'range')
  fc.assert(
    fc.property(fc.dictionary(names, fc.anything()), search => {
      const understood = servicesSearch(search)
      expect(servicesSearch({ ...understood })).toEqual(understood)
    }),
  )
})
