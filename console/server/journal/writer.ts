/** Stores what waits: one batch after the other, each as often as it takes. */
import type { KeyObject } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { Log } from '@site11/runtime/log.ts'
import { DUPLICATE_KEY, isUnreachable } from '@site11/runtime/store/store-error.ts'
import { MongoServerError } from 'mongodb'
import { type Change, chained, type Entry, type Head } from './chain.ts'
import type { Entries } from './entries.ts'
import type { Queue } from './queue.ts'

export interface Writer {
  /** There is something to store. */
  wake(): void
  /** The last that is stored. */
  head(): Head
  problem(): { reason: string; since: Date } | undefined
  /** Tries for at most so long to store what waits, and stops. */
  stop(maxMs: number): Promise<void>
}

export interface WriterOptions {
  entries: Entries
  queue: Queue
  key: KeyObject
  head: Head
  /** What has to be done before a batch may be stored. */
  prepare(): Promise<void>
  onStored(changes: Change[]): void
  log: Log
  now(): number
}

const maxBatch = 500
/** All ms. */
const firstRetryMs = 100
const lastRetryMs = 2000

export function createWriter(options: WriterOptions): Writer {
  const { entries, queue, key, log } = options
  let { head } = options
  let problem: { reason: string; since: Date } | undefined
  let writing: Promise<void> | undefined
  const stopped = new AbortController()

  function took(changes: Entry[]) {
    const last = changes.at(-1)
    if (!last) return
    head = { id: last.id, hash: last.hash }
    queue.taken(changes.length)
    options.onStored(changes.map(({ state: _, ...change }) => change))
  }

  function failed(error: unknown) {
    const reason = reasonOf(error)
    if (!problem) log.warn({ reason, waiting: queue.size() }, 'the journal cannot be stored; trying on')
    problem = { reason, since: problem?.since ?? new Date(options.now()) }
  }

  function recovered() {
    if (problem) log.info({ since: problem.since }, 'the journal is stored again')
    problem = undefined
  }

  /** Looks what is there after a batch has failed: it may have been stored all the same, or another writer was faster. */
  async function reconcile(): Promise<boolean> {
    const found = await entries.after(head.id)
    const expected = chained(key, head, queue.next(found.length))
    const own = found.findIndex(({ id, hash }, index) => id !== expected[index]?.id || hash !== expected[index]?.hash)
    const mine = own === -1 ? found.length : own
    took(expected.slice(0, mine))
    const others = found.slice(mine)
    const last = others.at(-1)
    if (last) {
      log.warn(
        { changes: others.map(({ id }) => id).slice(0, 10) },
        'changes in the journal that this Console did not make: is another one running on its database?',
      )
      head = { id: Math.floor(last.id), hash: last.hash }
      queue.moveBehind(head.id)
      options.onStored(others)
    }
    return found.length > 0
  }

  async function write() {
    // What is recorded in one go is stored in one go.
    await undefined
    let retryMs = firstRetryMs
    while (queue.size() > 0 && !stopped.signal.aborted) {
      try {
        const batch = chained(key, head, queue.next(maxBatch))
        await options.prepare()
        await entries.add(batch)
        took(batch)
        recovered()
        retryMs = firstRetryMs
      } catch (error) {
        const isTaken = error instanceof MongoServerError && error.code === DUPLICATE_KEY
        if (!isTaken) failed(error)
        if (await reconcile().catch(() => false)) continue
        await wait(retryMs, undefined, { signal: stopped.signal }).catch(() => {})
        retryMs = Math.min(lastRetryMs, 2 * retryMs)
      }
    }
    if (queue.size() === 0) recovered()
  }

  function wake() {
    if (stopped.signal.aborted) return
    writing ??= write().finally(() => {
      writing = undefined
      // Recorded after the last look.
      if (queue.size() > 0) wake()
    })
  }

  return {
    wake,
    head: () => head,
    problem: () => problem,
    async stop(maxMs) {
      await Promise.race([writing, wait(maxMs, undefined, { ref: false })])
      stopped.abort()
    },
  }
}

/** Without the server's own words where these hold what was to be written. */
function reasonOf(error: unknown): string {
  if (isUnreachable(error)) return 'MongoDB does not answer'
  if (!(error instanceof MongoServerError)) return error instanceof Error ? error.message.slice(0, 300) : String(error)
  const { codeName, message } = error
  return `MongoDB refuses to write: ${codeName ?? message.slice(0, 100)}`
}
