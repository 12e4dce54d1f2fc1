/** The processes of the mesh, as `npm run mesh -- status --json` shows them. */
import { startedAt } from '../mesh/record.ts'
import type { MeshStatus } from '../mesh/status.ts'
import { meshCommand } from './cli.ts'
import { until } from './until.ts'

export async function statusOf(settings: Record<string, string>): Promise<MeshStatus> {
  const { code, stdout, stderr } = await meshCommand(['status', '--json'], settings)
  if (code !== 0) throw new Error(`status: ${stderr}`)
  return JSON.parse(stdout)
}

/** @returns the pid of each process that runs, by name; `mesh` is the supervisor. */
export async function pidsOf(settings: Record<string, string>): Promise<Record<string, number>> {
  const { processes } = await statusOf(settings)
  return Object.fromEntries(processes.flatMap(({ name, pid }) => (pid === undefined ? [] : [[name, pid]])))
}

/** Waits until /health is green. */
export async function untilHealthy(url: string): Promise<void> {
  await until('/health is 200', async () => (await fetch(`${url}/health`)).status === 200, 60_000)
}

/** @returns the pids among these that are still there. */
export function livingOf(pids: number[]): number[] {
  return pids.filter(pid => startedAt(pid) !== undefined)
}
