import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { MeshError, reasonOf } from './errors.ts'
import type { Level } from './logs.ts'
import { type Identity, identityOf, signal } from './record.ts'

/** What is to run, where it will answer, and how to see that it does. */
export type ProcessSpec = {
  name: string
  command: string
  args: string[]
  cwd: string
  /** The whole environment, nothing is inherited. */
  env: NodeJS.ProcessEnv
  /** host:port it serves on. */
  address: string
  /** Resolves when the process can do its work; rejects when `signal` fires, with the last reason why it cannot. */
  ready: (signal: AbortSignal) => Promise<void>
  /** For what does not finish its work by itself on SIGTERM: has it take no more, and resolves when nothing is left to do. */
  drain?: (signal: AbortSignal) => Promise<void>
  /** The lowest level the terminal shows; the file has all. */
  terminal: Level
}

export type ProcessState = 'starting' | 'healthy' | 'failing' | 'draining' | 'stopped'

export type ProcessStatus = {
  name: string
  state: ProcessState
  address: string
  pid?: number
  /** Epoch ms of the running process's start. */
  startedAt?: number
  restarts: number
  /** Why it is not healthy. */
  reason?: string
}

/** What a process tells the supervisor as it lives. */
export type ProcessEvents = {
  say: (level: Level, msg: string, fields?: Record<string, unknown>) => void
  output: (stream: 'stdout' | 'stderr', chunk: Buffer) => void
  /** Nothing more will come from the process that ran. */
  ended: () => void
  /** Called after every start and every end. */
  changed: () => void
}

export type ManagedProcess = {
  spec: ProcessSpec
  status: () => ProcessStatus
  identity: () => Identity | undefined
  /** Resolves when healthy; rejects with a MeshError when the process ends before that or is not ready in time. */
  whenReady: () => Promise<void>
  /** Has it finish its work, for at most `limitMs`. To be stopped afterwards. Never rejects. */
  drain: (limitMs: number) => Promise<void>
  /** SIGTERM, SIGKILL after `graceMs`; resolves when the process and all it started are gone. Never rejects. */
  stop: (graceMs: number) => Promise<void>
}

const readyTimeoutMs = 60_000
const steadyMs = 30_000

/** How long to wait before start number `failures` + 1, in ms: 0.2 s doubling to 10 s. `failures` counts ends in a row, the first is 1. */
export function backoffMs(failures: number): number {
  return Math.min(200 * 2 ** (failures - 1), 10_000)
}

/** Ends in a row after one more: a process that lived 30 s begins anew. */
export function countFailure(failures: number, livedMs: number): number {
  return livedMs >= steadyMs ? 1 : failures + 1
}

/** What to say of a process whose folder is gone, which the system would say of its command. */
export const goneFolder = ({ cwd, name }: Pick<ProcessSpec, 'cwd' | 'name'>) =>
  `its folder ${cwd} is gone; put it back, or deploy a build that is there: npm run mesh -- deploy ${name.replace(/-\d+$/, '')}`

/** A promise that nobody has to wait for. */
function newReadiness() {
  const readiness = Promise.withResolvers<void>()
  readiness.promise.catch(() => {})
  return readiness
}

