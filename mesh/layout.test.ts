import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import { table, wrap } from './layout.ts'

test('text is broken between words, and a word longer than a line has a line of its own', () => {
  expect(wrap('one two three aVeryLongWordIndeed four', 12, '  ', '> ').split('\n')).toEqual([
    '> one two',
    '  three',
    '  aVeryLongWordIndeed',
    '  four',
  ])
  expect(wrap('', 10, '  ')).toBe('  ')
})

test('columns are as wide as what is in them, without blanks at the end of lines', () => {
  const lines = table(
    ['NAME', 'STATE'],
    [
      [{ text: 'users-1' }, { text: '● healthy', style: 'green' }],
      [{ text: 'x', style: 'red' }, { text: '' }],
    ],
  )
  expect(lines.map(stripVTControlCharacters)).toEqual(['NAME     STATE', 'users-1  ● healthy', 'x'])
})
