/** What processes have used, from /proc (Linux). */

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** A process of a system, under the name that it has in the report. */
export interface BenchProcess {
  role: string
  pid: number
}

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))

/** @returns user and system time of a process with all its threads, us. Throws when there is no such process. */
export function cpuUs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // Fields after the command, which is in brackets and may hold anything: [11] utime, [12] stime, in ticks.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return ((Number(fields[11]) + Number(fields[12])) * 1e6) / ticksPerSecond
}

/** @returns resident memory, MiB. */
export function residentMiB(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kib ?? 0) / 1024
}

/** @returns the children of a process. */
export function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
}

/** @returns CPU time by role, us; processes of one role are added up. */
export function cpuByRole(processes: BenchProcess[]): Map<string, number> {
  const used = new Map<string, number>()
  for (const { role, pid } of processes) used.set(role, (used.get(role) ?? 0) + cpuUs(pid))
  return used
}
