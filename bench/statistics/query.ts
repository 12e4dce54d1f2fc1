/** How long a question takes that is read from many rollups: 30 days of 200 series by the hour, as a dashboard asks for it. */
import { bucketOf } from '@site11/runtime/histogram.ts'
import { MongoClient } from 'mongodb'
import { addBucketed, closeMinute, emptyBlock, type Kind, seriesKey, statIn } from '../../services/statistics/block.ts'
import { requestLabels } from '../../services/statistics/request-blocks.ts'
import { documentOf } from '../../services/statistics/rollup-store.ts'
import type { BenchMesh } from '../mesh.ts'

export interface QueryCost {
  asked: string
  medianMs: number
  minMs: number
  maxMs: number
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
  const from = new Date((hour - days * 86_400) * 1000).toJSON()
  const span = `start_time=${from}&step=3600s&filter=${encodeURIComponent('service = "bench"')}`
  const group = ['method', 'instance', 'status'].map(label => `group_by=${label}`).join('&')
  const questions: Record<string, string> = {
    'requests, each of the 200 series': `requests:query?${span}&${group}`,
    'requests, one series of all': `requests:query?${span}`,
    'requests, by service': `requests:query?${span}&group_by=service`,
    'requests, the ten largest methods': `requests:query?${span}&group_by=method&top=10`,
    'the 95th percentile, one series of all': `request.duration:query?${span}`,
    'the 95th percentile, by method': `request.duration:query?${span}&group_by=method`,
  }
  const costs: QueryCost[] = []
  for (const [asked, path] of Object.entries(questions)) {
    const took: number[] = []
    let points = 0
    for (let time = -2; time < times; time++) {
      const began = performance.now()
      const response = await fetch(`${mesh.base}/api/v1/metrics/${path}`, { headers: { authorization } })
      const { series, message } = (await response.json()) as { series?: { points: unknown[] }[]; message?: string }
      if (!series) throw new Error(`${asked}: ${message}`)
      points = series.reduce((sum, each) => sum + each.points.length, 0)
      // The first two warm it up.
      if (time >= 0) took.push(performance.now() - began)
    }
    took.sort((a, b) => a - b)
    costs.push({ asked, points, medianMs: took[took.length >> 1] ?? 0, minMs: took[0] ?? 0, maxMs: took.at(-1) ?? 0 })
  }
  return costs
}
