import { describe, expect, test } from 'vitest'
import { chained, type Entry, journalKey, origin } from './chain.ts'
import { pack } from './replay.ts'
import { verifyEntries } from './verify.ts'

const key = journalKey(Buffer.alloc(32, 1))
const pending = (action: string, n: number) => ({
  time: new Date(1000 * n),
  actor: 'console',
  action,
  subject: 'instances/users-1',
  fields: [{ field: 'port', ...(n > 1 && { before: n - 1 }), after: n }],
  reason: '',
  durationMs: undefined,
})
const five = chained(
  key,
  origin,
  [1, 2, 3, 4, 5].map(n => pending('instance.returned', n)),
)
const last = { id: 5, hash: five[4]?.hash ?? '' }
const expected = new Map([['instances/users-1', { port: 5 }]])
const verify = (entries: Entry[], more: Partial<Parameters<typeof verifyEntries>[0]> = {}) =>
  verifyEntries({ entries, key, first: undefined, last, expected, ...more })
const at = (id: number) => five[id - 1] as Entry
const altered = (id: number, change: object) => five.map(each => (each.id === id ? { ...each, ...change } : each))

test('a chain as it was made is whole', async () => {
  expect(await verify(five)).toEqual({
    valid: true,
    count: 5,
    brokenChange: 0,
    reason: '',
    head: last.hash,
    subjects: expected,
  })
  expect(await verify([], { last: origin, expected: new Map() })).toMatchObject({ valid: true, count: 0 })
})

describe('broken is the first change', () => {
  test.each<[string, Entry[], number]>([
    ['that was altered in its time', altered(3, { time: new Date(0) }), 3],
    ['with another actor', altered(3, { actor: 'operator' }), 3],
    ['with another value', altered(3, { fields: [{ field: 'port', before: 2, after: 33 }] }), 3],
    ['with a value of another type', altered(3, { fields: [{ field: 'port', before: 2, after: '3' }] }), 3],
    ['with no fields at all', altered(3, { fields: undefined }), 3],
    ['with a value that is none', altered(3, { fields: [{ field: 'port', before: 2, after: { $gt: 3 } }] }), 3],
    ['with a duration', altered(3, { durationMs: 0 }), 3],
    ['with a state', altered(3, { state: pack(new Map()) }), 3],
    ['that is missing', five.filter(({ id }) => id !== 3), 3],
    ['that is missing at the beginning', five.slice(1), 1],
    ['that is missing at the end', five.slice(0, 4), 5],
    ['where two changed places', [at(1), at(2), { ...at(4), id: 3 }, { ...at(3), id: 4 }, at(5)], 3],
    ['that was put in between', [at(1), at(2), { ...at(3), id: 2.5 }, at(3), at(4), at(5)], 3],
    ['that was put in, and the others moved', [at(1), at(2), ...five.slice(1).map(e => ({ ...e, id: e.id + 1 }))], 3],
    ['of a chain made with another key', chained(journalKey(Buffer.alloc(32)), origin, five), 1],
    ['of the same length that is not the one stored', chained(key, origin, [...five.slice(0, 4), pending('x', 9)]), 5],
  ])('%s', async (_, entries, brokenChange) => {
    const result = await verify(entries)
    expect(result).toMatchObject({ valid: false, brokenChange })
    expect(result.reason).not.toBe('')
  })
})

test('a state that does not follow from the changes is found', async () => {
  const result = await verify(five, { expected: new Map([['instances/users-1', { port: 6 }]]) })
  expect(result).toMatchObject({ valid: false, brokenChange: 0 })
  expect(result.reason).toContain('instances/users-1')
})

test('what comes after the last change that is asked for does not matter', async () => {
  const four = { id: 4, hash: at(4).hash }
  const result = await verify(altered(5, { actor: 'x' }), { last: four, expected: undefined })
  expect(result).toMatchObject({ valid: true, count: 4 })
})

test('a chain may begin with the checkpoint that it was trimmed up to, and with nothing else', async () => {
  const checkpoint = { ...pending('journal.checkpoint', 6), fields: [], state: pack(new Map([['a/b', { c: 1 }]])) }
  const seven = chained(key, last, [checkpoint, pending('x', 7)])
  const head = { id: 7, hash: seven[1]?.hash ?? '' }
  const state = new Map([
    ['a/b', { c: 1 }],
    ['instances/users-1', { port: 7 }],
  ])
  expect(await verify(seven, { first: 6, last: head, expected: state })).toMatchObject({ valid: true, count: 2 })
  expect(await verify(seven, { last: head, expected: state })).toMatchObject({ valid: false, brokenChange: 1 })
})
