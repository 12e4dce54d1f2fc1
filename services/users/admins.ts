/**
 * Keeps at least one active admin. Whoever takes an admin away writes the one document of the collection `guards` in the same
 * transaction, so that of two at the same time one has to start again and sees what the other left.
 */
import { failedPrecondition } from '@site11/runtime/errors.ts'
import { inTransaction } from '@site11/runtime/store/transaction.ts'
import type { ClientSession, Collection, Db, MongoClient } from 'mongodb'
import type { UserDocument } from './document.ts'

/** @returns a function that runs `write` in a transaction in which another active admin than `id` is left, and what it returns. */
export async function createAdminGuard(client: MongoClient, db: Db, users: Collection<UserDocument>) {
  const guards = db.collection<{ _id: string; removals: number }>('guards')
  // Made outside of any transaction: two that make it at once would be in each other's way.
  await guards.updateOne({ _id: 'admins' }, { $setOnInsert: { removals: 0 } }, { upsert: true })

  /** @throws ServiceError FAILED_PRECONDITION when `id` is the last one. */
  return <T>(id: string, now: Date, write: (session: ClientSession) => Promise<T>): Promise<T> =>
    inTransaction(client, async session => {
      await guards.updateOne({ _id: 'admins' }, { $inc: { removals: 1 } }, { session })
      const other = { _id: { $ne: id }, roles: 'admin', deleteTime: null, disabledUntil: { $not: { $gt: now } } }
      if (!(await users.findOne(other, { session, projection: { _id: 1 } }))) throw lastAdmin(id)
      return write(session)
    })
}

const lastAdmin = (id: string) =>
  failedPrecondition('WRONG_STATE', `The user ${id} is the last active admin. Give another user the role admin first.`)
