import { expect, test } from 'vitest'
import { opensPalette, paletteKeys, plainKey } from './keys.ts'

const stroke = (key: string, code: string, more = {}) => ({
  key,
  code,
  altKey: false,
  ctrlKey: false,
  metaKey: false,
  shiftKey: false,
  ...more,
})

test('a letter is known by its key, and by its place while Korean is typed', () => {
  expect(plainKey(stroke('g', 'KeyG'))).toBe('g')
  expect(plainKey(stroke('ㅎ', 'KeyG'))).toBe('g')
  expect(plainKey(stroke('Process', 'KeyG'))).toBe('g')
  // Where the keyboard has other letters, the letter counts.
  expect(plainKey(stroke('j', 'KeyC'))).toBe('j')
})

test('with Ctrl, Alt or Meta it is another key', () => {
  for (const modifier of ['ctrlKey', 'altKey', 'metaKey'])
    expect(plainKey(stroke('g', 'KeyG', { [modifier]: true }))).toBeUndefined()
  expect(plainKey(stroke('G', 'KeyG', { shiftKey: true }))).toBeUndefined()
})

test('question mark and slash are known whatever keys they need', () => {
  expect(plainKey(stroke('?', 'Minus', { shiftKey: true }))).toBe('?')
  expect(plainKey(stroke('/', 'Digit7', { shiftKey: true }))).toBe('/')
})

test('the palette opens with Ctrl K or Cmd K in every language', () => {
  expect(opensPalette(stroke('k', 'KeyK', { ctrlKey: true }))).toBe(true)
  expect(opensPalette(stroke('ㅏ', 'KeyK', { metaKey: true }))).toBe(true)
  expect(opensPalette(stroke('k', 'KeyK'))).toBe(false)
  expect(opensPalette(stroke('K', 'KeyK', { ctrlKey: true, shiftKey: true }))).toBe(false)
  expect([paletteKeys('MacIntel'), paletteKeys('Linux x86_64')]).toEqual(['⌘K', 'Ctrl K'])
})
