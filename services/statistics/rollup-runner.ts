/** Brings the rollups up to date every few seconds, in one instance of Statistics at a time as far as that can be. */
import { setTimeout as wait } from 'node:timers/promises'
import { createLease } from '@site11/runtime/events/lease.ts'
import type { Log } from '@site11/runtime/log.ts'
import type { Db } from 'mongodb'
import { type RollupOptions, rollUp } from './rollup.ts'

const everyMs = 3000
/** It takes so much of the time at most. */
const share = 0.2

export interface RollupRunner {
  /** Rejects while the rollups cannot be made. */
  probe(): Promise<void>
  close(): Promise<void>
}

export function runRollups(
  options: RollupOptions & { db: Db; instance: string; log: Log; refresh(): Promise<void> },
): RollupRunner {
  const { db, instance, log, refresh } = options
  const lease = createLease(db, 'rollups', instance, () => log.info('makes the rollups'))
  const closing = new AbortController()
  const { signal } = closing
  let failure: unknown

  async function run() {
    while (!signal.aborted) {
      const began = performance.now()
      try {
        await refresh()
        if (lease.held()) await rollUp(options)
        if (failure) log.info('the rollups are made again')
        failure = undefined
      } catch (error) {
        if (!failure) log.warn({ reason: String(error) }, 'the rollups cannot be made; what came in waits')
        failure = error
      }
      const took = performance.now() - began
      await wait(Math.max(everyMs, took / share), undefined, { signal }).catch(() => {})
    }
  }
  const running = run()

  return {
    async probe() {
      if (failure) throw new Error(`rollups cannot be made: ${String(failure)}`)
    },
    async close() {
      closing.abort()
      await running
      await lease.close()
    },
  }
}
