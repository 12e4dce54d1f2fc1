import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Choices, choicesOf, filterOf, roles, states } from './filter.ts'

test.each<[string, Choices]>([
  ['', { rest: [] }],
  ['state = DISABLED', { state: 'DISABLED', rest: [] }],
  [
    'roles:admin AND email_verified=false AND create_time > "2026-01-01T00:00:00Z"',
    { role: 'admin', verified: false, createdAfter: '2026-01-01T00:00:00Z', rest: [] },
  ],
  ['state = ACTIVE AND locale = "ko-KR"', { state: 'ACTIVE', rest: ['locale = "ko-KR"'] }],
  ['state = ACTIVE OR roles:admin', { rest: ['state = ACTIVE OR roles:admin'] }],
  ['(state = ACTIVE AND roles:admin)', { rest: ['(state = ACTIVE AND roles:admin)'] }],
  ['display_name = "a AND \\" AND b" AND roles:user', { role: 'user', rest: ['display_name = "a AND \\" AND b"'] }],
  ['state = ACTIVE AND state = DISABLED', { state: 'ACTIVE', rest: ['state = DISABLED'] }],
  ['NOT state = ACTIVE', { rest: ['NOT state = ACTIVE'] }],
  ['state = GONE', { rest: ['state = GONE'] }],
])('%s', (filter, choices) => {
  expect(choicesOf(filter)).toEqual(choices)
})

test('choices come back from the filter that they make', () => {
  const choices = fc.record(
    {
      state: fc.constantFrom(...states),
      role: fc.constantFrom(...roles),
      verified: fc.boolean(),
      createdAfter: fc.constant('2026-01-01T00:00:00.000Z'),
      rest: fc.subarray(['locale = "ko"', 'email:"a AND b"', '(a OR b AND c)']),
    },
    { requiredKeys: ['rest'] },
  )
  fc.assert(
    fc.property(choices, made => {
      expect(choicesOf(filterOf(made))).toEqual(made)
    }),
  )
})

test('any text is one filter, however often it is taken apart', () => {
  const text = fc
    .array(fc.constantFrom('state = ACTIVE', ' AND ', '(', ')', '"', '\\', 'x', 'roles:admin'))
    .map(all => all.join(''))
  fc.assert(
    fc.property(text, filter => {
      const once = filterOf(choicesOf(filter))
      expect(filterOf(choicesOf(once))).toBe(once)
    }),
  )
})
