import { execFileSync } from 'node:child_process'
import { linkSync, readFileSync, rmSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { writePrivate } from './files.ts'

/** One process for ever: pids are used again, a pid and a start are not. */
export type Identity = { pid: number; started: string }

/** mesh.json: which processes belong to this home, so that a later command finds the mesh, or what a killed one left behind. */
export type MeshRecord = {
  supervisor: Identity
  edgePort: number
  /** Path of the control socket. */
  socket: string
  processes: (Identity & { name: string })[]
}

/** When a process began, as its system tells it: with the pid it names one process for ever. Undefined when there is none. */
export function startedAt(pid: number): string | undefined {
  try {
    if (process.platform !== 'linux') {
      return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trim()
    }
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // Fields after the command, which is in brackets and may hold anything: [0] state, [19] start in ticks since boot.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (fields[0] === 'Z') return undefined
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${fields[19]}`
  } catch {
    return undefined
  }
}

export function identityOf(pid: number): Identity {
  return { pid, started: startedAt(pid) ?? 'gone' }
}

export function isAlive({ pid, started }: Identity): boolean {
  return startedAt(pid) === started
}

/** The record of a home; undefined when there is none or it cannot be understood. */
export function readRecord(file: string): MeshRecord | undefined {
  try {
    const record: Partial<MeshRecord> = JSON.parse(readFileSync(file, 'utf8'))
    const { supervisor, edgePort, socket, processes } = record
    if (!isIdentity(supervisor) || typeof edgePort !== 'number' || typeof socket !== 'string') return undefined
    return { supervisor, edgePort, socket, processes: Array.isArray(processes) ? processes.filter(isIdentity) : [] }
  } catch {
    return undefined
  }
}

function isIdentity(value: unknown): value is Identity {
  const { pid, started } = (value ?? {}) as Partial<Identity>
  return Number.isInteger(pid) && Number(pid) > 1 && typeof started === 'string'
}

/** The record of the mesh that runs, if one does. */
export function runningMesh(file: string): MeshRecord | undefined {
  const record = readRecord(file)
  return record && isAlive(record.supervisor) ? record : undefined
}

export function writeRecord(file: string, record: MeshRecord): void {
  writePrivate(file, `${JSON.stringify(record, null, 2)}\n`)
}

/** Makes the record unless there is one: of two starts at the same moment one gets false. */
export function claimRecord(file: string, record: MeshRecord): boolean {
  const own = `${file}.claim-${process.pid}`
  writeRecord(own, record)
  try {
    linkSync(own, file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    rmSync(own, { force: true })
  }
}

/** Ends what a mesh that is gone left running, last started first: SIGTERM, and SIGKILL after `graceMs`. Returns what it ended. */
export async function endOrphans(record: MeshRecord, graceMs = 5000): Promise<Identity[]> {
  const orphans = record.processes.filter(isAlive).reverse()
  for (const { pid } of orphans) signal(pid, 'SIGTERM')
  const deadline = Date.now() + graceMs
  while (orphans.some(isAlive) && Date.now() < deadline) await delay(25)
  // Each leads a group of its own, with whatever it started.
  for (const { pid } of orphans) signal(-pid, 'SIGKILL')
  while (orphans.some(isAlive)) await delay(25)
  return orphans
}

/** Sends a signal; a process that is gone meanwhile is no error. A negative pid means the group. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
