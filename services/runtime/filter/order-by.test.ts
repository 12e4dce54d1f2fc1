import { expect, test } from 'vitest'
import { parseOrderBy } from './order-by.ts'

const fields = { create_time: 'createTime', email: 'email' }
const otherwise = { path: 'createTime', direction: -1 } as const

test.each([
  ['', otherwise],
  ['  ', otherwise],
  ['email', { path: 'email', direction: 1 }],
  ['email asc', { path: 'email', direction: 1 }],
  [' create_time   desc ', { path: 'createTime', direction: -1 }],
])('%j is an order', (orderBy, order) => {
  expect(parseOrderBy(orderBy, fields, otherwise)).toEqual(order)
})

test.each([
  'password',
  'createTime',
  'email up',
  'email DESC',
  'email desc desc',
  'email, create_time',
  'constructor',
  'desc',
])('%j is refused', orderBy => {
  const refused = expect.objectContaining({ code: 3, details: expect.objectContaining({ reason: 'INVALID_ORDER' }) })
  expect(() => parseOrderBy(orderBy, fields, otherwise)).toThrow(refused)
})
