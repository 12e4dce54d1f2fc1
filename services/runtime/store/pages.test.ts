import fc from 'fast-check'
import type { Collection, Document } from 'mongodb'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createPageTokens } from './page-token.ts'
import { listPage, type Order, type PageRequest } from './pages.ts'
import { storeForTests } from './test-mongod.ts'

interface Item extends Document {
  _id: string
  rank?: number | null
  group?: string
}

const tokens = createPageTokens('secret')
let database: Awaited<ReturnType<typeof storeForTests>>
let items: Collection<Item>

beforeAll(async () => {
  database = await storeForTests()
  items = database.store.db.collection('items')
})

beforeEach(async () => {
  await items.drop()
  await items.createIndex({ rank: 1, _id: 1 })
})

afterAll(async () => {
  await database?.stop()
})

const byRank: Order = { path: 'rank', direction: 1 }
const refused = expect.objectContaining({ code: 3, details: expect.objectContaining({ reason: 'INVALID_PAGE_TOKEN' }) })
const page = (request: Partial<PageRequest<Item>>) =>
  listPage(items, tokens, { filter: {}, order: byRank, pageSize: 10, pageToken: '', query: '', ...request })

/** All pages, one after the other; `between` runs after each. */
async function walk(request: Partial<PageRequest<Item>>, between: (seen: Item[]) => Promise<unknown> = async () => {}) {
  const seen: Item[] = []
  let pageToken = ''
  do {
    const { items, nextPageToken } = await page({ ...request, pageToken })
    seen.push(...items)
    pageToken = nextPageToken
    await between(seen)
  } while (pageToken !== '')
  return seen
}

test('The pages make up the list in its order, whatever the values, page size and direction', async () => {
  const rank = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constant(null), fc.constant(undefined))
  const ranks = fc.array(rank, { maxLength: 25 })
  await fc.assert(
    fc.asyncProperty(
      ranks,
      fc.integer({ min: 1, max: 8 }),
      fc.constantFrom(1, -1),
      async (ranks, pageSize, direction) => {
        await items.deleteMany({})
        const documents = ranks.map((rank, n) => ({ _id: `id${n}`, ...(rank !== undefined && { rank }) }))
        if (documents.length > 0) await items.insertMany(documents)
        const expected = await items.find().sort({ rank: direction, _id: direction }).toArray()
        expect(await walk({ order: { path: 'rank', direction }, pageSize })).toEqual(expected)
      },
    ),
    { numRuns: 40 },
  )
})

test('A list may be ordered by id, or by a field of a field', async () => {
  await items.insertMany(['c', 'a', 'b'].map((_id, n) => ({ _id, at: { depth: n } })))
  const ids = async (order: Order) => (await walk({ order, pageSize: 1 })).map(({ _id }) => _id)
  expect(await ids({ path: '_id', direction: -1 })).toEqual(['c', 'b', 'a'])
  expect(await ids({ path: 'at.depth', direction: 1 })).toEqual(['c', 'a', 'b'])
})

test('No document that stays is skipped or repeated while others come and go', async () => {
  await items.insertMany(Array.from({ length: 200 }, (_, n) => ({ _id: `stay${n}`, rank: n % 20 })))
  let turn = 0
  for (const direction of [1, -1] as const) {
    const seen = await walk({ order: { path: 'rank', direction }, pageSize: 7 }, async () => {
      turn++
      await items.insertMany(
        Array.from({ length: 5 }, (_, n) => ({ _id: `come${turn}-${n}`, rank: (turn * 5 + n) % 20 })),
      )
      await items.deleteOne({ _id: { $regex: '^come' } })
    })
    const stayed = seen.filter(({ _id }) => _id.startsWith('stay'))
    expect(stayed).toHaveLength(200)
    expect(new Set(seen.map(({ _id }) => _id)).size).toBe(seen.length)
  }
})

test('A page goes on after its last document also when that is deleted', async () => {
  await items.insertMany(Array.from({ length: 6 }, (_, n) => ({ _id: `id${n}`, rank: 1 })))
  const seen = await walk({ pageSize: 2 }, seen => items.deleteOne({ _id: seen.at(-1)?._id ?? '' }))
  expect(seen.map(({ _id }) => _id)).toEqual(['id0', 'id1', 'id2', 'id3', 'id4', 'id5'])
})

test('The page size is 50 when none is asked for, and the last page has no token', async () => {
  await items.insertMany(Array.from({ length: 50 }, (_, n) => ({ _id: `id${n}`, rank: n })))
  const { items: found, nextPageToken } = await page({ pageSize: 0 })
  expect(found).toHaveLength(50)
  expect(nextPageToken).toBe('')
})

test('A token goes on with its own list only: same collection, order and query', async () => {
  await items.insertMany(Array.from({ length: 5 }, (_, n) => ({ _id: `id${n}`, rank: n })))
  const query = { filter: 'a = 1', showDeleted: false }
  const { nextPageToken: pageToken } = await page({ pageSize: 2, query })
  expect((await page({ pageSize: 100, pageToken, query })).items).toHaveLength(3)
  await expect(page({ pageToken, query: { ...query, showDeleted: true } })).rejects.toThrow(refused)
  await expect(page({ pageToken, query, order: { path: 'rank', direction: -1 } })).rejects.toThrow(refused)
  const others = database.store.db.collection<Item>('others')
  await expect(listPage(others, tokens, { filter: {}, order: byRank, pageSize: 1, pageToken, query })).rejects.toThrow(
    refused,
  )
})

test('A filter holds on every page', async () => {
  await items.insertMany(
    Array.from({ length: 30 }, (_, n) => ({ _id: `id${n}`, rank: n % 3, group: n % 2 ? 'odd' : 'even' })),
  )
  const seen = await walk({ filter: { group: 'odd' }, pageSize: 4 })
  expect(seen.map(({ group }) => group)).toEqual(Array(15).fill('odd'))
})

test('A page that does not fit into one answer is shorter, and the next one goes on', async () => {
  const bytes = 'x'.repeat(7_000_000)
  for (let n = 0; n < 5; n++) await items.insertOne({ _id: `id${n}`, rank: n, bytes })
  const seen = await walk({ pageSize: 5 })
  expect(seen.map(({ _id }) => _id)).toEqual(['id0', 'id1', 'id2', 'id3', 'id4'])
})

test('A page deep in the list reads its own documents only, and sorts nothing in memory', async () => {
  await items.insertMany(
    Array.from({ length: 3000 }, (_, n) => ({ _id: `id${String(n).padStart(4, '0')}`, rank: n % 2 })),
  )
  for (const direction of [1, -1] as const) {
    await database.store.db.command({ profile: 2 })
    await walk({ order: { path: 'rank', direction }, pageSize: 500 })
    await database.store.db.command({ profile: 0 })
    const profile = database.store.db.collection('system.profile')
    const finds = await profile.find({ op: 'query', ns: items.namespace }).toArray()
    await profile.drop()
    expect(finds).toHaveLength(6)
    for (const { hasSortStage, keysExamined } of finds) {
      expect(hasSortStage ?? false).toBe(false)
      expect(keysExamined).toBeLessThan(510)
    }
  }
})
