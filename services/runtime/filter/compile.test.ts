import fc from 'fast-check'
import type { Collection, Document } from 'mongodb'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ServiceError } from '../errors.ts'
import { storeForTests } from '../store/test-mongod.ts'
import { compileFilter, type FieldTable } from './compile.ts'
import type { Comparator, Expression, Value } from './parse.ts'
import { comparison, filters } from './test-trees.ts'

const fields: FieldTable = {
  name: { type: 'string', path: 'displayName' },
  email: { type: 'string', path: 'email', normalize: text => text.toLowerCase() },
  age: { type: 'number', path: 'facts.age' },
  verified: { type: 'bool', path: 'verified' },
  seen: { type: 'timestamp', path: 'seenTime' },
  state: { type: 'enum', path: 'state', values: { ACTIVE: 'on', DISABLED: 'off' } },
  mood: { type: 'enum', conditions: { GOOD: { $or: [{ mood: 1 }, { mood: 2 }] }, BAD: { mood: 3 } } },
  roles: { type: 'string[]', path: 'roles' },
}

const invalid = expect.objectContaining({ code: 3, details: expect.objectContaining({ reason: 'INVALID_FILTER' }) })

let database: Awaited<ReturnType<typeof storeForTests>>
let people: Collection<Document & { _id: number }>

beforeAll(async () => {
  database = await storeForTests()
  people = database.store.db.collection('people')
})

afterAll(async () => {
  await database?.stop()
})

test.each([
  ['', {}],
  ['name = Kim', { displayName: { $eq: 'Kim' } }],
  ['email != Kim@Example.com', { email: { $ne: 'kim@example.com' } }],
  ['name = "a.c*"', { displayName: { $regex: '^a\\.c' } }],
  ['name != "*.c"', { displayName: { $not: { $regex: '\\.c\\z' } } }],
  ['name = "$where"', { displayName: { $eq: '$where' } }],
  ['age >= -1.5e3', { 'facts.age': { $gte: -1500 } }],
  ['verified = true', { verified: { $eq: true } }],
  ['seen < 2026-01-31T09:00:00+09:00', { seenTime: { $lt: new Date('2026-01-31T00:00:00Z') } }],
  ['seen > "2026-01-31t00:00:00.25z"', { seenTime: { $gt: new Date('2026-01-31T00:00:00.250Z') } }],
  ['state = ACTIVE', { state: { $eq: 'on' } }],
  ['state != ACTIVE', { $nor: [{ state: { $eq: 'on' } }] }],
  ['mood = GOOD', { $or: [{ mood: 1 }, { mood: 2 }] }],
  ['mood != BAD', { $nor: [{ mood: 3 }] }],
  ['roles:admin', { roles: { $eq: 'admin' } }],
  ['roles:*', { 'roles.0': { $exists: true } }],
  ['name:*', { displayName: { $nin: [null, ''] } }],
  ['-seen:*', { $nor: [{ seenTime: { $ne: null } }] }],
])('%j becomes a filter of the database', (filter, compiled) => {
  expect(compileFilter(filter, fields)).toEqual(compiled)
})

test.each([
  ['password = x', 'password is not one of the fields name, email, age, verified, seen, state, mood, roles'],
  ['displayName = x', 'displayName is not one of'],
  ['constructor = x', 'constructor is not one of'],
  ['__proto__ = x', '__proto__ is not one of'],
  ['name = x AND $where = "1"', 'at character 14: $where is not one of'],
  ['age = young', 'at character 7: age is a number'],
  ['age = 0x10', 'age is a number'],
  ['age = 1e999', 'age is a number'],
  ['age = 1*', 'a * is for = and != on texts'],
  ['verified = yes', 'verified is true or false'],
  ['verified < true', 'verified takes only = !='],
  ['seen > yesterday', 'seen is a time'],
  ['seen > 2026-02-30T00:00:00Z', 'seen is a time'],
  ['seen > 2026-01-31T24:00:00Z', 'seen is a time'],
  ['seen > 2026-01-31T10:00:00', 'seen is a time'],
  ['state = GONE', 'state is one of ACTIVE, DISABLED'],
  ['state = active', 'state is one of ACTIVE, DISABLED'],
  ['state = constructor', 'state is one of ACTIVE, DISABLED'],
  ['state = ACT*', 'state is one of ACTIVE, DISABLED'],
  ['state > ACTIVE', 'state takes only = !='],
  ['mood = UGLY', 'mood is one of GOOD, BAD'],
  ['mood:*', 'mood is compared by = or !='],
  ['roles = admin', 'roles takes only roles:value and roles:*'],
  ['roles:ad*', 'roles: takes a whole value'],
  ['name:Kim', 'name: takes a * only'],
  ['name = "*im*"', 'a * may be at one end'],
  ['name = *', 'a * may be at one end'],
  ['name > K*', 'a * is for = and !='],
])('%j is refused, saying what is allowed', (filter, message) => {
  expect(() => compileFilter(filter, fields)).toThrow(invalid)
  expect(() => compileFilter(filter, fields)).toThrow(message)
})

