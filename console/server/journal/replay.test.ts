import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  applyChange,
  changedFields,
  differing,
  type Fields,
  pack,
  type Subjects,
  unpack,
  type Value,
} from './replay.ts'

const value: fc.Arbitrary<Value> = fc.oneof(
  fc.string(),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.boolean(),
  fc.date({ noInvalidDate: true }),
)
const fields: fc.Arbitrary<Fields> = fc.dictionary(fc.constantFrom('a', 'b', 'c', '__proto__x'), value)
const subject = fc.constantFrom('instances/a-1', 'services/a', 'keys/x')

test('playing random changes in order gives the state that made them, whenever it is packed on the way', () => {
  const action = fc.record({ subject, next: fc.option(fields, { nil: undefined }), packed: fc.boolean() })
  fc.assert(
    fc.property(fc.array(action, { maxLength: 40 }), actions => {
      const made = new Map<string, Fields>()
      let played: Subjects = new Map()
      for (const { subject, next, packed } of actions) {
        applyChange(played, { subject, fields: changedFields(made.get(subject), next) })
        if (next && Object.keys(next).length > 0) made.set(subject, next)
        else made.delete(subject)
        if (packed) played = unpack(pack(played))
        expect(differing(played, made)).toEqual([])
        expect([...played.keys()].sort()).toEqual([...made.keys()].sort())
      }
    }),
  )
})

test('what differs is sorted by field, with what was and what is', () => {
  expect(changedFields({ b: 1, c: 'same', d: new Date(5) }, { c: 'same', b: 2, a: true, d: new Date(5) })).toEqual([
    { field: 'a', after: true },
    { field: 'b', before: 1, after: 2 },
  ])
  expect(changedFields({ a: 1 }, undefined)).toEqual([{ field: 'a', before: 1 }])
})

test.each<[string, Value, Value | undefined]>([
  ['a text that is no proper Unicode', 'a\ud800', 'a\ufffd'],
  ['a very long text', 'x'.repeat(10_000), 'x'.repeat(4000)],
  ['no number', Number.NaN, undefined],
  ['no number either', Number.POSITIVE_INFINITY, undefined],
  ['no time', new Date(Number.NaN), undefined],
])('%s is put down so that it comes back as it is put down', (_, given, stored) => {
  expect(changedFields({}, { field: given })).toEqual(stored === undefined ? [] : [{ field: 'field', after: stored }])
})
