/**
 * The journal: every change of the mesh, in order, from which the present state follows. It is appended to and never altered; each
 * change is chained to the one before (see chain.ts).
 *
 *     record -> queue -> writer -> store -> tail -> watch
 *
 * While the store is away changes wait in memory. When too many do, later ones are lost, which a `journal.gap` says; the checkpoint
 * behind it has the state that they led to.
 */
import { unavailable } from '@site11/runtime/errors.ts'
import type { Log } from '@site11/runtime/log.ts'
import { storeError } from '@site11/runtime/store/store-error.ts'
import type { Db } from 'mongodb'
import { type Change, journalKey } from './chain.ts'
import { createEntries } from './entries.ts'
import { loadEntries } from './load.ts'
import { createQueue, type NewChange } from './queue.ts'
import type { Fields } from './replay.ts'
import { createTail } from './tail.ts'
import { type Verification, verifyEntries } from './verify.ts'
import { createWriter } from './writer.ts'

export type { Change } from './chain.ts'
export type { NewChange } from './queue.ts'
export type { Fields } from './replay.ts'
export type { Verification } from './verify.ts'

export interface Journal {
  /** Puts down a change. Never waits. @returns its id; it is stored soon after. */
  record(change: NewChange): number
  /** The id of the last change recorded; 0 when there is none. */
  last(): number
  /** Resolves when all that is recorded by now is stored. While the store is away it waits. */
  saved(): Promise<void>
  /** Why it cannot be stored, while it cannot. */
  problem(): { reason: string; since: Date } | undefined
  /** The state that all recorded changes lead to, by subject. */
  subjects(): ReadonlyMap<string, Fields>
  /** @returns those of the changes that are stored, in order. Throws UNAVAILABLE. */
  get(ids: readonly number[]): Promise<Change[]>
  /** @returns the newest first. @param options.filter AIP-160. Throws INVALID_FILTER, UNAVAILABLE. */
  list(options: { filter: string; limit: number; before?: number | undefined }): Promise<Change[]>
  /** @returns each stored change after this one (0: after the last one recorded by now) until aborted. Throws UNAVAILABLE. */
  watch(after: number, signal: AbortSignal): AsyncIterable<Change>
  /** Recomputes all hashes, and the state. Calls at the same time share one run. Throws UNAVAILABLE. */
  verify(): Promise<Verification>
  /** Stores what waits, for two seconds at most, and stops. */
  close(): Promise<void>
}

export interface JournalOptions {
  db: Db
  /** The Console's; the chain's key is derived from it. */
  secretKey: Buffer
  log: Log
  /** What has to be stored before a change may be. */
  prepare?: () => Promise<void>
  now?: () => number
  /** How many changes may wait to be stored. */
  maxWaiting?: number
}

/** How long changes are kept. */
const keptMs = 90 * 24 * 60 * 60_000
const trimMs = 60 * 60_000
const closeMs = 2000
/** How many of the last changes are kept in memory. */
const keptInMemory = 1000

/** @throws ServiceError UNAVAILABLE when the store does not answer. */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const { db, log, prepare = async () => {}, now = Date.now, maxWaiting = 50_000 } = options
  const key = journalKey(options.secretKey)
  const entries = createEntries(db)
  const { head, recent, ...start } = await loadEntries(entries, key, keptInMemory, log).catch(error => {
    throw storeError(error)
  })
  const queue = createQueue({ ...start, lastId: head.id }, now, maxWaiting)
  const tail = createTail(entries, recent, keptInMemory)
  const writer = createWriter({ entries, queue, key, head, prepare, onStored: tail.add, log, now })
  const closed = new AbortController()
  let verifying: Promise<Verification> | undefined

  const trimPoint = () => entries.checkpointBefore(new Date(now() - keptMs))
  const failed = (error: unknown) => {
    if (!closed.signal.aborted) log.warn({ reason: String(error) }, 'the journal could not be tidied; trying later')
  }
  const trim = async () => {
    const first = await trimPoint()
    const removed = first === undefined ? 0 : await entries.removeBefore(first)
    if (removed > 0) log.info({ removed, first }, 'old changes were removed from the journal')
  }
  // A store that is full takes no index; reading works without.
  await entries.ensureIndexes(log).catch(failed)
  void trim().catch(failed)
  const trimming = setInterval(() => void trim().catch(failed), trimMs).unref()

  async function verify(): Promise<Verification> {
    for (let tries = 0; queue.size() > 0 && tries < 100; tries++) {
      const problem = writer.problem()
      if (problem) throw unavailable(`The journal cannot be stored: ${problem.reason}. Verify it when that is over.`)
      await Promise.race([queue.stored(), new Promise(resolve => setTimeout(resolve, 100))])
    }
    const last = writer.head()
    const expected = queue.size() === 0 ? new Map(queue.subjects) : undefined
    try {
      const first = await trimPoint()
      return await verifyEntries({ entries: entries.from(first ?? 1), key, first, last, expected })
    } catch (error) {
      throw storeError(error)
    }
  }

  return {
    record(change) {
      if (closed.signal.aborted) return queue.lastId()
      const id = queue.record(change)
      writer.wake()
      return id
    },
    last: queue.lastId,
    saved: queue.stored,
    problem: writer.problem,
    subjects: () => queue.subjects,
    async get(ids) {
      const atHand = tail.get(ids)
      const others = ids.filter(id => !atHand.some(change => change.id === id))
      return [...(await entries.get(others)), ...atHand].sort((a, b) => a.id - b.id)
    },
    list: ({ filter, limit, before }) => entries.list(filter, limit, before),
    watch: (after, signal) =>
      tail.follow(
        after === 0 ? queue.lastId() : Math.min(after, queue.lastId()),
        AbortSignal.any([signal, closed.signal]),
      ),
    verify() {
      verifying ??= verify().finally(() => {
        verifying = undefined
      })
      return verifying
    },
    async close() {
      clearInterval(trimming)
      await writer.stop(closeMs)
      closed.abort()
    },
  }
}
