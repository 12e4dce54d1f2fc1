/**
 * What operators do to the mesh, from the click until every proxy has it: kept apart from the pages, so that it goes on when one
 * leaves them.
 */
import type { WaitForAcksResponse, WaitingProxy } from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'

export type Verb = 'drain' | 'resume' | 'restart' | 'remove' | 'scale' | 'traffic'

/** `sending` until the Console has done it, `waiting` until every proxy has taken it. */
export interface Progress {
  verb: Verb
  phase: 'sending' | 'waiting' | 'done' | 'failed'
  /** The id of the change in the journal; zero while it is not known. */
  change: bigint
  /** The proxies that have not taken it, as far as was asked. */
  waiting: readonly WaitingProxy[]
  /** Why it failed. */
  error: unknown
}

export interface ProgressOptions {
  /** Asks once, for a few seconds. `change` zero means the last one. */
  waitForAcks: (change: bigint) => Promise<Pick<WaitForAcksResponse, 'taken' | 'waiting'>>
  /** How long success stays in sight. ms. */
  shownMs?: number
  /** After a question that failed, as when the Console restarts. ms. */
  pauseMs?: number
  /** So many failures in a row end the waiting. */
  patience?: number
}

export function createProgress({ waitForAcks, shownMs = 6_000, pauseMs = 1_000, patience = 20 }: ProgressOptions) {
  const all = new Map<string, Progress>()
  const listeners = new Set<() => void>()

  function set(subject: string, progress: Progress | undefined) {
    if (progress) all.set(subject, progress)
    else all.delete(subject)
    for (const listener of listeners) listener()
  }

  /**
   * @param subject what it is done to, such as `instances/users-1`. What is done to it next takes the place of this.
   * @param call does it at the Console. @returns the change that it made; undefined means the last one there is.
   * @returns whether the Console has done it. What proxies do then is not waited for.
   */
  async function run(subject: string, verb: Verb, call: () => Promise<bigint | undefined>): Promise<boolean> {
    let now: Progress = { verb, phase: 'sending', change: 0n, waiting: [], error: undefined }
    const tell = (part: Partial<Progress>) => {
      const overtaken = all.get(subject) !== now
      now = { ...now, ...part }
      if (!overtaken) set(subject, now)
      return !overtaken
    }
    set(subject, now)
    try {
      const change = (await call()) ?? 0n
      tell({ phase: 'waiting', change })
    } catch (error) {
      tell({ phase: 'failed', error })
      return false
    }
    void follow(now.change, tell).then(done => {
      if (done) setTimeout(() => all.get(subject) === now && set(subject, undefined), shownMs)
    })
    return true
  }

  /** @returns whether every proxy has it, and nobody does something else meanwhile. */
  async function follow(change: bigint, tell: (part: Partial<Progress>) => boolean): Promise<boolean> {
    for (let failures = 0; ; ) {
      try {
        const { taken, waiting } = await waitForAcks(change)
        if (taken) return tell({ phase: 'done', waiting: [] })
        if (!tell({ waiting })) return false
        failures = 0
      } catch (error) {
        failures++
        if (failures > patience) return tell({ phase: 'failed', error }) && false
        await new Promise(resolve => setTimeout(resolve, pauseMs))
      }
    }
  }

  return {
    run,
    subscribe(listener: () => void) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    get: (subject: string) => all.get(subject),
    /** Takes what is said of it out of sight. */
    dismiss: (subject: string) => set(subject, undefined),
  }
}
