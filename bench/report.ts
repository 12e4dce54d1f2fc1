/** What a run found, as data and as a table. */
import { cpus } from 'node:os'
import { chainUs } from './measure.ts'
import { type Operation, operations } from './operations.ts'
import type { Cell } from './rounds.ts'
import { type Spread, spreadOf } from './stats.ts'

export interface Row {
  system: string
  operation: Operation
  requestsPerSecond: Spread
  /** CPU of the whole chain without the store, us a request. */
  chainUs: Spread
  /** The same by process; `store` apart. Medians, us a request. */
  cpuUs: Record<string, number>
  /** Requests a second. */
  knee: number
  /** In the open loop at half of the knee; absent where only CPU is measured. */
  p50Ms?: Spread
  p95Ms?: Spread
  p99Ms?: Spread
  residentMiB: number
  failures: number
  /** `chainUs` of the first system divided by that of this one, round by round. Only beside the same operation. */
  ratio?: Spread
}

export interface Report {
  machine: string
  date: string
  node: string
  rounds: number
  rows: Row[]
}

/** @param cells all with the same number of rounds. @param own the name of the system that the others are compared with. */
export function reportOf(cells: Cell[], own: string): Report {
  const [cpu] = cpus()
  return {
    machine: `${cpus().length} x ${cpu?.model ?? 'unknown processor'}`,
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    rounds: cells[0]?.closed.length ?? 0,
    rows: cells.map(cell =>
      rowOf(
        cell,
        cells.find(other => other.system.name === own && other.operation === cell.operation),
      ),
    ),
  }
}

function rowOf({ system, operation, knee, closed, open }: Cell, own: Cell | undefined): Row {
  const roles = [...new Set(closed.flatMap(({ cpuUs }) => Object.keys(cpuUs)))]
  const sumOf = (failures: Record<string, number>) => Object.values(failures).reduce((sum, count) => sum + count, 0)
  const ratios = closed.flatMap((one, round) => {
    const ours = own?.closed[round]
    return ours ? [chainUs(ours) / chainUs(one)] : []
  })
  return {
    system: system.name,
    operation,
    requestsPerSecond: spreadOf(closed.map(({ count, seconds }) => count / seconds)),
    chainUs: spreadOf(closed.map(chainUs)),
    cpuUs: Object.fromEntries(roles.map(role => [role, spreadOf(closed.map(({ cpuUs }) => cpuUs[role] ?? 0)).median])),
    knee,
    ...(open.length > 0 && {
      p50Ms: spreadOf(open.map(({ p50Ms }) => p50Ms)),
      p95Ms: spreadOf(open.map(({ p95Ms }) => p95Ms)),
      p99Ms: spreadOf(open.map(({ p99Ms }) => p99Ms)),
    }),
    residentMiB: spreadOf(closed.map(({ residentMiB }) => residentMiB)).median,
    failures: [...closed, ...open].reduce((sum, { failures }) => sum + sumOf(failures), 0),
    ...(ratios.length > 0 && own?.system !== system && { ratio: spreadOf(ratios) }),
  }
}

const whole = ({ median, min, max }: Spread) => `${median.toFixed(0)} (${min.toFixed(0)}-${max.toFixed(0)})`
const tenths = (spread: Spread | undefined) => spread?.median.toFixed(1) ?? '-'
const columns: [title: string, cell: (row: Row) => string][] = [
  ['', ({ system }) => system],
  ['requests/s', ({ requestsPerSecond }) => whole(requestsPerSecond)],
  ['chain us', row => whole(row.chainUs)],
  ['edge', ({ cpuUs }) => microseconds(cpuUs.edge)],
  ['gateway', ({ cpuUs }) => microseconds(cpuUs.gateway)],
  ['service', ({ cpuUs }) => microseconds(cpuUs.service)],
  [
    'other',
    ({ cpuUs }) =>
      microseconds((cpuUs.console ?? 0) + (cpuUs.redis ?? 0) + (cpuUs.statistics ?? 0) + (cpuUs.supervisor ?? 0)),
  ],
  ['store', ({ cpuUs }) => microseconds(cpuUs.store)],
  [
    'ours/this',
    ({ ratio }) => (ratio ? `${ratio.median.toFixed(2)} (${ratio.min.toFixed(2)}-${ratio.max.toFixed(2)})` : ''),
  ],
  ['at /s', ({ knee, p50Ms }) => (p50Ms ? (knee / 2).toFixed(0) : '-')],
  ['p50', row => tenths(row.p50Ms)],
  ['p95', row => tenths(row.p95Ms)],
  ['p99 ms', row => tenths(row.p99Ms)],
  ['MiB', ({ residentMiB }) => residentMiB.toFixed(0)],
  ['failed', ({ failures }) => String(failures)],
]

const microseconds = (us: number | undefined) => (us === undefined ? '-' : us.toFixed(0))

/** The table for a terminal: one block for each operation. */
export function renderReport({ machine, date, node, rounds, rows }: Report): string {
  const cells = rows.map(row => columns.map(([, cell]) => cell(row)))
  const widths = columns.map(([title], index) => Math.max(title.length, ...cells.map(row => row[index]?.length ?? 0)))
  const line = (texts: string[]) =>
    texts
      .map((text, index) => (index === 0 ? text.padEnd(widths[0] ?? 0) : text.padStart(widths[index] ?? 0)))
      .join('  ')
  const blocks = [...new Set(rows.map(({ operation }) => operation))].flatMap(operation => [
    '',
    operations[operation],
    ...cells.filter((_, index) => rows[index]?.operation === operation).map(line),
  ])
  return [
    `${machine}, Node ${node}, ${date}. Medians of ${rounds} rounds (lowest-highest); CPU in us a request.`,
    line(columns.map(([title]) => title)),
    ...blocks,
  ].join('\n')
}
