/** Transactions that give up in time. */
import type { ClientSession, MongoClient } from 'mongodb'
import { unavailable } from '../errors.ts'

/** How long a transaction that meets others or a broken connection is repeated. ms. The driver would go on for two minutes. */
const patienceMs = 5000

/**
 * @param work is run again when it met another transaction: all it does must be within the session.
 * @returns what it returned. @throws ServiceError UNAVAILABLE when it met others all the time; what `work` throws.
 */
export function inTransaction<T>(client: MongoClient, work: (session: ClientSession) => Promise<T>): Promise<T> {
  const giveUpAt = performance.now() + patienceMs
  return client.withSession(session =>
    session.withTransaction(async () => {
      if (performance.now() > giveUpAt) throw unavailable('The database cannot be reached. Try again in a moment.')
      return work(session)
    }),
  )
}
