import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fit } from './match.ts'

test('English is found by beginnings, parts and, at last, by letters in order', () => {
  expect(fit('top', 'Topology')).toBeGreaterThan(fit('top', 'Laptops'))
  expect(fit('users 2', 'Drain users-2')).toBeGreaterThan(0)
  expect(fit('lstusr', 'ListUsers')).toBeGreaterThan(0)
  expect(fit('xyz', 'Topology')).toBe(0)
})

test('Korean is found by initial consonants, also when the keyboard has joined them', () => {
  expect(fit('ㅅㅂㅅ', '서비스')).toBeGreaterThan(0)
  expect(fit('ㄱㅊㅅ', '김철수')).toBeGreaterThan(0)
  expect(fit('ㄳ', '검색')).toBeGreaterThan(0)
  expect(fit('ㅊㅅ', '김철수')).toBeGreaterThan(0)
  expect(fit('ㅎㅎ', '김철수')).toBe(0)
})

test('a syllable that is still being written finds what it will be', () => {
  for (const typed of ['ㅅ', '서', '섭', '서비', '서빗', '서비스'])
    expect(fit(typed, '서비스'), typed).toBeGreaterThan(0)
})

test('every word must be found, in the title or in the other words', () => {
  expect(fit('drain users', 'users-2', 'Drain')).toBeGreaterThan(0)
  expect(fit('drain images', 'users-2', 'Drain')).toBe(0)
  expect(fit('users', 'users-2')).toBeGreaterThan(fit('users', 'Something', 'users'))
})

test('every part of a text finds it', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '-', '가', '닭', '서', '1'), minLength: 1, maxLength: 12 })
  fc.assert(
    fc.property(text, fc.nat(11), fc.nat(11), (whole, a, b) => {
      const part = whole.slice(Math.min(a, b), Math.max(a, b) + 1)
      expect(fit(part, whole)).toBeGreaterThan(0)
    }),
  )
})
