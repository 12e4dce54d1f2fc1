import fc from 'fast-check'
import { expect, test } from 'vitest'
import { knownRows, type LoadedPage, nowhere, type Places, pageOf, settle, startsOf, tokensFor } from './places.ts'

const size = 4
/** A list as the server has it: sorted names; a token is the name that the page comes after. */
const load = (list: readonly string[], token: string): LoadedPage => {
  const after = list.filter(name => name > token)
  const ids = after.slice(0, size)
  return { ids, nextToken: after.length > size ? (ids.at(-1) ?? '') : '' }
}
const names = (count: number) => Array.from({ length: count }, (_, n) => `n${String(n * 10).padStart(4, '0')}`)

function loadAll(list: readonly string[], places: Places = nowhere): Places {
  let known = places
  while (known.next !== undefined) known = settle(known, known.next, load(list, known.next))
  return known
}

test('pages become known one after the other', () => {
  const list = names(10)
  const first = settle(nowhere, '', load(list, ''))
  expect(first).toMatchObject({ pages: [{ token: '', count: 4 }], next: 'n0030' })
  const all = loadAll(list)
  expect(knownRows(all)).toBe(10)
  expect(all.next).toBeUndefined()
  const starts = startsOf(all)
  expect(starts).toEqual([0, 4, 8])
  expect([0, 3, 4, 9, 99].map(row => pageOf(starts, row))).toEqual([0, 0, 1, 2, 2])
  expect(pageOf([], 0)).toBe(-1)
})

test('the pages near what is seen are asked for, and the next one at the end', () => {
  const tokens = (places: Places, first: number, last: number) => tokensFor(places, startsOf(places), first, last)
  const all = loadAll(names(40))
  expect(tokens(all, 20, 23)).toEqual([4, 5, 6, 7].map(index => all.pages[index]?.token))
  expect(tokens(nowhere, 0, 10)).toEqual([''])
  const first = settle(nowhere, '', load(names(10), ''))
  expect(tokens(first, 0, 3)).toEqual(['', 'n0030'])
  expect(tokens(first, 2, 30)).toEqual(['', 'n0030'])
})

test('an empty list is a list', () => {
  const empty = settle(nowhere, '', load([], ''))
  expect(knownRows(empty)).toBe(0)
  expect(empty.next).toBeUndefined()
})

test('a page that is as it was changes nothing', () => {
  const list = names(10)
  const all = loadAll(list)
  for (const { token } of all.pages) expect(settle(all, token, load(list, token))).toBe(all)
})

/** What a reader sees who goes through the pages as they are now. */
function read(list: readonly string[], places: Places): string[] {
  let known = places
  const rows: string[] = []
  for (let index = 0; index < known.pages.length || known.next !== undefined; index++) {
    const token = known.pages[index]?.token ?? known.next
    if (token === undefined) break
    const page = load(list, token)
    known = settle(known, token, page)
    rows.push(...page.ids.slice(0, known.pages[index]?.count))
  }
  return rows
}

test('rows that came or went meanwhile are neither hidden nor shown twice', () => {
  const changes = fc.record({
    count: fc.integer({ min: 0, max: 40 }),
    removed: fc.array(fc.nat(39), { maxLength: 12 }),
    added: fc.array(fc.nat(400), { maxLength: 12 }),
  })
  fc.assert(
    fc.property(changes, ({ count, removed, added }) => {
      const before = names(count)
      const gone = new Set(removed.map(n => before[n]))
      const came = added.map(n => `n${String(n).padStart(4, '0')}x`)
      const after = [...new Set([...before.filter(name => !gone.has(name)), ...came])].sort()
      expect(read(after, loadAll(before))).toEqual(after)
    }),
  )
})
