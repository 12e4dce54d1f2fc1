/**
 * Users in MongoDB. The collection's layout is in document.ts. Every write is atomic: an insertion, or an update of the
 * document as it was read. With it goes the event that tells others.
 */
import type { ListUsersRequest } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import { aborted, alreadyExists, notFound } from '@site11/runtime/errors.ts'
import type { OutboxEntry } from '@site11/runtime/events/event.ts'
import type { Log } from '@site11/runtime/log.ts'
import { createGroupInserter, createPointReader } from '@site11/runtime/store/coalesce.ts'
import type { Store } from '@site11/runtime/store/connect.ts'
import { checkEtag } from '@site11/runtime/store/etag.ts'
import { insertOnce, type RequestMark } from '@site11/runtime/store/idempotency.ts'
import { ensureIndexes } from '@site11/runtime/store/indexes.ts'
import { createPageTokens } from '@site11/runtime/store/page-token.ts'
import { DuplicateKeyError, storeError } from '@site11/runtime/store/store-error.ts'
import type { ClientSession, Filter } from 'mongodb'
import { createAdminGuard } from './admins.ts'
import { emailIndex, indexes, type UserDocument, visible } from './document.ts'
import { changed, created, passwordChanged } from './events.ts'
import { listUsers } from './list.ts'
import { searchTokens } from './search.ts'
import { type Change, isActiveAdmin, type UserRecord } from './user.ts'

/** A user with its password, which must not leave the service. */
export type UserWithPassword = UserRecord & { passwordHash?: string }

export interface UserStore {
  get(id: string): Promise<Readonly<UserRecord> | null>
  withPassword(id: string): Promise<UserWithPassword | null>
  /** @param email normalised. @returns the living user with this address. */
  findByEmail(email: string): Promise<UserWithPassword | null>
  /** @throws ServiceError EMAIL_TAKEN. */
  requireFreeEmail(email: string): Promise<void>
  /**
   * @param request the mark of a request that is safe to repeat.
   * @returns the user; for a repeated request the one that the first made.
   * @throws ServiceError EMAIL_TAKEN, REQUEST_ID_REUSED.
   */
  insert(
    user: UserRecord,
    passwordHash: string | undefined,
    request: RequestMark | undefined,
    traceId: string,
  ): Promise<UserRecord>
  /** Users as of `now`, for the methods' own fields. */
  list(request: ListUsersRequest, now: Date): Promise<{ users: UserRecord[]; nextPageToken: string }>
  /**
   * Changes a user by a pure rule. Nothing that others change at the same time is lost: then the rule is applied again.
   * @param etag of the only version to change, or empty for any.
   * @returns the user after the change.
   * @throws ServiceError NOT_FOUND, ETAG_MISMATCH, EMAIL_TAKEN, WRONG_STATE for the last active admin, and what the rule throws.
   */
  change(id: string, etag: string, now: Date, traceId: string, rule: (user: UserRecord) => Change): Promise<UserRecord>
  /**
   * Sets the password of the living user that matches.
   * @param byLink a mailed link has shown the address to be the user's.
   * @returns the user after it, or null when none matches.
   */
  setPassword(
    which: Filter<UserDocument> & Pick<UserRecord, '_id' | 'passwordVersion'>,
    passwordHash: string,
    now: Date,
    traceId: string,
    byLink?: boolean,
  ): Promise<UserRecord | null>
  /** Replaces a hash by a better one of the same password: no change that anybody sees. */
  replaceHash(id: string, old: string, passwordHash: string): Promise<void>
}

/** How often a change is tried against others that change the same user. */
const maxAttempts = 20

/**
 * @param secret encrypts page tokens; the same for all instances.
 * @param written is told of each user that has a new event, and of the first one which it is.
 */
