import type { JsonValue } from '@bufbuild/protobuf'
import { assert, constantFrom, json, property, string, stringMatching } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { lineOf, parseJson, placeKey } from './json-text.ts'

const read = (text: string) => {
  try {
    return { value: JSON.parse(text) as JsonValue }
  } catch {
    return undefined
  }
}

describe('JSON as it is typed', () => {
  test('is read as JSON.parse reads it', () => {
    assert(
      property(json(), constantFrom(0, 1, 2), (text, indent) => {
        const pretty = JSON.stringify(JSON.parse(text), undefined, indent)
        const parsed = parseJson(pretty)
        expect('value' in parsed && parsed.value).toEqual(JSON.parse(text))
      }),
    )
  })

  test('is no JSON where JSON.parse says so', () => {
    const text = stringMatching(/^[[\]{}",:0-9a-ftrue\\.\-+ \n]{0,12}$/)
    assert(
      property(text, each => {
        expect('value' in parseJson(each)).toBe(read(each) !== undefined)
      }),
      { numRuns: 2_000 },
    )
    assert(
      property(string(), each => {
        expect('value' in parseJson(each)).toBe(read(each) !== undefined)
      }),
    )
  })

  test('tells where each value stands', () => {
    const text = '{\n  "user": {"email": 1},\n  "ids": ["a", "b"]\n}'
    const parsed = parseJson(text)
    if (!('places' in parsed)) throw new Error('not read')
    const at = (...way: (string | number)[]) => {
      const place = parsed.places.get(placeKey(way))
      return place && [text.slice(place.from, place.to), lineOf(text, place.from)]
    }
    expect(at('user', 'email')).toEqual(['1', 2])
    expect(at('ids', 1)).toEqual(['"b"', 3])
  })

  test.each([
    ['{\n"a": 1,\n}', 3],
    ['{"a" 1}', 1],
    ['[1,\n2', 2],
    ['', 1],
    ['{} {}', 1],
  ])('tells on which line %j stops being JSON', (text, line) => {
    const parsed = parseJson(text)
    expect('fault' in parsed && lineOf(text, parsed.fault.from)).toBe(line)
  })

  test('is not read without end', () => {
    expect('fault' in parseJson('['.repeat(100_000))).toBe(true)
  })
})
