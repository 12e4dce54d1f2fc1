/** Reads the journal at a start: the state of the last checkpoint, and what has changed since. */
import type { KeyObject } from 'node:crypto'
import type { Log } from '@site11/runtime/log.ts'
import { type Change, type Entry, flawOf, type Head, origin } from './chain.ts'
import type { Entries } from './entries.ts'
import { applyChange, type Subjects, unpack } from './replay.ts'

export interface Loaded {
  head: Head
  subjects: Subjects
  /** How many changes there are since the last checkpoint. */
  sinceCheckpoint: number
  /** The last changes. */
  recent: Change[]
}

/** What was altered behind the Console's back is logged, and used as far as it can be: the mesh has to go on. */
export async function loadEntries(entries: Entries, key: KeyObject, kept: number, log: Log): Promise<Loaded> {
  const checkpoint = await entries.lastCheckpoint()
  const loaded = checkpoint === undefined ? undefined : await readFrom(entries, checkpoint, key, kept, log)
  return loaded ?? (await readFrom(entries, 1, key, kept, log)) ?? emptied()
}

const emptied = (): Loaded => ({ head: origin, subjects: new Map(), sinceCheckpoint: 0, recent: [] })

/** @returns undefined when the first entry is a checkpoint that cannot be read. */
async function readFrom(
  entries: Entries,
  first: number,
  key: KeyObject,
  kept: number,
  log: Log,
): Promise<Loaded | undefined> {
  const loaded = emptied()
  let flawed = false
  for await (const entry of entries.from(first)) {
    const isFirst = loaded.head === origin
    const head = isFirst ? { id: entry.id - 1, hash: entry.previousHash } : loaded.head
    const flaw = flawOf(key, head, entry) ?? play(loaded, entry)
    if (flaw && !flawed) {
      flawed = true
      log.error({ change: entry.id, flaw }, 'the journal was altered; verify it, and restore it from a backup')
    }
    if (flaw && isFirst && entry.state) return undefined
    loaded.head = { id: Math.floor(entry.id), hash: entry.hash }
    const { state: _, ...change } = entry
    loaded.recent.push(change)
    if (loaded.recent.length > 2 * kept) loaded.recent = loaded.recent.slice(-kept)
    loaded.sinceCheckpoint = entry.state ? 0 : loaded.sinceCheckpoint + 1
  }
  return loaded
}

/** @returns why it cannot be played. */
function play(loaded: Loaded, entry: Entry): string | undefined {
  try {
    if (entry.state) loaded.subjects = unpack(entry.state)
    applyChange(loaded.subjects, entry)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