export async function createUserStore(
  { client, db }: Store,
  secret: string,
  log: Log,
  written: (id: string, first?: OutboxEntry) => void,
): Promise<UserStore> {
  const users = db.collection<UserDocument>('users')
  await ensureIndexes(users, indexes, log)
  const read = createPointReader<UserDocument>(users, { projection: visible })
  const tokens = createPageTokens(secret)
  const insertDocument = createGroupInserter(users)
  const exceptLastAdmin = await createAdminGuard(client, db, users)

  /** Writes `after` over `before`. @returns whether the user was still so. */
  async function replace(
    before: UserRecord,
    after: UserRecord,
    change: Change,
    now: Date,
    traceId: string,
  ): Promise<boolean> {
    const $push = { outbox: changed(before, after, traceId) }
    const renamed = after.email !== before.email || after.displayName !== before.displayName
    const $set = {
      ...change,
      updateTime: after.updateTime,
      version: after.version,
      ...(renamed && { search: searchTokens(after.email, after.displayName) }),
    }
    const write = async (options: { session?: ClientSession } = {}) => {
      const { matchedCount } = await users.updateOne(
        { _id: before._id, version: before.version },
        { $set, $push },
        options,
      )
      return matchedCount === 1
    }
    if (!isActiveAdmin(before, now) || isActiveAdmin(after, now)) return write()
    return exceptLastAdmin(before._id, now, session => write({ session }))
  }

  return {
    get: read,
    withPassword: id => translated(users.findOne({ _id: id })),
    findByEmail: email => translated(users.findOne({ email, deleteTime: null })),
    async requireFreeEmail(email) {
      const taken = await translated(users.findOne({ email, deleteTime: null }, { projection: { _id: 1 } }))
      if (taken) throw emailTaken()
    },

    async insert(user, passwordHash, request, traceId) {
      const search = searchTokens(user.email, user.displayName)
      const event = created(user, traceId)
      const document: UserDocument = { ...user, search, outbox: [event] }
      if (passwordHash) document.passwordHash = passwordHash
      if (!request) {
        await translated(insertDocument(document))
        written(user._id, event)
        return user
      }
      document.request = request
      const inserted = await translated(insertOnce(users, insertDocument, document))
      if (!inserted.repeated) written(user._id, event)
      return inserted.document
    },

    list: (request, now) => listUsers(users, tokens, request, now),

    async change(id, etag, now, traceId, rule) {
      for (let attempt = 1; attempt <= maxAttempts; attempt++) {
        const before = await read(id)
        if (!before) throw notFound('user', id)
        checkEtag(etag, before.version)
        const change = rule(before)
        const after = { ...before, ...change, updateTime: now, version: before.version + 1 }
        if (!(await translated(replace(before, after, change, now, traceId)))) continue
        written(id)
        return after
      }
      throw aborted('ETAG_MISMATCH', `The user ${id} is changed by others all the time. Try again.`)
    },

    async setPassword(which, passwordHash, now, traceId, byLink = false) {
      const version = { $add: ['$version', 1] }
      const passwordVersion = which.passwordVersion + 1
      const event = passwordChanged({ version: 0, updateTime: now, passwordVersion }, byLink, traceId)
      // A pipeline, as the event has the version that comes of it. Texts in it would be read as names of fields.
      const $set = {
        passwordHash: { $literal: passwordHash },
        updateTime: now,
        version,
        passwordVersion,
        outbox: {
          $concatArrays: [
            { $ifNull: ['$outbox', []] },
            [{ ...event, type: { $literal: event.type }, sequence: version }],
          ],
        },
        ...(byLink && { emailVerified: true }),
      }
      const user = await translated(
        users.findOneAndUpdate({ ...which, deleteTime: null }, [{ $set }], {
          returnDocument: 'after',
          projection: visible,
        }),
      )
      if (user) written(user._id)
      return user
    },

    async replaceHash(id, old, passwordHash) {
      await translated(users.updateOne({ _id: id, passwordHash: old }, { $set: { passwordHash } }))
    },
  }
}

/** What the database's errors mean here. */
async function translated<T>(operation: Promise<T>): Promise<T> {
  try {
    return await operation
  } catch (error) {
    const known = storeError(error)
    throw known instanceof DuplicateKeyError && known.index === emailIndex.name ? emailTaken() : known
  }
}

const emailTaken = () => alreadyExists('EMAIL_TAKEN', 'Another user has this e-mail address.', 'user.email')
