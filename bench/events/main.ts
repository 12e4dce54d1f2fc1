/** `npm run bench -- events`: events through outbox, stream and inbox, and what they cost a write. README.md says how. */
import { mkdtemp, rm } from 'node:fs/promises'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { MongoClient } from 'mongodb'
import { type Started, stoppingAll } from '../cleanup.ts'
import { startChild } from '../control-plane/child.ts'
import { startMesh } from '../mesh.ts'
import { cpuUs } from '../process-usage.ts'
import { spreadOf } from '../stats.ts'
import type { handlers as consumerHandlers } from './consumer.ts'
import type { handlers as producerHandlers } from './producer.ts'

const help = `npm run bench -- events [options]

  --rounds 5       how often each is measured
  --seconds 5      how long each measurement takes
  --parallel 64    writes under way at a time
  --rate 0         writes a second while the delay is measured; 0 is half of the events that were handled
  --help

Takes SITE11_PORT (23000 here) to SITE11_PORT + 200.`

const drainMs = 120_000

function options(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '5' },
      parallel: { type: 'string', default: '64' },
      rate: { type: 'string', default: '0' },
      help: { type: 'boolean', default: false },
    },
  })
  const count = (name: 'rounds' | 'seconds' | 'parallel' | 'rate', least: number, most: number) => {
    const value = Number(values[name])
    if (!(Number.isInteger(value) && value >= least && value <= most))
      throw new Error(`--${name} must be a whole number from ${least} to ${most}, not ${values[name]}.`)
    return value
  }
  return {
    help: values.help,
    rounds: count('rounds', 1, 1000),
    seconds: count('seconds', 1, 1000),
    parallel: count('parallel', 1, 1000),
    rate: count('rate', 0, 100_000),
  }
}

const shown = (values: number[], digits = 0) => {
  const { median, min, max } = spreadOf(values)
  return `${median.toFixed(digits)} (${min.toFixed(digits)}-${max.toFixed(digits)})`
}

async function bench(
  { rounds, seconds, parallel, rate: asked }: ReturnType<typeof options>,
  started: Started,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'site11-bench-'))
  started(() => rm(folder, { recursive: true, force: true }))
  process.stderr.write('starting the mesh, for its engines\n')
  const mesh = await startMesh(Number(process.env.SITE11_PORT || 23_000), join(folder, 'home'))
  started(mesh.stop)
  const where = {
    mongoUrl: mesh.storeUrl.replace('/?', '/bench_events?authSource=admin&'),
    redisUrl: mesh.redisUrl,
  }
  const client = await MongoClient.connect(where.mongoUrl)
  started(() => client.close())
  const users = client.db().collection('users')
  const producer = startChild<typeof producerHandlers>(join(import.meta.dirname, 'producer.ts'), () => {})
  started(producer.stop)
  const consumer = startChild<typeof consumerHandlers>(join(import.meta.dirname, 'consumer.ts'), () => {})
  started(consumer.stop)
  const pids: Record<string, number> = {
    'producer and relay': await producer.ask('start', where),
    consumer: await consumer.ask('start', where),
  }
  for (const { role, pid } of mesh.processes()) if (role === 'store' || role === 'redis') pids[role] = pid
  const cpu = () => Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, cpuUs(pid)]))

  /** @returns what a write cost, us by process, until the last event was handled. */
  async function measure(how: { rate: number; events: boolean }) {
    const before = cpu()
    const began = performance.now()
    const wrote = await producer.ask('write', { ...how, seconds, parallel })
    if (Object.keys(wrote.failures).length > 0) throw new Error(`Writes failed: ${JSON.stringify(wrote.failures)}`)
    const wroteMs = performance.now() - began
    const wanted = how.events ? wrote.written : 0
    for (
      const giveUp = performance.now() + drainMs;
      (await consumer.ask('count', undefined)) < wanted;
      await delay(10)
    ) {
      if (performance.now() > giveUp) throw new Error('Events are missing.')
    }
    const tookMs = performance.now() - began
    // What the relay does afterwards belongs to it, too.
    while ((await users.countDocuments({ 'outbox.time': { $exists: true } })) > 0) await delay(50)
    const after = cpu()
    const costs = Object.fromEntries(
      Object.keys(pids).map(name => [name, ((after[name] ?? 0) - (before[name] ?? 0)) / wrote.written]),
    )
    const delays = await consumer.ask('take', undefined)
    await users.deleteMany({})
    return { ...wrote, wroteMs, tookMs, costs, delays, perSecond: (wrote.written / tookMs) * 1000 }
  }

  await measure({ rate: 0, events: true })
  const plain: Awaited<ReturnType<typeof measure>>[] = []
  const full: typeof plain = []
  for (let round = 0; round < rounds; round++) {
    process.stderr.write(`round ${round + 1} of ${rounds}\n`)
    plain.push(await measure({ rate: 0, events: false }))
    full.push(await measure({ rate: 0, events: true }))
  }
  const rate = asked || Math.round(spreadOf(full.map(({ perSecond }) => perSecond)).median / 2)
  const half: typeof plain = []
  for (let round = 0; round < rounds; round++) half.push(await measure({ rate, events: true }))

  const costsOf = (of: typeof plain) =>
    Object.keys(pids)
      .map(name => `${name} ${shown(of.map(({ costs }) => costs[name] ?? 0))}`)
      .join(', ')
  const at = (of: typeof plain, name: 'p50' | 'p95' | 'p99' | 'max') => shown(of.map(({ delays }) => delays[name] ?? 0))
  return [
    `${cpus().length} x ${cpus()[0]?.model}, Node ${process.version}, load average ${loadavg()[0]?.toFixed(1)}; medians of ${rounds} rounds (lowest-highest)`,
    `Writes without events, a second: ${shown(plain.map(({ written, wroteMs }) => (written / wroteMs) * 1000))}; p50 ${shown(
      plain.map(({ p50Ms }) => p50Ms),
      1,
    )}, p99 ${shown(
      plain.map(({ p99Ms }) => p99Ms),
      1,
    )} ms`,
    `  CPU us a write: ${costsOf(plain)}`,
    `Writes with events, a second: ${shown(full.map(({ written, wroteMs }) => (written / wroteMs) * 1000))}; p50 ${shown(
      full.map(({ p50Ms }) => p50Ms),
      1,
    )}, p99 ${shown(
      full.map(({ p99Ms }) => p99Ms),
      1,
    )} ms`,
    `Events handled, a second: ${shown(full.map(({ perSecond }) => perSecond))}`,
    `  CPU us an event: ${costsOf(full)}`,
    `At ${rate} a second, from the change to its committed effect: p50 ${at(half, 'p50')}, p95 ${at(half, 'p95')}, p99 ${at(half, 'p99')}, max ${at(half, 'max')} ms`,
    `  CPU us an event: ${costsOf(half)}`,
  ].join('\n')
}

/** @returns the exit code. */
export async function benchEvents(args: string[]): Promise<number> {
  const settings = options(args)
  if (settings.help) console.log(help)
  else console.log(await stoppingAll(started => bench(settings, started)))
  return 0
}
