/**
 * Which of several processes does what only one should. A lease saves work, and keeps nobody from going on who was asleep when it ended:
 * what has to be right in that case too must have a guard of its own.
 */
import type { Db } from 'mongodb'

export interface Lease {
  /** Whether this process has it. */
  held(): boolean
  /** Gives it back and asks no more. */
  close(): Promise<void>
}

const leaseMs = 3000
const renewMs = 750

/**
 * Asks for a lease again and again, kept in the collection `event_leases`: `_id` the name, `holder`, `until`, by the database's clock.
 * @param holder may take it back at once after a restart: the name of the instance.
 * @param onTaken is called whenever this process has got it.
 */
export function createLease(db: Db, name: string, holder: string, onTaken: () => void): Lease {
  const leases = db.collection<{ _id: string; holder: string; until: Date }>('event_leases')
  let until = 0
  let closed = false
  let timer: NodeJS.Timeout | undefined

  async function take(): Promise<boolean> {
    const writeConcern = { w: 1 }
    const free = { _id: name, $or: [{ holder }, { $expr: { $lt: ['$until', '$$NOW'] } }] }
    const mine = { holder, until: { $add: ['$$NOW', leaseMs] } }
    const { matchedCount } = await leases.updateOne(free, [{ $set: mine }], { writeConcern })
    if (matchedCount > 0) return true
    if (await leases.findOne({ _id: name }, { projection: { _id: 1 } })) return false
    // Taken with the next attempt, by the database's clock: until then it has run out long ago.
    await leases.insertOne({ _id: name, holder, until: new Date(0) }, { writeConcern })
    return take()
  }

  async function ask() {
    const began = performance.now()
    const wasHeld = began < until
    try {
      if (!(await take())) return
      until = began + leaseMs
      if (!wasHeld && !closed) onTaken()
    } catch {
      // The database is away, and the lease runs out by itself.
    } finally {
      if (!closed) timer = setTimeout(next, renewMs)
    }
  }
  let asking = ask()
  function next() {
    asking = ask()
  }

  return {
    held: () => !closed && performance.now() < until,
    async close() {
      closed = true
      clearTimeout(timer)
      await asking
      if (performance.now() < until) await leases.deleteOne({ _id: name, holder }).catch(() => {})
      until = 0
    },
  }
}
