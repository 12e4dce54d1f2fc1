import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ServiceError } from '../errors.ts'
import { type Expression, parseFilter } from './parse.ts'
import { comparison, filters } from './test-trees.ts'

const invalid = expect.objectContaining({ code: 3, details: expect.objectContaining({ reason: 'INVALID_FILTER' }) })

/** The tree as text, with every pair of parentheses. */
function shape(tree: Expression | undefined): string {
  if (!tree) return ''
  if (tree.kind === 'comparison') return `${tree.field}${tree.comparator}${tree.value.text}`
  if (tree.kind === 'not') return `!${shape(tree.part)}`
  return `(${tree.parts.map(shape).join(tree.kind === 'and' ? '&' : '|')})`
}

function withoutPlaces(tree: Expression): Expression {
  if (tree.kind === 'comparison') return { ...tree, fieldAt: 0, valueAt: 0 }
  if (tree.kind === 'not') return { ...tree, part: withoutPlaces(tree.part) }
  return { ...tree, parts: tree.parts.map(withoutPlaces) }
}

test.each([
  ['', ''],
  ['  \n ', ''],
  ['a=1', 'a=1'],
  ['a = 1 AND b != 2', '(a=1&b!=2)'],
  ['a=1 b=2', '(a=1&b=2)'],
  ['a=1 AND b=2 OR c=3', '(a=1&(b=2|c=3))'],
  ['a=1 OR b=2 AND c=3', '((a=1|b=2)&c=3)'],
  ['a=1 b=2 OR c=3 AND d=4', '(a=1&(b=2|c=3)&d=4)'],
  ['(a=1 AND b=2) OR c=3', '((a=1&b=2)|c=3)'],
  ['NOT a=1 OR -b=2', '(!a=1|!b=2)'],
  ['-(a=1 b=2)', '!(a=1&b=2)'],
  ['NOT(a=1)', '!a=1'],
  ['((a=1))', 'a=1'],
  ['profile.company : x', 'profile.company:x'],
  ['a>=-5', 'a>=-5'],
  ['at>2026-01-31T09:30:00+09:00', 'at>2026-01-31T09:30:00+09:00'],
  ['at <= 2026-01-31T09:30:00.5Z AND a=1', '(at<=2026-01-31T09:30:00.5Z&a=1)'],
  ['a = "say \\"hi\\" \\\\ OR b = 1"', 'a=say "hi" \\ OR b = 1'],
  ['a = \'한글 "x"\'', 'a=한글 "x"'],
  ['a = "AND"', 'a=AND'],
])('%j is read as %j', (filter, tree) => {
  expect(shape(parseFilter(filter))).toBe(tree)
})

test.each([
  ['a=*', '', true, true],
  ['a="*"', '', true, true],
  ['a=foo*', 'foo', false, true],
  ['a="*.foo"', '.foo', true, false],
  ['a="\\*"', '*', false, false],
  ['a="foo\\**"', 'foo*', false, true],
])('The stars of %s are told from its text', (filter, text, before, after) => {
  expect(parseFilter(filter)).toMatchObject({ value: { text, wildcard: { before, after } } })
})

test.each([
  ['a', 2],
  ['a =', 4],
  ['a = AND', 5],
  ['= 1', 1],
  ['a = 1 AND', 10],
  ['a = 1 OR OR b = 2', 10],
  ['AND a = 1', 1],
  ['(a = 1', 7],
  ['a = 1)', 6],
  ['()', 2],
  ['NOT', 4],
  ['a = "open', 5],
  ['a = 1,2', 6],
  ['f(x) = 1', 2],
  ['a = (b)', 5],
  ['a ! 1', 3],
  ['a = f*o', 5],
  ['a = "x\0"', 7],
])('%j is refused, and the place named', (filter, character) => {
  expect(() => parseFilter(filter)).toThrow(invalid)
  expect(() => parseFilter(filter)).toThrow(`at character ${character}:`)
})

test('What is too long, too deep or too much is refused', () => {
  expect(parseFilter(`a="${'x'.repeat(1990)}"`)).toBeDefined()
  expect(() => parseFilter(`a="${'x'.repeat(2000)}"`)).toThrow(invalid)
  expect(parseFilter(`${'('.repeat(20)}a=1${')'.repeat(20)}`)).toBeDefined()
  expect(() => parseFilter(`${'('.repeat(21)}a=1${')'.repeat(21)}`)).toThrow(invalid)
  expect(parseFilter('a=1 '.repeat(100))).toBeDefined()
  expect(() => parseFilter('a=1 '.repeat(101))).toThrow(invalid)
})

const word = fc.stringMatching(/^[A-Za-z0-9_.@가-힣*\\"' ()-]{0,12}$/)
const wildcard = fc.constantFrom('none', 'before', 'after', 'any')
const comparisons = fc
  .tuple(fc.constantFrom('a', 'b.c', 'state'), fc.constantFrom('=', '!=', '<', '<=', '>', '>=', ':'), word, wildcard)
  .chain(([field, comparator, text, wild]) => {
    const stars = text === '' && wild !== 'none' ? 'any' : wild
    return comparison(field, comparator, stars === 'any' ? '' : text, stars)
  })

test('Whatever a tree is written as, it is read as the tree', () => {
  fc.assert(
    fc.property(filters(comparisons), ({ tree, text }) => {
      fc.pre(text.length <= 2000)
      const read = parseFilter(text)
      expect(read && withoutPlaces(read)).toEqual(tree)
    }),
    { numRuns: 1000 },
  )
})

test('No text does anything but give a tree or be refused as a filter', () => {
  const piece = fc.constantFrom(
    'a',
    '=',
    '!=',
    ':',
    '(',
    ')',
    ' ',
    'AND',
    'OR',
    'NOT',
    '-',
    '"',
    "'",
    '\\',
    '*',
    ',',
    '1',
    '\0',
    '가',
  )
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(piece, { maxLength: 30 }).map(pieces => pieces.join('')),
  )
  fc.assert(
    fc.property(text, text => {
      try {
        parseFilter(text)
      } catch (error) {
        expect(error).toBeInstanceOf(ServiceError)
        expect(error).toEqual(invalid)
      }
    }),
    { numRuns: 1000 },
  )
})