test('What a caller writes never becomes an operator', () => {
  const operators = new Set([
    '$and',
    '$or',
    '$nor',
    '$not',
    '$eq',
    '$ne',
    '$lt',
    '$lte',
    '$gt',
    '$gte',
    '$nin',
    '$regex',
    '$exists',
  ])
  const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('$where', '$regex', '.*', '^', '(a+)+$', '\\'))
  const written = text.chain(text => comparison('name', '=', text)).chain(({ text: filter }) => fc.constant(filter))
  fc.assert(
    fc.property(written, filter => {
      let compiled: Document
      try {
        compiled = compileFilter(filter, fields)
      } catch (error) {
        expect(error).toBeInstanceOf(ServiceError)
        return
      }
      JSON.stringify(compiled, (key, value) => {
        if (key.startsWith('$')) expect(operators).toContain(key)
        return value
      })
    }),
  )
})

const names = [
  '',
  'Kim',
  'kim',
  'Kim*',
  'K',
  'im',
  'a.c',
  'abc',
  'Kim\n',
  '김철수',
  '김',
  '철수',
  '😀',
  '\u{ffff}',
  '$x',
  '^K',
  'K\\E',
]
const times = ['2026-01-01T00:00:00Z', '2026-01-01T00:00:00.001Z', '1969-12-31T23:59:59Z']
const orAbsent = <T>(value: fc.Arbitrary<T>) => fc.option(fc.option(value, { nil: null }), { nil: undefined })

const documents = fc.array(
  fc.record({
    displayName: orAbsent(fc.constantFrom(...names)),
    email: orAbsent(fc.constantFrom('kim@example.com', 'lee@example.com', '')),
    facts: orAbsent(fc.record({ age: orAbsent(fc.integer({ min: -2, max: 2 })) })),
    verified: orAbsent(fc.boolean()),
    seenTime: orAbsent(fc.constantFrom(...times).map(time => new Date(time))),
    state: orAbsent(fc.constantFrom('on', 'off')),
    mood: orAbsent(fc.integer({ min: 1, max: 4 })),
    roles: orAbsent(fc.array(fc.constantFrom('admin', 'user'), { maxLength: 2 })),
  }),
  { maxLength: 12 },
)

type Wildcard = 'none' | 'before' | 'after' | 'any'
const ordered = fc.constantFrom<Comparator[]>('=', '!=', '<', '<=', '>', '>=')
const equality = fc.constantFrom<Comparator[]>('=', '!=')
const compared = (
  field: string,
  comparators: fc.Arbitrary<Comparator>,
  values: string[],
  wildcards: Wildcard[] = ['none'],
) =>
  fc
    .tuple(comparators, fc.constantFrom(...values), fc.constantFrom(...wildcards))
    .chain(([comparator, value, wildcard]) => comparison(field, comparator, value, wildcard))

