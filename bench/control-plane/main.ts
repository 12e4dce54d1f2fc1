/** `npm run bench -- control-plane`: how fast the control plane is, and how much of it one Console carries. README.md says how. */
import { mkdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type Started, stoppingAll } from '../cleanup.ts'
import { startMesh } from '../mesh.ts'
import { startConsole } from './console.ts'
import { type EdgeReport, measureEdge } from './edge.ts'
import type { Variant } from './envoy-api.ts'
import { type ManyReport, measureMany } from './many.ts'
import { renderEdge, renderMany } from './report.ts'

const help = `npm run bench -- control-plane [options]

  --only edge,many     edge: registration to first request, removal to last, through a real Envoy
                       many: simulated instances and proxies before one Console
  --rounds 100         edge: so many instances that leave by themselves, and so many that are drained
  --instances 1000     many: how many, of how many services, before how many proxies
  --services 50
  --proxies 10
  --changes 100        many: so many changes a second
  --seconds 30         many: how long each run takes
  --runs sotw,delta,flapping,restart
  --profile <folder>   many: a CPU profile of the Console
  --json               the report as JSON
  --help

Takes SITE11_PORT (23000 here) to SITE11_PORT + 200.`

const number = { type: 'string' } as const

function options(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string', default: 'edge,many' },
      rounds: { ...number, default: '100' },
      instances: { ...number, default: '1000' },
      services: { ...number, default: '50' },
      proxies: { ...number, default: '10' },
      changes: { ...number, default: '100' },
      seconds: { ...number, default: '30' },
      runs: { type: 'string', default: 'sotw,delta,flapping,restart' },
      profile: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const count = (name: 'rounds' | 'instances' | 'services' | 'proxies' | 'changes' | 'seconds', least = 1) => {
    const value = Number(values[name])
    if (!(Number.isInteger(value) && value >= least && value <= 10_000))
      throw new Error(`--${name} must be a whole number from ${least} to 10000, not ${values[name]}.`)
    return value
  }
  return {
    ...values,
    only: namesIn('only', values.only, ['edge', 'many']),
    runs: namesIn('runs', values.runs, ['sotw', 'delta', 'flapping', 'restart']),
    rounds: count('rounds'),
    instances: count('instances'),
    services: count('services', 3),
    proxies: count('proxies', 3),
    changes: count('changes'),
    seconds: count('seconds'),
    profile: values.profile && resolve(values.profile),
  }
}

function namesIn<T extends string>(option: string, text: string, known: T[]): T[] {
  const names = text.split(',')
  const unknown = names.filter(name => !known.some(each => each === name))
  if (unknown.length > 0) throw new Error(`--${option}: there is no ${unknown.join(', ')}, but ${known.join(', ')}.`)
  return known.filter(name => names.includes(name))
}

const port = Number(process.env.SITE11_PORT || 23_000)

async function newFolder(started: Started): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'site11-bench-'))
  started(() => rm(folder, { recursive: true, force: true }))
  return folder
}

const say = (text: string) => process.stderr.write(`${text}\n`)

/** @returns the exit code. */
export async function benchControlPlane(args: string[]): Promise<number> {
  const settings = options(args)
  if (settings.help) {
    console.log(help)
    return 0
  }
  const report: { edge?: EdgeReport; many?: ManyReport } = {}
  if (settings.only.includes('edge')) {
    report.edge = await stoppingAll(async started => {
      say('starting the mesh')
      const mesh = await startMesh(port, await newFolder(started))
      started(mesh.stop)
      say(`registering and removing, ${settings.rounds * 2} times`)
      return measureEdge(mesh, settings.rounds, started)
    })
  }
  if (settings.only.includes('many')) {
    if (settings.profile) mkdirSync(settings.profile, { recursive: true })
    report.many = await stoppingAll(async started => {
      say('starting a Console')
      const bare = await startConsole(port, await newFolder(started), settings.profile)
      started(bare.stop)
      const { runs, changes: changesPerSecond } = settings
      const variants = runs.filter((run): run is Variant => run === 'sotw' || run === 'delta')
      const others = { flapping: runs.includes('flapping'), restart: runs.includes('restart') }
      return measureMany(bare, { ...settings, ...others, changesPerSecond, variants, say }, started)
    })
  }
  const machine = `${cpus().length} x ${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}`
  if (settings.json) console.log(JSON.stringify({ machine, ...report }, null, 2))
  else {
    const parts = [report.edge && renderEdge(report.edge), report.many && renderMany(report.many)]
    console.log([machine, ...parts.filter(part => part !== undefined)].join('\n\n'))
  }
  const { runs = [], restart } = report.many ?? {}
  const lost =
    runs.some(({ changes, differences }) => changes.lost.length + differences.length > 0) ||
    (restart && restart.ceased + restart.expired + restart.differences.length > 0)
  const failed = Object.keys(report.edge?.requests.failures ?? {}).length > 0
  return lost || failed ? 1 : 0
}
