/**
 * Sessions: times of being signed in, each on one device.
 *
 * Collection `sessions`: `_id` session id, `userId`, `passwordVersion`, `familyHash` and `secretHash` (of the refresh token that is
 * good now), `createTime`, `refreshTime`, `expireTime`, `userAgent`, `clientAddress`.
 * How they began and ended is kept for longer, see sign-in-events.ts.
 * Indexes: `userId` with `createTime`; `expireTime`, by which MongoDB removes what has ended.
 */
import type { Log } from '@site11/runtime/log.ts'
import type { Store } from '@site11/runtime/store/connect.ts'
import { ensureIndexes, type IndexSpec } from '@site11/runtime/store/indexes.ts'
import { storeError } from '@site11/runtime/store/store-error.ts'
import type { ClientSession, Filter } from 'mongodb'
import { type Cause, createSignInEvents, type SignInEvents } from './sign-in-events.ts'

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
  events: Pick<SignInEvents, 'list' | 'verify'>
  add(session: Session, traceId: string): Promise<void>
  /** @returns the session if it has not ended. */
  get(id: string, nowMs: number): Promise<Session | undefined>
  /** Exchanges the secret, once: @returns false when it is no longer the one that is good. */
  exchange(id: string, secretHash: string, change: Partial<Session>): Promise<boolean>
  /** @returns the user's living sessions, the newest first. */
  listOf(userId: string, nowMs: number): Promise<Session[]>
  setPasswordVersion(id: string, passwordVersion: number): Promise<void>
  end(session: Pick<Session, '_id' | 'userId'>, cause: Cause): Promise<void>
  /** Ends a session of this user. @returns false when the user has none by that id. */
  endOwn(userId: string, id: string, nowMs: number, cause: Cause): Promise<boolean>
  /** Ends all sessions of a user but one. @returns how many. */
  endOthers(userId: string, keepId: string, cause: Cause): Promise<number>
  /** Ends the sessions of a user that began no later, or with an earlier password, within a transaction. */
  endOfUser(
    userId: string,
    which: { createdBy: Date } | { passwordBefore: number },
    traceId: string,
    session: ClientSession,
  ): Promise<void>
}

/** @returns when a session that is refreshed now ends unless it is refreshed again. */
export function expireTimeOf(createTime: Date, nowMs: number): Date {
  return new Date(Math.min(nowMs + slidingMs, createTime.getTime() + absoluteMs))
}

/** @param secretKey the Console's; the key of the chains of events is derived from it. */
export async function createSessions(
  store: Pick<Store, 'client' | 'db'>,
  secretKey: Buffer,
  log: Log,
): Promise<Sessions> {
  const sessions = store.db.collection<Session>('sessions')
  const indexes: IndexSpec[] = [
    { name: 'own', key: { userId: 1, createTime: -1 } },
    { name: 'expired', key: { expireTime: 1 }, expireAfterSeconds: 0 },
  ]
  await ensureIndexes(sessions, indexes, log)
  const events = await createSignInEvents(store, sessions, secretKey, log)
  const living = (nowMs: number) => ({ expireTime: { $gt: new Date(nowMs) } })

  /** Ends those sessions of a user that match. @returns how many. */
  async function endAll(
    userId: string,
    which: Filter<Session>,
    cause: Cause,
    session?: ClientSession,
  ): Promise<number> {
    const options = session ? { session } : {}
    const found = await sessions.find({ ...which, userId }, { ...options, projection: { _id: 1 } }).toArray()
    const ids = found.map(({ _id }) => _id)
    if (ids.length === 0) return 0
    await events.append(userId, cause, ids, session)
    return (await sessions.deleteMany({ _id: { $in: ids } }, options)).deletedCount
  }

  return {
    events: { list: reached(events.list), verify: reached(events.verify) },
    add: reached(async (session, traceId) => {
      const { _id, userId } = session
      await events.append(userId, { type: 'SIGNED_IN', actor: `users/${userId}`, traceId }, [_id])
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
    end: reached(async ({ _id, userId }, cause) => {
      await endAll(userId, { _id }, cause)
    }),
    endOwn: reached(async (userId, _id, nowMs, cause) => {
      return (await endAll(userId, { _id, ...living(nowMs) }, cause)) === 1
    }),
    endOthers: reached((userId, keepId, cause) => endAll(userId, { _id: { $ne: keepId } }, cause)),
    async endOfUser(userId, which, traceId, session) {
      const those =
        'createdBy' in which
          ? { createTime: { $lte: which.createdBy } }
          : { passwordVersion: { $lt: which.passwordBefore } }
      await endAll(userId, those, { type: 'OUTDATED', actor: 'services/users', traceId }, session)
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