const comparisons = fc.oneof(
  compared('name', ordered, names),
  compared('name', equality, names.slice(1), ['before', 'after']),
  compared('email', ordered, ['Kim@Example.com', 'lee@example.com', 'M']),
  compared('age', ordered, ['-1', '0', '1.5', '2e0']),
  compared('verified', equality, ['true', 'false']),
  compared('seen', ordered, [...times, '2026-01-01T09:00:00+09:00']),
  compared('state', equality, ['ACTIVE', 'DISABLED']),
  compared('mood', equality, ['GOOD', 'BAD']),
  compared('roles', fc.constant(':'), ['admin', 'user', 'none']),
  ...['name', 'email', 'age', 'verified', 'seen', 'state', 'roles'].map(field =>
    compared(field, fc.constant(':'), [''], ['any']),
  ),
)

/** What filters mean, said in another way: on the document itself. */
function holds(tree: Expression, document: Document): boolean {
  switch (tree.kind) {
    case 'and':
      return tree.parts.every(part => holds(part, document))
    case 'or':
      return tree.parts.some(part => holds(part, document))
    case 'not':
      return !holds(tree.part, document)
    case 'comparison':
      return compares(tree.field, tree.comparator, tree.value, document)
  }
}

function compares(field: string, comparator: Comparator, { text, wildcard }: Value, document: Document): boolean {
  const actual = {
    name: document.displayName,
    email: document.email,
    age: document.facts?.age,
    verified: document.verified,
    seen: document.seenTime?.getTime(),
    state: { on: 'ACTIVE', off: 'DISABLED' }[document.state as string],
    mood: ['', 'GOOD', 'GOOD', 'BAD', 'OTHER'][document.mood],
    roles: document.roles,
  }[field]
  if (comparator === ':') {
    if (field === 'roles') return wildcard.before ? (actual?.length ?? 0) > 0 : (actual?.includes(text) ?? false)
    return actual !== null && actual !== undefined && actual !== ''
  }
  if (wildcard.before || wildcard.after) {
    const found = typeof actual === 'string' && (wildcard.after ? actual.startsWith(text) : actual.endsWith(text))
    return found === (comparator === '=')
  }
  const readers: Record<string, (text: string) => unknown> = {
    email: text => text.toLowerCase(),
    age: Number,
    verified: text => text === 'true',
    seen: Date.parse,
  }
  const wanted = readers[field]?.(text) ?? text
  if (actual === null || actual === undefined) return comparator === '!='
  const order =
    typeof wanted === 'string'
      ? Buffer.compare(Buffer.from(String(actual)), Buffer.from(wanted))
      : Number(actual) - Number(wanted)
  return { '=': order === 0, '!=': order !== 0, '<': order < 0, '<=': order <= 0, '>': order > 0, '>=': order >= 0 }[
    comparator
  ]
}

test('The database finds what a filter means', async () => {
  await fc.assert(
    fc.asyncProperty(
      documents,
      fc.array(filters(comparisons), { minLength: 1, maxLength: 10 }),
      async (documents, written) => {
        await people.deleteMany({})
        const stored = documents.map((document, _id) => ({ ...document, _id }))
        if (stored.length > 0) await people.insertMany(stored)
        for (const { tree, text } of written) {
          if (text.length > 2000) continue
          const found = await people.find(compileFilter(text, fields)).sort({ _id: 1 }).toArray()
          const expected = stored.filter(document => holds(tree, document))
          expect(found.map(({ _id }) => _id)).toEqual(expected.map(({ _id }) => _id))
        }
      },
    ),
    { numRuns: 150 },
  )
}, 120_000)

test('The deepest and the longest filter that is read can be run', async () => {
  const deep = `${'-(name=a OR age=1 AND '.repeat(20)}age=2${')'.repeat(20)}`
  const long = 'name="*x" '.repeat(100)
  for (const filter of [deep, long])
    expect(await people.find(compileFilter(filter, fields)).toArray()).toEqual(expect.any(Array))
})

test('What begins with a text is found by an index', async () => {
  await people.deleteMany({})
  await people.insertMany(Array.from({ length: 500 }, (_, _id) => ({ _id, displayName: `name.${_id}` })))
  await people.createIndex({ displayName: 1 })
  const explained = await people.find(compileFilter('name = "name.49*"', fields)).explain('executionStats')
  expect(explained.executionStats.nReturned).toBe(11)
  expect(explained.executionStats.totalKeysExamined).toBeLessThan(15)
})
