/** `npm run bench`: the mesh and two peers side by side, on this machine. README.md says what is measured and how. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { isDeepStrictEqual, parseArgs } from 'node:util'
import { prepare } from '@site11/mesh/prepare.ts'
import { type Started, stoppingAll } from './cleanup.ts'
import { type System, startDriver } from './measure.ts'
import { type BenchMesh, startMesh } from './mesh.ts'
import { type Operation, operations } from './operations.ts'
import { requireNginx } from './peers/nginx.ts'
import { startPeer } from './peers/start.ts'
import { renderReport, reportOf } from './report.ts'
import { addRound, type Cell, findKnee, type Run } from './rounds.ts'
import { createUsers, peerDatabase, shareUsers } from './users.ts'

const help = `npm run bench -- [options]
npm run bench -- control-plane --help
npm run bench -- events --help
npm run bench -- statistics --help
npm run bench -- sourcing --help
npm run bench -- clients --help

  --rounds 7          how often each system is measured
  --seconds 2         how long each measurement takes
  --only read,create  some operations only: ${Object.keys(operations).join(', ')}
  --json              the report as JSON
  --help

Takes SITE11_PORT (23000 here) to SITE11_PORT + 200, and the 20 ports after those for the peers.`

/** The variants that verify each token once are compared by CPU only. */
const ownName = 'site11'
const peers = [
  { name: 'nginx, fastify', gateway: false, cached: false },
  { name: 'nginx, gateway, fastify', gateway: true, cached: false },
  { name: 'nginx, fastify; token cached', gateway: false, cached: true },
  { name: 'nginx, gateway, fastify; token cached', gateway: true, cached: true },
]
const isCached = (name: string) => peers.some(peer => peer.name === name && peer.cached)

function options() {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '7' },
      seconds: { type: 'string', default: '2' },
      only: { type: 'string', default: Object.keys(operations).join(',') },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const only = values.only.split(',')
  const unknown = only.filter(name => !(name in operations))
  if (unknown.length > 0)
    throw new Error(`--only: there is no ${unknown.join(', ')}, but ${Object.keys(operations).join(', ')}.`)
  const number = (name: 'rounds' | 'seconds') => {
    const value = Number(values[name])
    if (!(value > 0 && value <= 1000)) throw new Error(`--${name} must be a number above 0, not ${values[name]}.`)
    return value
  }
  return { ...values, only: only as Operation[], rounds: Math.ceil(number('rounds')), seconds: number('seconds') }
}

const say = (text: string) => process.stderr.write(`${text}\n`)

/** Starts everything. What was started is handed to `started` at once, to be stopped in any case. */
async function startSystems(started: Started) {
  const port = Number(process.env.SITE11_PORT || 23_000)
  const folder = await mkdtemp(join(tmpdir(), 'site11-bench-'))
  started(() => rm(folder, { recursive: true, force: true }))

  say('starting the mesh')
  const mesh = await startMesh(port, join(folder, 'home'))
  started(mesh.stop)
  say('creating users')
  const ids = await createUsers(mesh.base, await adminToken(mesh), 1200)
  const data = await shareUsers(mesh.storeUrl)
  started(data.close)

  say('starting the peers')
  const jwks = await (await fetch(`${mesh.base}/.well-known/jwks.json`)).text()
  const store = mesh.processes().filter(({ role }) => role === 'store')
  const all = Object.keys(operations) as Operation[]
  const systems: System[] = [{ name: ownName, base: mesh.base, operations: all, processes: mesh.processes }]
  for (const [index, { name, gateway, cached }] of peers.entries()) {
    const peer = await startPeer({
      port: port + 200 + index * 5,
      gateway,
      cached,
      jwks,
      issuer: mesh.issuer,
      storeUrl: mesh.storeUrl.replace('/?', `/${peerDatabase}?authSource=admin&`),
      folder: join(folder, `peer-${index}`),
    })
    started(peer.stop)
    const processes = () => [...peer.processes(), ...store]
    systems.push({ name, base: peer.base, operations: all.filter(operation => operation !== 'grpc-read'), processes })
  }
  await requireSameAnswers(systems, await mesh.login(), ids[0] ?? '')
  const driver = startDriver()
  started(driver.stop)
  return { systems, driver, ids, login: mesh.login, clean: data.clean }
}

async function bench(settings: ReturnType<typeof options>, started: Started) {
  requireNginx()
  const { systems, ...parts } = await startSystems(started)
  const run: Run = { ...parts, seconds: settings.seconds, say }
  const cells: Cell[] = []
  // One operation after the other: what a create leaves behind in the store would be in the way of lists.
  for (const operation of settings.only) {
    const same: Cell[] = []
    for (const system of systems.filter(one => one.operations.includes(operation))) {
      same.push(await findKnee(run, system, operation))
    }
    for (let round = 0; round < settings.rounds; round++) {
      await addRound(run, same, round, system => !isCached(system.name))
    }
    cells.push(...same)
  }
  return reportOf(cells, ownName)
}

/** The Console makes the first admin once it reaches Users, which may be a moment after the mesh is ready. */
async function adminToken({ login, base }: BenchMesh): Promise<string> {
  for (const deadline = Date.now() + 10_000; ; await delay(100)) {
    const token = await login().catch(error => {
      if (Date.now() > deadline) throw error
    })
    const headers = { authorization: `Bearer ${token}` }
    if (token && (await fetch(`${base}/api/v1/users?pageSize=1`, { headers })).ok) return token
  }
}

/** A comparison is fair only between systems that say the same. Throws when they do not. */
async function requireSameAnswers(systems: System[], token: string, id: string) {
  for (const path of [`/api/v1/users/${id}`, '/api/v1/users?pageSize=20']) {
    const answers = await Promise.all(
      systems.map(async ({ base }) => {
        const response = await fetch(`${base}${path}`, { headers: { authorization: `Bearer ${token}` } })
        const { nextPageToken, ...body } = await response.json()
        return { status: response.status, body, more: Boolean(nextPageToken) }
      }),
    )
    const other = answers.findIndex(answer => !isDeepStrictEqual(answer, answers[0]))
    if (other === -1) continue
    const [ours, theirs] = [answers[0], answers[other]].map(answer => JSON.stringify(answer).slice(0, 1500))
    throw new Error(`${systems[other]?.name} answers ${path} differently:\n${theirs}\nand ours:\n${ours}`)
  }
}

/** Loaded when asked for: they stand on generated code, which a fresh clone has not yet. */
const others: Record<string, () => Promise<(args: string[]) => Promise<number>>> = {
  'control-plane': async () => (await import('./control-plane/main.ts')).benchControlPlane,
  clients: async () => (await import('./clients/main.ts')).benchClients,
  events: async () => (await import('./events/main.ts')).benchEvents,
  statistics: async () => (await import('./statistics/main.ts')).benchStatistics,
  sourcing: async () => (await import('./sourcing/main.ts')).benchSourcing,
}

async function main() {
  const [command = '', ...rest] = process.argv.slice(2)
  const other = others[command]
  if (other) {
    await prepare(say, new AbortController().signal)
    process.exitCode = await (await other())(rest)
    return
  }
  const settings = options()
  if (settings.help) return console.log(help)
  const report = await stoppingAll(started => bench(settings, started))
  console.log(settings.json ? JSON.stringify(report, null, 2) : renderReport(report))
  if (report.rows.some(({ failures }) => failures > 0)) process.exitCode = 1
}

await main().catch(error => {
  console.error(`bench: ${error instanceof Error ? error.message : error}`)
  process.exit(1)
})
