/** `node mesh/bootstrap.mjs bench/dashboard/main.ts`: how soon pages are there, and how smoothly a hundred thousand users scroll. README.md says how. */
import { readFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Started, stoppingAll } from '../cleanup.ts'
import { startMesh } from '../mesh.ts'
import { launchChromium } from './chromium.ts'
import { measureScroll, type ScrollReport } from './scroll.ts'
import { seedUsers } from './seed.ts'
import { measureStart, type Start } from './start.ts'

const help = `node mesh/bootstrap.mjs bench/dashboard/main.ts [options]

  --users 100000       so many users
  --visits 9           so many of each page; the median is shown
  --json               the report as JSON
  --help

Takes SITE11_PORT (24000 here) to SITE11_PORT + 200.`

interface Report extends ScrollReport {
  starts: Start[]
}

async function bench(users: number, visits: number, started: Started): Promise<Report> {
  const folder = await mkdtemp(join(tmpdir(), 'site11-bench-'))
  const mesh = await startMesh(Number(process.env.SITE11_PORT ?? 24_000), folder)
  started(mesh.stop)
  await seedUsers(mesh.storeUrl, users)
  const browser = await launchChromium()
  started(() => browser.close())
  const admin = JSON.parse(readFileSync(join(folder, 'admin.json'), 'utf8'))
  const starts = await measureStart(browser, mesh.issuer, admin, visits)
  return { starts, ...(await measureScroll(browser, mesh.issuer, admin, users)) }
}

function render(users: number, { starts, flights, heapAtStartMiB, requests }: Report): string {
  const number = (value: number, digits: number, width: number) => value.toFixed(digits).padStart(width)
  const name = Math.max(...flights.map(flight => flight.name.length))
  return [
    `${cpus().length} x ${cpus()[0]?.model}, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}. ${users} users, 1440 x 900.`,
    `${''.padEnd(name)}  first paint ms  interactive ms  CPU ms   KiB  load`,
    ...starts.map(
      each =>
        `${each.name.padEnd(name)}  ${number(each.firstPaint, 0, 14)}  ${number(each.interactive, 0, 14)} ${number(each.cpu, 0, 7)} ` +
        `${number(each.kib, 0, 5)} ${number(each.load, 1, 5)}`,
    ),
    `${''.padEnd(name)}     rows   s      frames/s  p95  p99  max ms  waiting  CPU ms  heap MiB  nodes`,
    ...flights.map(
      each =>
        `${each.name.padEnd(name)}  ${number(each.rows, 0, 7)} ${number(each.seconds, 1, 5)}  ${number(each.framesPerSecond, 1, 9)} ` +
        `${number(each.p95, 0, 5)}${number(each.p99, 0, 5)}${number(each.longest, 0, 8)} ${number(each.waiting * 100, 1, 6)} % ` +
        `${number(each.cpu, 1, 6)}  ${number(each.heapMiB, 1, 8)}${number(each.nodes, 0, 7)}`,
    ),
    `Heap before: ${heapAtStartMiB.toFixed(1)} MiB. Pages asked for: ${requests}.`,
  ].join('\n')
}

const { values } = parseArgs({
  options: {
    users: { type: 'string', default: '100000' },
    visits: { type: 'string', default: '9' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) console.log(help)
else {
  const users = Number(values.users)
  if (!(Number.isInteger(users) && users >= 1000 && users <= 1_000_000))
    throw new Error(`--users must be a whole number from 1000 to 1000000, not ${values.users}.`)
  const visits = Number(values.visits)
  if (!(Number.isInteger(visits) && visits >= 1 && visits <= 100))
    throw new Error(`--visits must be a whole number from 1 to 100, not ${values.visits}.`)
  const report = await stoppingAll(started => bench(users, visits, started))
  console.log(values.json ? JSON.stringify(report) : render(users, report))
}