/** Starts a process and keeps it running until stopped: whenever it ends, it is started again, after a growing pause. */
export function runProcess(spec: ProcessSpec, events: ProcessEvents): ManagedProcess {
  const stopping = new AbortController()
  let state: ProcessState = 'starting'
  let reason: string | undefined
  let child: ChildProcess | undefined
  let identity: Identity | undefined
  let startedAt: number | undefined
  let restarts = 0
  let readiness = newReadiness()
  const life = live()

  async function live() {
    for (let failures = 0; !stopping.signal.aborted; restarts++) {
      const began = Date.now()
      const end = await runOnce()
      readiness.reject(new MeshError(`${spec.name} ${end} before it was ready`))
      if (stopping.signal.aborted) break
      failures = countFailure(failures, Date.now() - began)
      const pause = backoffMs(failures)
      state = 'failing'
      reason = end
      events.say('error', `${spec.name} ${end}: starting it again in ${pause / 1000} s`)
      events.changed()
      await delay(pause, undefined, { signal: stopping.signal }).catch(() => {})
      readiness = newReadiness()
    }
    state = 'stopped'
    reason = undefined
    events.changed()
  }

  /** One life, from start to end. Resolves to how it ended. */
  async function runOnce(): Promise<string> {
    state = 'starting'
    // A group of its own: Ctrl-C in the terminal must reach the supervisor alone, which then stops all in order.
    const current = spawn(spec.command, spec.args, {
      cwd: spec.cwd,
      env: spec.env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const ended = new Promise<string>(resolve => {
      current.once('error', error =>
        resolve(`could not be started (${existsSync(spec.cwd) ? error.message : goneFolder(spec)})`),
      )
      current.once('exit', (code, name) => resolve(name ? `was ended by ${name}` : `ended with code ${code}`))
    })
    const closed = new Promise(resolve => current.once('close', resolve))
    current.stdout.on('data', chunk => events.output('stdout', chunk))
    current.stderr.on('data', chunk => events.output('stderr', chunk))
    child = current
    startedAt = Date.now()
    identity = current.pid === undefined ? undefined : identityOf(current.pid)
    events.changed()

    const gone = new AbortController()
    const watching = watch(AbortSignal.any([gone.signal, stopping.signal]))
    const end = await ended
    gone.abort()
    await watching
    // What it started and left behind ends with it.
    if (current.pid !== undefined) signal(-current.pid, 'SIGKILL')
    // Its last words; not for long, as something that left its group could hold the pipes for ever.
    await Promise.race([closed, delay(500)])
    current.stdout.destroy()
    current.stderr.destroy()
    events.ended()
    child = undefined
    identity = undefined
    startedAt = undefined
    return end
  }

  /** Looks until the process is ready or gone. One that takes too long is failing, and healthy again once it answers. */
  async function watch(gone: AbortSignal) {
    const began = Date.now()
    const seconds = () => ((Date.now() - began) / 1000).toFixed(1)
    while (!gone.aborted) {
      try {
        await spec.ready(AbortSignal.any([gone, AbortSignal.timeout(readyTimeoutMs)]))
        if (gone.aborted) return
        state = 'healthy'
        reason = undefined
        readiness.resolve()
        events.say('info', `${spec.name} is ready at ${spec.address} after ${seconds()} s`)
        return
      } catch (error) {
        if (gone.aborted) return
        state = 'failing'
        reason = `not ready after ${seconds()} s: ${reasonOf(error)}`
        events.say('error', `${spec.name} is ${reason}`)
        readiness.reject(new MeshError(`${spec.name} is ${reason}`))
        readiness = newReadiness()
      }
    }
  }

  return {
    spec,
    status: () => ({ name: spec.name, state, address: spec.address, pid: identity?.pid, startedAt, restarts, reason }),
    identity: () => identity,
    whenReady: () => readiness.promise,
    async drain(limitMs) {
      if (state !== 'healthy' || !spec.drain) return
      state = 'draining'
      await spec.drain(AbortSignal.timeout(limitMs)).catch(error => {
        events.say('warn', `${spec.name} could not be drained: ${reasonOf(error)}`)
      })
    },
    async stop(graceMs) {
      if (!stopping.signal.aborted) {
        state = 'draining'
        stopping.abort()
        if (child?.pid !== undefined) signal(child.pid, 'SIGTERM')
        events.changed()
      }
      const pid = child?.pid
      const killer = setTimeout(() => {
        if (pid === undefined || child?.pid !== pid) return
        events.say('warn', `${spec.name} did not stop within ${graceMs / 1000} s: killed`)
        signal(-pid, 'SIGKILL')
      }, graceMs)
      await life
      clearTimeout(killer)
    },
  }
}
