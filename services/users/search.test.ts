import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { searchPrefixes, searchTokens } from './search.ts'

/** As the database does it: each prefix begins one of the tokens. */
function finds(typed: string, displayName: string, email = 'kim@example.com'): boolean {
  const tokens = searchTokens(email, displayName)
  return searchPrefixes(typed).every(prefix => tokens.some(token => token.startsWith(prefix)))
}

describe('search', () => {
  test.each([
    ['ㄱㅊㅅ', '김철수'],
    ['ㄱㅊ', '김철수'],
    ['김', '김철수'],
    ['철수', '김철수'],
    ['ㅊㅅ', '김철수'],
    ['ㄱㄳ', '김강수'],
    ['ㄲ', '꽃님'],
    ['ada', 'Ada Lovelace'],
    ['LOVE ada', 'Ada Lovelace'],
    ['김철수'.normalize('NFD'), '김철수'],
    ['김 홍', '김철수 홍보팀'],
    ['KIM@exa', '김철수'],
    ['luc', 'Jean-Luc'],
    ['Jean-Luc', 'Jean-Luc'],
    ['bob', 'Robert (Bob)'],
    ['ㅊㅅ', '김(철수)'],
  ])('finds by %s the user %s', (typed, name) => {
    expect(finds(typed, name)).toBe(true)
  })

  test.each([
    ['ㄱㅅ', '김철수'],
    ['김수', '김철수'],
    ['수철', '김철수'],
    ['da', 'Ada Lovelace'],
    ['ada byron', 'Ada Lovelace'],
    ['example.com', 'Ada Lovelace'],
  ])('does not find by %s the user %s', (typed, name) => {
    expect(finds(typed, name)).toBe(false)
  })

  test('finds every name by the beginning of every word in it', () => {
    const syllable = fc.integer({ min: 0xac00, max: 0xd7a3 }).map(code => String.fromCodePoint(code))
    const word = fc.oneof(fc.string({ unit: 'grapheme', minLength: 1 }), fc.string({ unit: syllable, minLength: 1 }))
    fc.assert(
      fc.property(fc.array(word), fc.nat(), (words, length) => {
        const typed = words.map(each => {
          const characters = [...each.normalize('NFC').toLowerCase()]
          return characters.slice(0, 1 + (length % characters.length)).join('')
        })
        expect(finds(typed.join(' '), words.join(' '))).toBe(true)
      }),
    )
  })

  test('finds everybody by nothing', () => {
    expect(searchPrefixes('  ')).toEqual([])
  })

  test('keeps the tokens of the longest name few', () => {
    expect(searchTokens('a@b.co', '가'.repeat(100)).length).toBeLessThan(10)
    expect(searchTokens('a@b.co', '가나다라마바사아자차 '.repeat(9)).length).toBeLessThan(50)
  })
})
