import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { styleText } from 'node:util'
import type { Home } from './home.ts'
import type { ProcessState, ProcessStatus } from './process.ts'

/** What `status` shows, and its JSON. */
export type MeshStatus = {
  url: string
  home: string
  /** What GET /health says. */
  health: { ok: boolean; detail: string }
  processes: (ProcessStatus & { rssMiB?: number })[]
}

/** Resident memory of a process in MiB, if it can be seen. */
export function memoryMiB(pid: number): number | undefined {
  try {
    const kib =
      process.platform === 'linux'
        ? /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
        : execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })
    return Math.round(Number(kib) / 1024)
  } catch {
    return undefined
  }
}

type Part = { name?: string; status?: string; reason?: string; instances?: Part[] }

/** What /health says is wrong, in a line; what is no report of ours is given as it is. */
export function problemsIn(body: string): string {
  let report: Record<'services' | 'dependencies' | 'proxies', Part[] | undefined> & { problems?: string[] }
  try {
    report = JSON.parse(body)
  } catch {
    return body.trim()
  }
  const { services = [], dependencies = [], proxies = [], problems = [] } = report ?? {}
  const parts = [...services, ...services.flatMap(({ instances = [] }) => instances), ...dependencies, ...proxies]
  const failing = parts.filter(({ status }) => status !== 'healthy')
  const lines = failing.map(({ name, status, reason }) => `${name} is ${status}${reason ? `: ${reason}` : ''}`)
  return [...lines, ...problems].join('; ') || body.trim()
}

type Style = Parameters<typeof styleText>[0]
/** Colour, shape and word: a state is never told by colour alone. */
const states: Record<ProcessState, { shape: string; style: Style }> = {
  healthy: { shape: '●', style: 'green' },
  starting: { shape: '◌', style: 'cyan' },
  failing: { shape: '✕', style: 'red' },
  draining: { shape: '○', style: 'yellow' },
  stopped: { shape: '·', style: 'dim' },
}

/** The status as a table, with what is wrong below it. */
export function renderStatus(status: MeshStatus, now = Date.now()): string {
  const head = ['NAME', 'STATE', 'PID', 'ADDRESS', 'UP', 'RESTARTS', 'MEMORY']
  const rows = status.processes.map(one => [
    one.name,
    `${states[one.state].shape} ${one.state}`,
    String(one.pid ?? '-'),
    one.address || '-',
    one.startedAt === undefined ? '-' : duration(now - one.startedAt),
    String(one.restarts),
    one.rssMiB === undefined ? '-' : `${one.rssMiB} MiB`,
  ])
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map(row => row[column]?.length ?? 0)))
  const line = (cells: string[], style: (cell: string, column: number) => string) =>
    cells
      .map((cell, column) => style(cell.padEnd(widths[column] ?? 0), column))
      .join('  ')
      .trimEnd()
  const table = rows.map((row, index) => {
    const state = status.processes[index]?.state ?? 'stopped'
    return line(row, (cell, column) => (column === 1 ? styleText(states[state].style, cell) : cell))
  })
  const reasons = status.processes.flatMap(one => (one.reason ? [`${one.name}: ${one.reason}`] : []))
  const health = status.health.ok
    ? `${styleText('green', '● healthy')}  ${status.url}`
    : `${styleText('red', '✕ not healthy')}  ${status.health.detail}`
  return [line(head, cell => styleText('dim', cell)), ...table, '', ...reasons, health].join('\n')
}

/** 75,000 ms is "1m 15s". */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
  ]
  if (days > 0) return `${days}d ${hours}h`
  if (hours > 0) return `${hours}h ${minutes}m`
  if (minutes > 0) return `${minutes}m ${seconds % 60}s`
  return `${seconds}s`
}

/** What a newcomer needs once the mesh is up. The first admin's password is shown at the first start only. */
export function renderSummary(mesh: {
  home: Home
  publicUrl: string
  startedMs: number
  showPassword: boolean
  detached: boolean
}): string {
  const { home, publicUrl, startedMs, showPassword, detached } = mesh
  const row = (title: string, text: string) => `  ${title.padEnd(12)}${text}`
  return [
    '',
    `${styleText('green', '●')} ${styleText('bold', 'site11 is ready')} after ${(startedMs / 1000).toFixed(1)} s`,
    '',
    row('Dashboard', publicUrl),
    row('REST', `${publicUrl}/api/v1    described by ${publicUrl}/openapi.json`),
    row('gRPC', `${new URL(publicUrl).host}    gRPC-Web on the same port`),
    row('First admin', adminLine(home.admin, showPassword)),
    row('Logs', `${home.logs}    npm run mesh -- logs`),
    row('Stop', detached ? 'npm run mesh -- stop' : 'Ctrl-C'),
    '',
  ].join('\n')
}

function adminLine(file: string, showPassword: boolean): string {
  try {
    const { email, password } = JSON.parse(readFileSync(file, 'utf8'))
    return showPassword ? `${email}    password ${password}    kept in ${file}` : `${email}    password in ${file}`
  } catch {
    return 'there is none yet: npm run mesh -- logs console'
  }
}
