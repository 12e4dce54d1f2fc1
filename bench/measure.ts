/** One measurement: a job of the driver, and what the system's processes used meanwhile. */
import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import type { DriverMessage, Job } from './driver.ts'
import type { LoopResult } from './load/loops.ts'
import type { Operation } from './operations.ts'
import { type BenchProcess, cpuByRole, residentMiB } from './process-usage.ts'

export interface System {
  name: string
  base: string
  operations: Operation[]
  processes(): BenchProcess[]
}

export interface Measurement extends LoopResult {
  /** CPU time by role, us a request. */
  cpuUs: Record<string, number>
  /** Resident memory of all processes but the store, MiB. */
  residentMiB: number
}

export interface Driver {
  measure(system: System, job: Omit<Job, 'base'>): Promise<Measurement>
  stop(): void
}

export function startDriver(): Driver {
  const child = fork(join(import.meta.dirname, 'driver.ts'), {
    execArgv: ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=32'],
  })
  return {
    async measure(system, job) {
      const processes = system.processes()
      let before = new Map<string, number>()
      let after = before
      const result = await runJob(child, { ...job, base: system.base }, type => {
        if (type === 'begun') before = cpuByRole(processes)
        else after = cpuByRole(processes)
      })
      const cpuUs = Object.fromEntries(
        [...after].map(([role, us]) => [role, (us - (before.get(role) ?? 0)) / Math.max(1, result.count)]),
      )
      const resident = processes.filter(({ role }) => role !== 'store').map(({ pid }) => residentMiB(pid))
      return { ...result, cpuUs, residentMiB: resident.reduce((sum, each) => sum + each, 0) }
    },
    stop: () => void child.kill(),
  }
}

function runJob(child: ChildProcess, job: Job, edge: (type: 'begun' | 'ended') => void): Promise<LoopResult> {
  return new Promise((resolve, reject) => {
    const exited = () => reject(new Error('The driver has ended.'))
    child.once('exit', exited)
    const hear = (message: unknown) => {
      const news = message as DriverMessage
      if (news.type !== 'result') return edge(news.type)
      child.off('message', hear)
      child.off('exit', exited)
      resolve(news.result)
    }
    child.on('message', hear)
    child.send(job)
  })
}

/** CPU of the whole chain without the store, us a request. */
export function chainUs({ cpuUs }: Pick<Measurement, 'cpuUs'>): number {
  return Object.entries(cpuUs).reduce((sum, [role, us]) => (role === 'store' ? sum : sum + us), 0)
}
