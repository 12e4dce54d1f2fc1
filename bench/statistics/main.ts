/** `npm run bench -- statistics`: what it costs the edge to tell of each request, and how many one Statistics process takes in. */
import { mkdtemp, rm } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { homeOf } from '@site11/mesh/home.ts'
import { loadSecrets } from '@site11/mesh/secrets.ts'
import { identityIn } from '../../console/server/ca/test-peer.ts'
import { type Started, stoppingAll } from '../cleanup.ts'
import { startMesh } from '../mesh.ts'
import type { Spread } from '../stats.ts'
import { createUsers } from '../users.ts'
import { type EdgeCost, measureEdgeCost } from './edge-cost.ts'
import { type IntakeReport, measureIntake } from './intake.ts'
import { measurePointReads, type PointReadCost } from './point-read.ts'
import { measureQueries, type QueryCost } from './query.ts'

const help = `npm run bench -- statistics [options]

  --rounds 9           how often the edge is measured with and without its stream of records
  --seconds 2          how long each such measurement takes
  --rates 10000,20000  records a second that one Statistics process is sent, each for 15 s
  --queries 7          how often 30 days of 200 series are asked for, cached and not, and a user is read, cached and not
  --json               the report as JSON
  --help

Takes SITE11_PORT (23000 here) to SITE11_PORT + 200.`

const say = (text: string) => process.stderr.write(`${text}\n`)

interface Report {
  edge: EdgeCost[]
  intake: IntakeReport[]
  queries: QueryCost[]
  pointReads: PointReadCost[]
}

interface Settings {
  queries: number
  rounds: number
  seconds: number
  rates: number[]
}

async function measure({ rounds, seconds, rates, queries: times }: Settings, started: Started): Promise<Report> {
  const port = Number(process.env.SITE11_PORT || 23_000)
  const folder = await mkdtemp(join(tmpdir(), 'site11-bench-'))
  started(() => rm(folder, { recursive: true, force: true }))
  say('starting the mesh')
  const home = join(folder, 'home')
  const mesh = await startMesh(port, home)
  started(mesh.stop)
  await delay(2000)
  const token = await mesh.login()
  const intake: IntakeReport[] = []
  if (rates.length > 0) {
    const response = await fetch(`${mesh.base}/api/v1/instances`, { headers: { authorization: `Bearer ${token}` } })
    const { instances } = (await response.json()) as { instances: { service: string; address: string }[] }
    const address = instances.find(({ service }) => service === 'statistics')?.address ?? ''
    const { secretKey } = loadSecrets(homeOf({ SITE11_HOME: home }).secrets, [])
    const url = new URL(mesh.storeUrl)
    const auth = { username: url.username, password: url.password }
    const identity = await identityIn(
      `mongodb://${url.host}/console_db`,
      Buffer.from(secretKey, 'base64'),
      { proxy: 'bench' },
      { auth, authSource: 'admin', directConnection: true },
    )
    for (const rate of rates) {
      say(`sending ${rate} records a second`)
      intake.push(await measureIntake(mesh, { identity, address, rate, seconds: 15 }))
    }
  }
  if (times > 0) say('asking for 30 days')
  const queries = times > 0 ? await measureQueries(mesh, times) : []
  say('creating users')
  const ids = await createUsers(mesh.base, await mesh.login(), 200)
  const pointReads = times > 0 ? await measurePointReads(mesh, times) : []
  if (rounds === 0) return { edge: [], intake, queries, pointReads }
  say('measuring the edge')
  const edge = await measureEdgeCost(mesh, { ids, folder, port: port + 190, rounds, seconds }, started)
  return { edge, intake, queries, pointReads }
}

function render({ edge, intake, queries, pointReads }: Report): string {
  const us = ({ median, min, max }: EdgeCost['withUs']) => `${median.toFixed(1)} (${min.toFixed(1)}-${max.toFixed(1)})`
  const percent = (ratio: number) => `${((ratio - 1) * 100).toFixed(1)} %`
  const lines = edge.map(
    ({ operation, withUs, withoutUs, ratio }) =>
      `  ${operation.padEnd(10)} with ${us(withUs)}, without ${us(withoutUs)}, more by ${percent(ratio.median)} (${percent(ratio.min)} to ${percent(ratio.max)})`,
  )
  const takes = intake.map(
    each =>
      `  ${String(Math.round(each.sent)).padStart(6)}/s of ${Math.round(each.bytesEach)} bytes: ${each.cpuPercent.toFixed(0)} % of a core, ${each.cpuUsEach.toFixed(1)} us each, ` +
      `${each.counted} of ${each.all} counted, ${Math.round(each.memoryMiB)} MiB, sender held up ${Math.round(each.stalledMs)} ms at most`,
  )
  const whole = ({ median, min, max }: Spread) => `${Math.round(median)} (${Math.round(min)}-${Math.round(max)})`
  const times = ({ median, min, max }: Spread) => `${median.toFixed(1)} (${min.toFixed(1)}-${max.toFixed(1)})`
  const asked = queries.map(
    each =>
      `  ${each.asked.padEnd(46)} ${String(each.points).padStart(6)} points, uncached ${whole(each.uncachedMs)} ms, CPU ${whole(each.cpuMs)} ms; ` +
      `asked again ${whole(each.cachedMs)} ms; ratio ${times(each.ratio)}`,
  )
  const pointwise = pointReads.map(
    ({ underway, hits, storeMs, cacheMs, waitRatio, cpuRatio }) =>
      `  ${String(underway).padStart(2)} under way: database ${storeMs.median.toFixed(2)} ms, cache ${cacheMs.median.toFixed(2)} ms; cache / database: ` +
      `time ${times(waitRatio)}, CPU of all three ${times(cpuRatio)}; answered by the cache ${(hits * 100).toFixed(1)} %`,
  )
  return [
    `Load average ${loadavg()[0]?.toFixed(1)}`,
    '30 days of 200 series, from hours, over REST; CPU of Statistics:',
    ...asked,
    'One user by its id:',
    ...pointwise,
    'CPU of Envoy with and without its stream of records, us a request:',
    ...lines,
    'Records taken in:',
    ...takes,
  ].join('\n')
}

/** @returns the exit code. */
export async function benchStatistics(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: 'string', default: '9' },
      seconds: { type: 'string', default: '2' },
      queries: { type: 'string', default: '7' },
      rates: { type: 'string', default: '10000,20000' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(help)
    return 0
  }
  const rates = values.rates.split(',').filter(Boolean).map(Number)
  const [rounds, seconds, queries] = [Number(values.rounds), Number(values.seconds), Number(values.queries)]
  const settings = { rounds, seconds, queries, rates }
  for (const each of [rounds, seconds, queries, ...rates])
    if (!(each >= 0 && each <= 1e6)) throw new Error('--rounds, --seconds, --queries and --rates take numbers.')
  const report = await stoppingAll(started => measure(settings, started))
  console.log(values.json ? JSON.stringify(report, null, 2) : render(report))
  return report.intake.every(({ counted, all }) => counted === all) ? 0 : 1
}
