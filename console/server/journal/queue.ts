/** The changes that are not stored yet, and the state that all recorded ones lead to. Nothing of it waits for anything. */
import type { Entry } from './chain.ts'
import { checkpointAction } from './entries.ts'
import { applyChange, changedFields, type Fields, pack, type Subjects, storableText } from './replay.ts'

export interface NewChange {
  /** Who: `users/<id>`, `operator`, `services/<name>`, `proxies/<node id>` or `console`. */
  actor: string
  /** What, such as `instance.registered`. */
  action: string
  /** Of what, such as `instances/users-1`. */
  subject: string
  before?: Fields | undefined
  after?: Fields | undefined
  reason?: string | undefined
  /** How long the state before had lasted. ms. */
  durationMs?: number | undefined
}

/** A change without its place in the chain. */
export type Pending = Omit<Entry, 'id' | 'previousHash' | 'hash'>

export interface Queue {
  /** @returns the id that the change will have. */
  record(change: NewChange): number
  lastId(): number
  size(): number
  /** What is to be stored next, at most so many. */
  next(limit: number): Pending[]
  /** The first so many are stored. */
  taken(count: number): void
  /** Others have stored changes meanwhile: what waits comes after this id. */
  moveBehind(id: number): void
  /** Resolves when all that is recorded now is stored. */
  stored(): Promise<void>
  subjects: Subjects
}

export interface QueueStart {
  lastId: number
  subjects: Subjects
  /** How many changes there are since the last checkpoint. */
  sinceCheckpoint: number
}

/** A checkpoint is made after so many changes; of a large state after as many changed fields as it has, so that it costs as much. */
const checkpointAfter = 2000

/** @param maxWaiting how many changes may wait; later ones are lost. */
export function createQueue(start: QueueStart, now: () => number, maxWaiting: number): Queue {
  const { subjects } = start
  const waiting: Pending[] = []
  const waiters: { position: number; resolve: () => void }[] = []
  let firstId = start.lastId + 1
  /** How many were stored: with those that wait, the position of the last. */
  let stored = 0
  /** The last of `waiting` tells of the changes that found no room. */
  let gap: { lost: number; entry: Pending } | undefined
  let changes = start.sinceCheckpoint
  let fieldsChanged = start.sinceCheckpoint
  let lookAt = checkpointAfter

  const lastId = () => firstId + waiting.length - 1
  const own = (action: string, reason: string): Pending => ({
    time: new Date(now()),
    actor: 'console',
    action,
    subject: 'journal',
    fields: [],
    reason,
    durationMs: undefined,
  })

  function checkpoint() {
    const reason = `The state of ${subjects.size} subjects.`
    waiting.push({ ...own(checkpointAction, reason), state: pack(subjects) })
    changes = 0
    fieldsChanged = 0
    lookAt = checkpointAfter
  }

  function checkpointIfDue() {
    if (changes < lookAt) return
    let size = 0
    for (const fields of subjects.values()) size += Object.keys(fields).length
    if (fieldsChanged >= size) checkpoint()
    else lookAt += checkpointAfter
  }

  function lose(): number {
    if (!gap) {
      gap = { lost: 0, entry: own('journal.gap', '') }
      waiting.push(gap.entry)
    }
    gap.lost++
    gap.entry.reason = `${gap.lost} changes are not in the journal: it could not be stored for too long.`
    return lastId()
  }

  return {
    subjects,
    lastId,
    size: () => waiting.length,
    record({ actor, action, subject, before, after, reason = '', durationMs }) {
      const fields = changedFields(before, after)
      applyChange(subjects, { subject, fields })
      if (waiting.length >= maxWaiting) return lose()
      waiting.push({ time: new Date(now()), actor, action, subject, fields, reason: storableText(reason), durationMs })
      const id = lastId()
      changes++
      fieldsChanged += fields.length
      checkpointIfDue()
      return id
    },
    next(limit) {
      // What the lost changes led to stands in the checkpoint behind the gap.
      if (gap && waiting.length <= limit) {
        gap = undefined
        checkpoint()
      }
      return waiting.slice(0, limit)
    },
    taken(count) {
      waiting.splice(0, count)
      firstId += count
      stored += count
      while (waiters[0] && waiters[0].position <= stored) waiters.shift()?.resolve()
    },
    moveBehind(id) {
      firstId = id + 1
      checkpoint()
    },
    stored() {
      if (waiting.length === 0) return Promise.resolve()
      return new Promise(resolve => waiters.push({ position: stored + waiting.length, resolve }))
    },
  }
}
