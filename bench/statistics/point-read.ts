/** Where a cache has least to save: one small document by its id, from the database and through the cache, turn about. */
import { createCache } from '@site11/runtime/cache.ts'
import { createLog } from '@site11/runtime/log.ts'
import { createPointReader } from '@site11/runtime/store/coalesce.ts'
import { BSON, MongoClient } from 'mongodb'
import type { BenchMesh } from '../mesh.ts'
import { cpuUs } from '../process-usage.ts'
import { type Spread, spreadOf } from '../stats.ts'

export interface PointReadCost {
  /** So many reads are under way at a time. */
  underway: number
  /** The share of the reads through the cache that it answered: on a machine too busy for it, it is passed by. */
  hits: number
  /** ms each, as its caller waits for it. */
  storeMs: Spread
  cacheMs: Spread
  /** Of the same round, cache / store: what the caller waits, and the CPU of the process that reads, of mongod and of Redis together. */
  waitRatio: Spread
  cpuRatio: Spread
}

const readsEach = 2000
const rules = { subject: 'bench', freshMs: 60_000, staleMs: 60_000 }

/** @param rounds of each. */
export async function measurePointReads(mesh: BenchMesh, rounds: number): Promise<PointReadCost[]> {
  const client = await new MongoClient(mesh.storeUrl).connect()
  const cache = createCache({ redisUrl: mesh.redisUrl, service: 'bench', log: createLog('bench', 'silent') })
  try {
    const users = client.db('users_db').collection<{ _id: string }>('users')
    const id = (await users.findOne())?._id
    if (id === undefined) throw new Error('There is no user to read.')
    const find = createPointReader(users)
    // What a service sends is bytes either way.
    const fromStore = async () => BSON.serialize((await find(id)) ?? {})
    const fromCache = () => cache.read(rules, Buffer.from(id), fromStore)
    const engines = mesh.processes().flatMap(({ role, pid }) => (role === 'store' || role === 'redis' ? [pid] : []))
    const costs: PointReadCost[] = []
    for (const underway of [1, 64]) {
      let hits = 0
      const measured = { store: [] as Reading[], cache: [] as Reading[] }
      for (let round = -1; round < rounds; round++) {
        const before = cache.counts().hits
        const store = await reading(fromStore, underway, engines)
        const cached = await reading(fromCache, underway, engines)
        // The first is to warm up.
        if (round < 0) continue
        hits += cache.counts().hits - before
        measured.store.push(store)
        measured.cache.push(cached)
      }
      const ratios = (of: keyof Reading) =>
        spreadOf(measured.cache.map((each, round) => each[of] / (measured.store[round]?.[of] ?? Number.NaN)))
      costs.push({
        underway,
        hits: hits / (readsEach * rounds),
        storeMs: spreadOf(measured.store.map(({ waitMs }) => waitMs)),
        cacheMs: spreadOf(measured.cache.map(({ waitMs }) => waitMs)),
        waitRatio: ratios('waitMs'),
        cpuRatio: ratios('cpuUs'),
      })
    }
    return costs
  } finally {
    cache.close()
    await client.close()
  }
}

interface Reading {
  waitMs: number
  cpuUs: number
}

async function reading(read: () => Promise<Uint8Array>, underway: number, engines: number[]): Promise<Reading> {
  let [left, waited] = [readsEach, 0]
  const usedByAll = () => [process.pid, ...engines].reduce((sum, pid) => sum + cpuUs(pid), 0)
  const used = usedByAll()
  const loop = async () => {
    while (left-- > 0) {
      const began = performance.now()
      await read()
      waited += performance.now() - began
    }
  }
  await Promise.all(Array.from({ length: underway }, loop))
  return { waitMs: waited / readsEach, cpuUs: (usedByAll() - used) / readsEach }
}
