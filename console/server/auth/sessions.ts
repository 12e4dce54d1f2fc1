/**
 * Sessions: times of being signed in, each on one device.
 *
 * Collection `sessions`: `_id` session id, `userId`, `passwordVersion`, `familyHash` and `secretHash` (of the refresh token that is
 * good now), `createTime`, `refreshTime`, `expireTime`, `userAgent`, `clientAddress`.
 * Indexes: `userId` with `createTime`; `expireTime`, by which MongoDB removes what has ended.
 */
import type { Log } from '@site11/runtime/log.ts'
import { ensureIndexes, type IndexSpec } from '@site11/runtime/store/indexes.ts'
import { storeError } from '@site11/runtime/store/store-error.ts'
import type { ClientSession, Db } from 'mongodb'

const day = 24 * 60 * 60_000
/** A session ends when it is not refreshed for this long, and at the latest at the absolute age. ms. */
const slidingMs = 30 * day
const absoluteMs = 90 * day
/** How many of a user's sessions are listed. */
const maxListed = 500

export interface Session {
  _id: string
  userId: string
  passwordVersion: number
  familyHash: string
  secretHash: string
  createTime: Date
  refreshTime: Date
  expireTime: Date
  userAgent: string
  clientAddress: string
}

export interface Sessions {
  add(session: Session): Promise<void>
  /** @returns the session if it has not ended. */
  get(id: string, nowMs: number): Promise<Session | undefined>
  /** Exchanges the secret, once: @returns false when it is no longer the one that is good. */
  exchange(id: string, secretHash: string, change: Partial<Session>): Promise<boolean>
  /** @returns the user's living sessions, the newest first. */
  listOf(userId: string, nowMs: number): Promise<Session[]>
  setPasswordVersion(id: string, passwordVersion: number): Promise<void>
  end(id: string): Promise<void>
  /** Ends a session of this user. @returns false when the user has none by that id. */
  endOwn(userId: string, id: string, nowMs: number): Promise<boolean>
  /** Ends all sessions of a user but one. @returns how many. */
  endOthers(userId: string, keepId: string): Promise<number>
  /** Ends the sessions of a user that began no later, or with an earlier password, within a transaction. */
  endOfUser(
    userId: string,
    which: { createdBy: Date } | { passwordBefore: number },
    session: ClientSession,
  ): Promise<void>
}

/** @returns when a session that is refreshed now ends unless it is refreshed again. */
export function expireTimeOf(createTime: Date, nowMs: number): Date {
  return new Date(Math.min(nowMs + slidingMs, createTime.getTime() + absoluteMs))
}

export async function createSessions(db: Db, log: Log): Promise<Sessions> {
  const sessions = db.collection<Session>('sessions')
  const indexes: IndexSpec[] = [
    { name: 'own', key: { userId: 1, createTime: -1 } },
    { name: 'expired', key: { expireTime: 1 }, expireAfterSeconds: 0 },
  ]
  await ensureIndexes(sessions, indexes, log)
  const living = (nowMs: number) => ({ expireTime: { $gt: new Date(nowMs) } })
  return {
    add: reached(async session => {
      await sessions.insertOne(session)
    }),
    get: reached(async (_id, nowMs) => (await sessions.findOne({ _id, ...living(nowMs) })) ?? undefined),
    exchange: reached(async (_id, secretHash, change) => {
      const { matchedCount } = await sessions.updateOne({ _id, secretHash }, { $set: change })
      return matchedCount === 1
    }),
    listOf: reached((userId, nowMs) =>
      sessions
        .find({ userId, ...living(nowMs) })
        .sort({ createTime: -1 })
        .limit(maxListed)
        .toArray(),
    ),
    setPasswordVersion: reached(async (_id, passwordVersion) => {
      await sessions.updateOne({ _id }, { $set: { passwordVersion } })
    }),
    end: reached(async _id => {
      await sessions.deleteOne({ _id })
    }),
    endOwn: reached(async (userId, _id, nowMs) => {
      const { deletedCount } = await sessions.deleteOne({ _id, userId, ...living(nowMs) })
      return deletedCount === 1
    }),
    endOthers: reached(async (userId, keepId) => {
      const { deletedCount } = await sessions.deleteMany({ userId, _id: { $ne: keepId } })
      return deletedCount
    }),
    async endOfUser(userId, which, session) {
      const those =
        'createdBy' in which
          ? { createTime: { $lte: which.createdBy } }
          : { passwordVersion: { $lt: which.passwordBefore } }
      await sessions.deleteMany({ userId, ...those }, { session })
    },
  }
}

/** Errors of the driver as callers may see them. */
function reached<A extends unknown[], R>(operation: (...args: A) => Promise<R>): (...args: A) => Promise<R> {
  return async (...args) => {
    try {
      return await operation(...args)
    } catch (error) {
      throw storeError(error)
    }
  }
}
