/** Work that one instance of Statistics does at a time. */
import { setTimeout as wait } from 'node:timers/promises'
import { createLease, type Lease } from '@site11/runtime/events/lease.ts'
import type { Log } from '@site11/runtime/log.ts'
import type { Db } from 'mongodb'

export interface Work {
  /** What to do, again and again, by who has the lease. `signal` is aborted when the process ends. */
  run(signal: AbortSignal): Promise<void>
  everyMs: number
}

export interface Worker {
  /** Does it at once instead of when it is time. */
  wake(): void
  close(): Promise<void>
}

/** Does work in one instance at a time, for as long as it has the lease. */
export function createWorker(db: Db, name: string, instance: string, works: Work[], log: Log): Worker {
  const closing = new AbortController()
  const wakers = new Set<() => void>()
  const wake = () => {
    for (const each of wakers) each()
  }
  const lease: Lease = createLease(db, name, instance, () => {
    log.info({ lease: name }, 'has the lease')
    wake()
  })

  async function go({ run, everyMs }: Work): Promise<void> {
    let failures = 0
    while (!closing.signal.aborted) {
      if (lease.held()) {
        try {
          await run(closing.signal)
          failures = 0
        } catch (error) {
          if (failures++ === 0 && !closing.signal.aborted)
            log.warn({ lease: name, reason: String(error) }, 'could not do its work; trying again')
        }
      }
      const woken = Promise.withResolvers<void>()
      wakers.add(woken.resolve)
      await Promise.race([woken.promise, wait(everyMs, undefined, { signal: closing.signal }).catch(() => {})])
      wakers.delete(woken.resolve)
    }
  }
  const going = works.map(go)

  return {
    wake,
    async close() {
      closing.abort()
      await Promise.all(going)
      await lease.close()
    },
  }
}
