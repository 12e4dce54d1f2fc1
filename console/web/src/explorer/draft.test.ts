import { createFileRegistry, type JsonObject } from '@bufbuild/protobuf'
import { describe, expect, test } from 'vitest'
import { fieldValue, formIssues, withValue } from './draft.ts'
import { emptyValue } from './field-facts.ts'
import { kindsContract } from './kinds-fixture.ts'

const registry = createFileRegistry(kindsContract())
const request = registry.getMessage('site11.kinds.v1.KindsRequest')
if (!request) throw new Error('The fixture has no request.')
const issuesOf = (json: JsonObject) =>
  formIssues(request, json, registry).map(({ path, expected }) => [path, expected?.kind])

describe('what is wrong in form', () => {
  test('is nothing in a request with every kind of field', () => {
    const json: JsonObject = {
      text: 'a',
      amount: -3,
      large: '9223372036854775807',
      ratio: 1.5,
      flag: true,
      data: 'AQID',
      colour: 'COLOUR_RED',
      words: ['a', ''],
      counts: { a: 1 },
      inner: { inner: { text: 'deep' } },
      inners: [{}, { flag: true }],
      byNumber: 0,
      maybe: false,
      time: '2026-01-01T00:00:00Z',
      duration: '1.5s',
      mask: 'text,byText',
      wrapped: '',
      wrappedNumber: '5',
      free: { a: [1, null] },
      value: null,
      any: { '@type': 'type.googleapis.com/site11.kinds.v1.KindsRequest', text: 'x' },
    }
    expect(issuesOf(json)).toEqual([])
  })

  test.each<[JsonObject, string, string]>([
    [{ amount: 1.5 }, 'amount', 'type'],
    [{ amount: 3_000_000_000 }, 'amount', 'type'],
    [{ large: 'much' }, 'large', 'type'],
    [{ text: 1 }, 'text', 'type'],
    [{ data: '%%' }, 'data', 'type'],
    [{ colour: 'COLOUR_GREEN' }, 'colour', 'type'],
    [{ words: 'a' }, 'words', 'type'],
    [{ words: ['a', 2] }, 'words[1]', 'type'],
    [{ counts: { a: 'x' } }, 'counts["a"]', 'type'],
    [{ inner: [] }, 'inner', 'type'],
    [{ inner: { inners: [{ amount: 'x' }] } }, 'inner.inners[0].amount', 'type'],
    [{ time: 'yesterday' }, 'time', 'type'],
    [{ duration: '5 minutes' }, 'duration', 'type'],
    [{ any: { '@type': 'nothing.Known' } }, 'any', 'type'],
    [{ inner: { nothing: 1 } }, 'inner.nothing', 'unknown'],
  ])('is said at its place: %j', (json, path, kind) => {
    expect(issuesOf(json)).toEqual([[path, kind]])
  })

  test('is said of both members of a oneof', () => {
    expect(issuesOf({ byText: 'a', byNumber: 1 })).toEqual([
      ['by_text', 'oneof'],
      ['by_number', 'oneof'],
    ])
  })
})

test('what was just added has the right form, whatever its kind', () => {
  for (const field of request.fields.filter(({ fieldKind }) => fieldKind !== 'list' && fieldKind !== 'map')) {
    const json = { [field.jsonName]: emptyValue(field) }
    expect(formIssues(request, json, registry), field.name).toEqual([])
  }
})

describe('setting a field', () => {
  const [byText, byNumber] = ['by_text', 'by_number'].map(name => request.fields.find(field => field.name === name))
  if (!byText || !byNumber) throw new Error('The fixture has no oneof.')

  test('takes the place of the other members of its oneof', () => {
    expect(withValue({ text: 'a', byText: 'x' }, byNumber, 1)).toEqual({ text: 'a', byNumber: 1 })
  })

  test('keeps the name that it has already', () => {
    expect(withValue({ by_text: 'x' }, byText, 'y')).toEqual({ by_text: 'y' })
    expect(fieldValue({ by_text: 'x' }, byText)).toBe('x')
  })

  test('to nothing takes it away', () => {
    expect(withValue({ text: 'a', byText: 'x' }, byText, undefined)).toEqual({ text: 'a' })
  })
})
