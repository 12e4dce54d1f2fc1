/**
 * A real Prometheus with its promtool: those on PATH, else Debian's, fetched once into the folder of the engines. They are for tests alone:
 * the mesh needs none.
 */
import { execFile, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from '@site11/runtime/test-ports.ts'
import { until } from './until.ts'

const run = promisify(execFile)

interface Tools {
  prometheus: string
  promtool: string
}

/** @param folder of the engines. @throws Error that says how to get them. */
export async function prometheusTools(folder: string): Promise<Tools> {
  const onPath = (process.env.PATH ?? '').split(delimiter).map(toolsIn).find(areThere)
  if (onPath) return onPath
  const kept = join(folder, 'prometheus')
  if (!areThere(toolsIn(kept))) await fetchInto(kept, folder)
  return toolsIn(kept)
}

const toolsIn = (folder: string): Tools => ({
  prometheus: join(folder, 'prometheus'),
  promtool: join(folder, 'promtool'),
})
const areThere = ({ prometheus, promtool }: Tools) => existsSync(prometheus) && existsSync(promtool)

/** By apt, which checks whose package it is. Nothing is installed. */
async function fetchInto(kept: string, folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const work = mkdtempSync(join(folder, '.fetch-prometheus-'))
  try {
    const fetchPackage = () => run('apt-get', ['download', 'prometheus'], { cwd: work })
    // A machine that has just been set up does not know of any packages yet.
    await fetchPackage().catch(() => run('apt-get', ['update']).then(fetchPackage))
    const [name = ''] = readdirSync(work)
    await run('dpkg', ['--extract', name, 'files'], { cwd: work })
    rmSync(kept, { recursive: true, force: true })
    renameSync(join(work, 'files/usr/bin'), kept)
  } catch (error) {
    throw new Error(
      `Prometheus is not on PATH and apt cannot fetch it. Install prometheus with promtool, such as from https://prometheus.io/download. ${error}`,
    )
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

export interface Prometheus {
  /** @returns the samples that a query has now: their labels and values. */
  query(promql: string): Promise<{ metric: Record<string, string>; value: number }[]>
  /** Why the last scrape failed. */
  problem(): Promise<string>
  stop(): Promise<void>
}

/** Starts it with a configuration, on a free port of the loopback interface, keeping nothing. */
export async function startPrometheus({ prometheus }: Tools, config: string): Promise<Prometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'site11-prometheus-'))
  const file = join(folder, 'prometheus.yml')
  writeFileSync(file, config)
  const address = `127.0.0.1:${await freePort()}`
  const child = spawn(
    prometheus,
    [`--config.file=${file}`, `--storage.tsdb.path=${join(folder, 'data')}`, `--web.listen-address=${address}`],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk).slice(-4000)
  })
  const ended = new Promise<void>(resolve => child.once('close', () => resolve()))
  const stop = async () => {
    child.kill('SIGTERM')
    await ended
    rmSync(folder, { recursive: true })
  }
  try {
    await until('Prometheus is ready', async () => {
      if (child.exitCode !== null) throw new Error(said)
      return (await fetch(`http://${address}/-/ready`)).ok
    })
  } catch (error) {
    await stop()
    throw error
  }
  return {
    async query(promql) {
      const response = await fetch(`http://${address}/api/v1/query?${new URLSearchParams({ query: promql })}`)
      const { data, error } = (await response.json()) as {
        data?: { result: { metric: Record<string, string>; value: [number, string] }[] }
        error?: string
      }
      if (!data) throw new Error(error)
      return data.result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }))
    },
    async problem() {
      const { data } = (await (await fetch(`http://${address}/api/v1/targets`)).json()) as {
        data: { activeTargets: { lastError: string }[] }
      }
      return data.activeTargets.map(({ lastError }) => lastError).join('; ')
    },
    stop,
  }
}
