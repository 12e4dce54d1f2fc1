/** The metrics page of the mesh, as promtool and a real Prometheus take it. */
import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { homeOf } from '../mesh/home.ts'
import { admin, register } from './accounts.ts'
import { mesh } from './api.ts'
import { startCalling } from './calling-instance.ts'
import { root } from './cli.ts'
import { send } from './http.ts'
import { prometheusTools, startPrometheus } from './prometheus.ts'
import { until } from './until.ts'

const { metricsToken, engines } = homeOf(mesh.settings)
const token = () => readFileSync(metricsToken, 'utf8')
const pageOf = async (token: string | undefined) => await send(mesh.url, '/metrics', { token })
const linesOf = (page: string, name: string) => page.split('\n').filter(line => line.startsWith(`${name}{`))

let tools: Awaited<ReturnType<typeof prometheusTools>>
beforeAll(async () => {
  tools = await prometheusTools(engines)
})

test('metrics are for who shows the metrics token, or may read the mesh', async () => {
  const { session } = await register()
  const nobody = await send(mesh.url, '/metrics')
  expect([nobody.status, nobody.headers['www-authenticate'], nobody.json()]).toMatchObject([
    401,
    'Bearer realm="site11"',
    { code: 16, details: [{ reason: 'TOKEN_MISSING' }] },
  ])
  expect((await pageOf('nonsense')).json()).toMatchObject({ code: 16, details: [{ reason: 'TOKEN_INVALID' }] })
  const user = await pageOf(session.accessToken)
  expect([user.status, user.json()]).toMatchObject([403, { code: 7, details: [{ reason: 'SCOPE_MISSING' }] }])
  for (const good of [token(), await admin()]) {
    const { status, headers } = await pageOf(good)
    expect([status, headers['content-type'], headers['cache-control']]).toEqual([
      200,
      'text/plain; version=0.0.4; charset=utf-8',
      'no-store',
    ])
  }
})

test('every process is on the page, with its loop, heap, databases and calls, and promtool finds nothing wrong', async () => {
  // A process takes its own measure some seconds after it has started.
  const text = await until('all have measured themselves', async () => {
    const { text } = await pageOf(token())
    const lines = linesOf(text, 'process_cpu_time_seconds_total').join()
    return ['console', 'users', 'statistics'].every(name => lines.includes(`service="${name}"`)) && text
  })
  for (const service of ['console', 'users', 'statistics']) {
    const of = `service="${service}"`
    for (const name of [
      'site11_up',
      'nodejs_eventloop_delay_seconds_count',
      'v8js_memory_heap_used_bytes',
      'v8js_gc_duration_seconds_count',
      'process_cpu_time_seconds_total',
      'process_memory_usage_bytes',
      'db_client_operation_duration_seconds_count',
    ]) {
      expect([service, name, linesOf(text, name).some(line => line.includes(of))]).toEqual([service, name, true])
    }
  }
  expect(linesOf(text, 'rpc_server_duration_seconds_count').join()).toContain('site11.users.v1.UsersService/')
  expect(linesOf(text, 'site11_events_group_lag').join()).toContain('stream="users"')
  expect(linesOf(text, 'envoy_server_live').join()).toContain('instance="envoy-1"')
  const { stderr, error } = spawnSync(tools.promtool, ['check', 'metrics'], { input: text, encoding: 'utf8' })
  expect(error).toBeUndefined()
  // Envoy names its own as it likes, and they are known by these names.
  expect(stderr.split('\n').filter(line => line && !line.startsWith('envoy_'))).toEqual([])
})

test('a process that does not answer is shown as down, and nothing of it', async () => {
  const silent = await startCalling('silent', 'users')
  try {
    await until('it is listed', async () => {
      const { text } = await pageOf(token())
      return linesOf(text, 'site11_up').some(line => line.includes('instance="silent-1"'))
    })
    const { text } = await pageOf(token())
    expect(text.split('\n').filter(line => line.includes('"silent-1"') && !line.includes('failures'))).toEqual([
      'site11_up{service="silent",instance="silent-1",version="1.0.0"} 0',
    ])
    expect(linesOf(text, 'site11_metrics_failures_total').join()).toContain('of="silent-1"')
    expect(linesOf(text, 'site11_up').filter(line => line.endsWith(' 1')).length).toBeGreaterThanOrEqual(4)
  } finally {
    silent.close()
  }
})

/** What Grafana asks, with its variables as they are when everything is looked at. */
interface Dashboard {
  panels: { title: string; targets?: { expr: string; legendFormat: string }[] }[]
}
const dashboard: Dashboard = JSON.parse(readFileSync(join(root, 'deploy/grafana/site11.json'), 'utf8'))
const questions = dashboard.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr, legendFormat }) => ({
    title,
    expr: expr.replaceAll('$__rate_interval', '12s').replaceAll('$service', '.*'),
    legend: [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label),
  })),
)

/** @returns the names in an expression that are neither functions, labels nor words of the language: those of metrics. */
function metricsIn(expr: string): string[] {
  const bare = expr.replaceAll(/\{[^}]*\}|\[[^\]]*\]|\b(by|without|on|ignoring) \([^)]*\)/g, ' ')
  const names = bare.matchAll(/\b[a-zA-Z_:][\w:]*\b(?!\s*\()/g)
  return [...names].map(([name]) => name).filter(name => !['and', 'or', 'unless', 'bool', 'offset'].includes(name))
}

test('the dashboard for Grafana asks only for what the mesh serves', async () => {
  const { text } = await pageOf(token())
  const asked = new Set(questions.flatMap(({ expr }) => metricsIn(expr)))
  expect(asked.size).toBeGreaterThan(15)
  expect([...asked].filter(name => linesOf(text, name).length === 0)).toEqual([])
})

test('a real Prometheus scrapes the mesh with the configuration in deploy/, and answers, the dashboard for Grafana as well', async () => {
  const file = join(root, 'deploy/prometheus.yml')
  execFileSync(tools.promtool, ['check', 'config', '--syntax-only', file], { stdio: 'pipe' })
  const config = readFileSync(file, 'utf8')
    .replace('../.site11/metrics-token', resolve(metricsToken))
    .replace('localhost:8000', `localhost:${mesh.port}`)
    .replace('15s', '3s')
    .replace('10s', '3s')
  const prometheus = await startPrometheus(tools, config)
  try {
    const up = await until('a scrape', async () => {
      const found = await prometheus.query('site11_up == 1')
      if (found.length < 4) throw new Error(await prometheus.problem())
      return found
    })
    expect(new Set(up.map(({ metric }) => metric.service))).toEqual(
      new Set(['console', 'envoy', 'statistics', 'users']),
    )
    const [heap] = await prometheus.query('max by (instance) (v8js_memory_heap_used_bytes{instance="users-1"})')
    expect(heap?.value).toBeGreaterThan(1e6)
    const rate = 'histogram_quantile(0.99, sum by (le) (rate(rpc_server_duration_seconds_bucket{service="users"}[1m])))'
    await until('rates', async () => (await prometheus.query(rate)).length === 1)
    for (const { title, expr, legend } of questions) {
      const found = await until(title, async () => {
        const samples = await prometheus.query(expr)
        return samples.length > 0 && samples
      })
      const unnamed = found.filter(({ metric }) => !legend.every(label => metric[label]))
      expect([title, unnamed]).toEqual([title, []])
    }
  } finally {
    await prometheus.stop()
  }
})
