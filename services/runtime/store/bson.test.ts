import fc from 'fast-check'
import { BSON, Long, ObjectId, UUID } from 'mongodb'
import { expect, test } from 'vitest'
import { decodeDocument } from './bson.ts'

const known = fc.letrec(tie => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: 'grapheme' }),
    fc.double(),
    fc.maxSafeInteger(),
    fc.integer(),
    fc.boolean(),
    fc.date(),
    fc.constant(null),
    fc.maxSafeInteger().map(Long.fromNumber),
    tie('list'),
    tie('document'),
  ),
  list: fc.array(tie('value'), { maxLength: 5 }),
  document: fc.dictionary(fieldName(), tie('value'), { maxKeys: 6 }),
}))

function fieldName() {
  const text = fc.string({ unit: 'grapheme', minLength: 1 })
  return fc
    .oneof(fc.constantFrom('_id', 'email', '__proto__', 'Ã©', 'é', 'constructor'), text)
    .filter(name => !/[\0$]/.test(name))
}

test('Every document of known types is decoded as the driver decodes it', () => {
  fc.assert(
    fc.property(known.document, document => {
      const bytes = BSON.serialize(document as object)
      expect(decodeDocument(bytes)).toEqual(BSON.deserialize(bytes))
    }),
    { numRuns: 500 },
  )
})

test('A document with another type is decoded by the driver', () => {
  const document = {
    a: 'x',
    id: new ObjectId(),
    nested: [{ uuid: new UUID() }],
    big: Long.MAX_VALUE,
    bytes: Buffer.from('abc'),
  }
  const bytes = BSON.serialize(document)
  expect(decodeDocument(bytes)).toEqual(BSON.deserialize(bytes))
})

test('A field named __proto__ is a field like others', () => {
  const document = decodeDocument(BSON.serialize(JSON.parse('{"__proto__": {"admin": true}}')))
  expect(Object.keys(document)).toEqual(['__proto__'])
  expect(Object.getPrototypeOf(document)).toBe(Object.prototype)
})
