import fc from 'fast-check'
import { expect, test } from 'vitest'
import { safeTarget } from './target.ts'

test('a path of this site is kept with its search', () => {
  expect(safeTarget('/users?search=%EA%B9%80#x')).toBe('/users?search=%EA%B9%80#x')
})

test.each([
  '//evil.example',
  '/\\evil.example',
  '/\t/evil.example',
  'https://evil.example',
  'javascript:alert(1)',
  '',
  'users',
])('anything else leads to the start: %j', target => {
  expect(safeTarget(target)).toBe('/')
})

test('whatever comes in, what goes out stays on this site', () => {
  fc.assert(
    fc.property(fc.string(), text => {
      expect(new URL(safeTarget(`/${text}`), 'http://site').origin).toBe('http://site')
    }),
  )
})
