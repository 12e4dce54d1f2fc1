/** Proves that the journal is whole. */
import type { KeyObject } from 'node:crypto'
import { type Entry, flawOf, type Head, origin } from './chain.ts'
import { applyChange, differing, type Fields, type Subjects, unpack } from './replay.ts'

export interface Verification {
  valid: boolean
  /** How many changes were looked at. */
  count: number
  /** The first change that is wrong; 0 when none is. */
  brokenChange: number
  /** What is wrong. */
  reason: string
  /** The hash of the last change that is right. */
  head: string
  /** The state that the changes lead to. */
  subjects: Subjects
}

export interface VerifyOptions {
  /** All there are, in order, from `first` on. */
  entries: AsyncIterable<Entry> | Iterable<Entry>
  key: KeyObject
  /** The checkpoint that the journal was trimmed up to; undefined when it has to begin with the first change. */
  first: number | undefined
  /** The last change that was stored. */
  last: Head
  /** The state that they have to lead to; undefined when that is not known. */
  expected: ReadonlyMap<string, Fields> | undefined
}

/** Looks at every change from the first to `last`, and stops at the first that is wrong. */
export async function verifyEntries({ entries, key, first, last, expected }: VerifyOptions): Promise<Verification> {
  let subjects: Subjects = new Map()
  let count = 0
  let head = first === undefined ? origin : undefined
  const result = (brokenChange: number, reason: string): Verification => {
    return { valid: reason === '', count, brokenChange, reason, head: head?.hash ?? '', subjects }
  }
  for await (const entry of entries) {
    if (entry.id > last.id) break
    head ??= { id: entry.id - 1, hash: entry.previousHash }
    count++
    const flaw = flawOf(key, head, entry)
    if (flaw) return result(head.id + 1, flaw)
    if (entry.state) subjects = unpack(entry.state)
    applyChange(subjects, entry)
    head = { id: entry.id, hash: entry.hash }
  }
  head ??= origin
  if (head.id < last.id) return result(head.id + 1, `The change ${head.id + 1} is missing.`)
  if (head.hash !== last.hash) return result(last.id, 'It is not the one that was stored.')
  const [different] = expected ? differing(subjects, expected) : []
  return result(0, different ? `The present state of ${different} does not follow from the changes.` : '')
}
