/** From the recorder to the history and the store, and from the other instances of Statistics to the history, each second. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Log } from '@site11/runtime/log.ts'
import type { History } from './history.ts'
import type { Recorder } from './recorder.ts'
import type { SliceStore } from './store.ts'

export interface Intake {
  /** Resolves when the stored slices of the last hour are in the history, or the database does not give them. */
  ready: Promise<void>
  /** Stores what was counted up to now. */
  close(): Promise<void>
}

const sealMs = 500
const flushMs = 100
const readMs = 750
/** How long the first answers wait for what is stored. */
const patienceMs = 5000

export function createIntake({
  recorder,
  history,
  slices,
  log,
}: {
  recorder: Recorder
  history: History
  slices: SliceStore
  log: Log
}): Intake {
  const closing = new AbortController()
  const { signal } = closing
  let readable = true

  /** Not together with the writing: a database that does not answer holds up nothing that can be shown. */
  function seal() {
    const sealed = recorder.seal()
    for (const slice of sealed) history.add(slice)
    slices.add(sealed)
  }

  async function read() {
    try {
      for (const slice of await slices.readNew()) history.add(slice)
      if (!readable) log.info('reads again what the other instances were told')
      readable = true
    } catch (error) {
      if (readable) log.warn({ reason: String(error) }, 'the database does not answer: only what comes here is shown')
      readable = false
    }
    history.tidy()
  }

  async function repeat(task: () => Promise<void>, ms: number) {
    while (!signal.aborted) {
      await task()
      await wait(ms, undefined, { signal }).catch(() => {})
    }
  }

  const sealing = setInterval(seal, sealMs)
  const storing = repeat(slices.flush, flushMs)
  const first = read()
  const reading = first.then(() => repeat(read, readMs))
  return {
    ready: Promise.race([first, wait(patienceMs, undefined, { ref: false })]),
    async close() {
      clearInterval(sealing)
      closing.abort()
      await Promise.all([storing, reading])
      seal()
      await slices.flush()
    },
  }
}
