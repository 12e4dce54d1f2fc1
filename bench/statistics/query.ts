/** How long a question takes that is read from many rollups: 30 days of 200 series by the hour, as a dashboard asks for it. */
import { bucketOf } from '@site11/runtime/histogram.ts'
import { MongoClient } from 'mongodb'
import { addBucketed, closeMinute, emptyBlock, type Kind, seriesKey, statIn } from '../../services/statistics/block.ts'
import { requestLabels } from '../../services/statistics/request-blocks.ts'
import { documentOf } from '../../services/statistics/rollup-store.ts'
import type { BenchMesh } from '../mesh.ts'
import { cpuUs } from '../process-usage.ts'
import { type Spread, spreadOf } from '../stats.ts'

export interface QueryCost {
  asked: string
  /** ms: of what was not asked before, and of the same asked again at once, which the cache answers unless it is larger than what that keeps. */
  uncachedMs: Spread
  cachedMs: Spread
  /** Of the same round, uncached / cached. */
  ratio: Spread
  /** CPU of Statistics for one that was not asked before, ms. */
  cpuMs: Spread
  points: number
}

const days = 30
const seriesCount = 200
/** Durations of one series spread over so many buckets in an hour. */
const bucketsEach = 60

/** An hour of a metric: 200 series, as of 25 methods on 4 instances with 2 outcomes. */
function hourOf(metric: string, kind: Kind, start: number) {
  const block = emptyBlock({ metric, kind, labels: requestLabels }, start)
  for (let n = 0; n < seriesCount; n++) {
    const method = `/site11.bench.v1.BenchService/Method${n % 25}`
    const instance = `bench-${1 + (Math.floor(n / 25) % 4)}`
    const status = n < seriesCount / 2 ? 'OK' : 'UNAVAILABLE'
    const stat = statIn(block, seriesKey(['bench', method, instance, '0.1.0', 'edge', 'rest', status]), 1)
    if (!stat) continue
    if (kind === 'counter') stat.count = 1000 + n
    else for (let step = 0; step < bucketsEach; step++) addBucketed(stat, bucketOf(2) + step, 1 + ((n + step) % 30))
  }
  closeMinute(block).minutes = 60
  return documentOf('hours', block, 1)
}

/** @param times how often each is asked. */
export async function measureQueries(mesh: BenchMesh, times: number): Promise<QueryCost[]> {
  const hour = Math.floor(Date.now() / 3_600_000) * 3600
  const client = new MongoClient(mesh.storeUrl)
  const hours = client.db('statistics_db').collection<ReturnType<typeof hourOf>>('hours')
  for (const [metric, kind] of [
    ['requests', 'counter'],
    ['request.duration', 'distribution'],
  ] as const) {
    const found = Array.from({ length: days * 24 }, (_, back) => hourOf(metric, kind, hour - (back + 1) * 3600))
    await hours.deleteMany({ _id: { $in: found.map(({ _id }) => _id) } })
    // Nothing is made of them.
    await hours.insertMany(found.map(({ pending: _, ...document }) => document))
  }
  await client.close()
  const authorization = `Bearer ${await mesh.login()}`
  const from = (hour - days * 86_400) * 1000
  const filter = `end_time=${new Date(hour * 1000).toJSON()}&filter=${encodeURIComponent('service = "bench"')}`
  const span = `step=3600s&${filter}`
  const group = ['method', 'instance', 'status'].map(label => `group_by=${label}`).join('&')
  const questions: Record<string, string> = {
    'requests, each of the 200 series by the hour': `requests:query?${span}&${group}`,
    'requests, each of the 200 series, usual step': `requests:query?${filter}&${group}`,
    'requests, one series of all': `requests:query?${span}`,
    'requests, by service': `requests:query?${span}&group_by=service`,
    'requests, the ten largest methods': `requests:query?${span}&group_by=method&top=10`,
    'the 95th percentile, one series of all': `request.duration:query?${span}`,
    'the 95th percentile, by method': `request.duration:query?${span}&group_by=method`,
    'the 95th percentile, each of 200, usual step': `request.duration:query?${filter}&${group}`,
  }
  const pid = mesh.processes().find(({ role }) => role === 'statistics')?.pid ?? 0
  const ask = async (path: string) => {
    const began = performance.now()
    const response = await fetch(`${mesh.base}/api/v1/metrics/${path}`, { headers: { authorization } })
    const { series, message } = (await response.json()) as { series?: { points: unknown[] }[]; message?: string }
    if (!series) throw new Error(`${path}: ${message}`)
    return { ms: performance.now() - began, points: series.reduce((sum, each) => sum + each.points.length, 0) }
  }
  const costs: QueryCost[] = []
  let asked = 0
  for (const [name, path] of Object.entries(questions)) {
    const rounds: { uncached: number; cached: number; cpuMs: number }[] = []
    let points = 0
    for (let time = -2; time < times; time++) {
      // The same steps each time, and yet another question to the cache.
      const other = `${path}&start_time=${new Date(from + ++asked).toJSON()}`
      const before = cpuUs(pid)
      const uncached = await ask(other)
      const cpuMs = (cpuUs(pid) - before) / 1000
      const cached = await ask(other)
      points = uncached.points
      // The first two warm it up.
      if (time >= 0) rounds.push({ uncached: uncached.ms, cached: cached.ms, cpuMs })
    }
    costs.push({
      asked: name,
      points,
      uncachedMs: spreadOf(rounds.map(({ uncached }) => uncached)),
      cachedMs: spreadOf(rounds.map(({ cached }) => cached)),
      ratio: spreadOf(rounds.map(({ uncached, cached }) => uncached / cached)),
      cpuMs: spreadOf(rounds.map(({ cpuMs }) => cpuMs)),
    })
  }
  return costs
}
