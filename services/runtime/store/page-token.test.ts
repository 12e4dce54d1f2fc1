import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createPageTokens } from './page-token.ts'

const refused = expect.objectContaining({ code: 3, details: expect.objectContaining({ reason: 'INVALID_PAGE_TOKEN' }) })
const tokens = createPageTokens('a secret of the mesh')
const place = { value: 'minji@example.com', id: '018f' }
const list = ['users', { path: 'email', direction: 1 }, { filter: 'state = ACTIVE' }]

test.each(['minji@example.com', '', null, 12.5, true, new Date(0)])(
  'A place with %j comes back from its token',
  value => {
    const token = tokens.seal({ value, id: 'a' }, list)
    expect(tokens.open(token, list)).toEqual({ value, id: 'a' })
    expect(createPageTokens('a secret of the mesh').open(token, list)).toEqual({ value, id: 'a' })
  },
)

test('A token shows nothing of what is in it, and is never the same twice', () => {
  const token = tokens.seal(place, list)
  expect(Buffer.from(token, 'base64url').includes('minji')).toBe(false)
  expect(tokens.seal(place, list)).not.toBe(token)
  expect(token).toMatch(/^[\w-]+$/)
})

test('A token of another list or of another secret is refused', () => {
  const token = tokens.seal(place, list)
  expect(() => tokens.open(token, ['users', { path: 'email', direction: -1 }, list[2]])).toThrow(refused)
  expect(() => tokens.open(token, [list[0], list[1], { filter: '' }])).toThrow(refused)
  expect(() => createPageTokens('another secret').open(token, list)).toThrow(refused)
})

test('A token with any character changed, or cut off, is refused', () => {
  const token = tokens.seal(place, list)
  const alphabet = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_']
  fc.assert(
    fc.property(fc.nat(token.length - 1), fc.constantFrom(...alphabet), (at, character) => {
      fc.pre(token[at] !== character)
      expect(() => tokens.open(token.slice(0, at) + character + token.slice(at + 1), list)).toThrow(refused)
      expect(() => tokens.open(token.slice(0, at), list)).toThrow(refused)
    }),
  )
})

test('No text is taken for a token', () => {
  fc.assert(
    fc.property(fc.string(), text => {
      expect(() => tokens.open(text, list)).toThrow(refused)
    }),
  )
})
