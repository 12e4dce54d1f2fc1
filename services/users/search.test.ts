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

  test('finds everybody by nothing', () => {
    expect(searchPrefixes('  ')).toEqual([])
  })

  test('keeps the tokens of the longest name few', () => {
    expect(searchTokens('a@b.co', '가'.repeat(100)).length).toBeLessThan(10)
    expect(searchTokens('a@b.co', '가나다라마바사아자차 '.repeat(9)).length).toBeLessThan(50)
  })
})
