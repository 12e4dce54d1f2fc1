/**
 * The chain that holds the journal together: each change carries the hash of the one before, and a hash of its own that nobody can
 * make without the key. Pure.
 */
import { createHash, createHmac, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'
import type { FieldChange, Value } from './replay.ts'

export interface Change {
  /** Its place: 1, 2, 3 and so on. */
  id: number
  time: Date
  actor: string
  action: string
  subject: string
  fields: FieldChange[]
  reason: string
  durationMs: number | undefined
  previousHash: string
  hash: string
}

/** A change as it is stored. */
export interface Entry extends Change {
  /** All subjects as they are after this change, packed; of checkpoints only. */
  state?: Uint8Array
}

/** What the next entry follows on. */
export interface Head {
  id: number
  hash: string
}

/** What the first entry of all follows on. */
export const origin: Head = { id: 0, hash: '' }

/** @param secretKey the Console's. */
export function journalKey(secretKey: Buffer): KeyObject {
  return createSecretKey(new Uint8Array(hkdfSync('sha256', secretKey, '', 'site11 journal v1', 32)))
}

/** @returns the entries with their places in the chain after `head`. */
export function chained(
  key: KeyObject,
  head: Head,
  entries: readonly Omit<Entry, 'id' | 'previousHash' | 'hash'>[],
): Entry[] {
  let last = head
  return entries.map(entry => {
    const placed = { ...entry, id: last.id + 1, previousHash: last.hash }
    last = { id: placed.id, hash: hashOf(key, placed) }
    return { ...placed, hash: last.hash }
  })
}

/**
 * @param head what the entry must follow on.
 * @returns what is wrong with it, or undefined. Nothing of it is trusted: it may be of any shape.
 */
export function flawOf(key: KeyObject, head: Head, entry: Entry): string | undefined {
  if (entry.id > head.id + 1) return `The change ${head.id + 1} is missing.`
  if (entry.id !== head.id + 1) return `A change was put in beside ${head.id}.`
  if (entry.previousHash !== head.hash) return 'It does not follow on the change before it.'
  try {
    if (entry.hash === hashOf(key, entry)) return undefined
  } catch {
    // A value of a kind that was never written.
  }
  return 'It was altered: its hash is not that of its content.'
}

/** The content byte for byte: a list in fixed order, each value with its type. */
function hashOf(key: KeyObject, entry: Omit<Entry, 'hash'>): string {
  const { id, time, actor, action, subject, fields, reason, durationMs, state, previousHash } = entry
  const content = [
    ...[id, time, actor, action, subject].map(typed),
    fields.map(({ field, before, after }) => [typed(field), typed(before), typed(after)]),
    typed(reason),
    typed(durationMs),
    state === undefined ? '' : createHash('sha256').update(state).digest('hex'),
    typed(previousHash),
  ]
  return createHmac('sha256', key).update(JSON.stringify(content)).digest('hex')
}

function typed(value: Value | undefined): string {
  if (value === undefined) return ''
  if (value instanceof Date) return `time ${value.getTime()}`
  if (typeof value === 'object') throw new TypeError('not a value of the journal')
  return `${typeof value} ${value}`
}
