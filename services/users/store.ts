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
import { streamKey } from '@site11/runtime/store/stream-chain.ts'
import { createStreams } from '@site11/runtime/store/streams.ts'
import type { ClientSession, UpdateFilter } from 'mongodb'
import { createAdminGuard } from './admins.ts'
import { emailIndex, indexes, type UserDocument, visible } from './document.ts'
import { changed, created, passwordChanged } from './events.ts'
import { adopted, append, type Begun, begin, begunProjection, type Origin, type Secured, typeOf } from './history.ts'
import { listUsers } from './list.ts'
import { searchTokens } from './search.ts'
import { adoptUsers, createSecurityEvents, type SecurityEvents } from './security-events.ts'
import { type Change, isActiveAdmin, type UserRecord } from './user.ts'

/** A user with its password, which must not leave the service. */
export type UserWithPassword = UserRecord & { passwordHash?: string }

export interface UserStore {
  events: SecurityEvents
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
    by: Origin,
  ): Promise<UserRecord>
  /** Users as of `now`, for the methods' own fields. */
  list(request: ListUsersRequest, now: Date): Promise<{ users: UserRecord[]; nextPageToken: string }>
  /**
   * Changes a user by a pure rule. Nothing that others change at the same time is lost: then the rule is applied again.
   * @param etag of the only version to change, or empty for any.
   * @returns the user after the change.
   * @throws ServiceError NOT_FOUND, ETAG_MISMATCH, EMAIL_TAKEN, WRONG_STATE for the last active admin, and what the rule throws.
   */
  change(id: string, etag: string, now: Date, by: Origin, rule: (user: UserRecord) => Change): Promise<UserRecord>
  /**
   * Sets the password of the living user that matches.
   * @param byLink a mailed link has shown the address to be the user's.
   * @returns the user after it, or null when none matches.
   */
  setPassword(
    which: Pick<UserRecord, '_id' | 'passwordVersion'> & { email?: string },
    passwordHash: string,
    now: Date,
    by: Origin,
    byLink?: boolean,
  ): Promise<UserRecord | null>
  /** Replaces a hash by a better one of the same password: no change that anybody sees. */
  replaceHash(id: string, old: string, passwordHash: string, now: Date, by: Origin): Promise<void>
  /** Puts down what has changed nothing, such as failed attempts to sign in. */
  note(id: string, type: 'SIGN_IN_SLOWED' | 'PASSWORD_RESET_REQUESTED', now: Date, traceId: string): Promise<void>
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
  const key = streamKey(secret, 'users')
  const streams = await createStreams(db, 'security_events', log)
  const count = await adoptUsers(client, users, db.collection('guards'), key)
  if (count > 0) log.info({ users: count }, 'security events are kept from now on')

  const readBegun: (id: string) => Promise<Begun | null> = createPointReader<UserDocument>(users, {
    projection: begunProjection,
  })

  /**
   * @param version of the user, where others must not have changed anything at all.
   * @returns a function that changes the user and appends to its stream, and tells whether the user was still as it was read.
   */
  async function secured(
    before: Begun,
    { after, type, time, by }: { after: Partial<Secured>; type: string; time: Date; by: Origin },
    { $set, ...update }: UpdateFilter<UserDocument> & { $set?: Partial<UserDocument> },
    version?: number,
  ): Promise<(session?: ClientSession) => Promise<boolean>> {
    const { _id, history } = before
    if (!history) {
      // Written by an instance that knows of no histories. Its first event must be the only one there is before the next.
      await users.updateOne({ _id, history: { $exists: false } }, { $set: { history: adopted(key, before, time) } })
      return async () => false
    }
    await streams.add(history.pending)
    const next = append(key, { ...before, history }, after, type, time, by)
    // Every change of what is secured has an event, and so another version of the history.
    const same = { _id, 'history.version': history.version, ...(version !== undefined && { version }) }
    return async session => {
      const written = await users.updateOne(
        same,
        { ...update, $set: { ...$set, history: next } },
        session ? { session } : {},
      )
      return written.matchedCount === 1
    }
  }

  /** Writes `after` over `before`. @returns whether the user was still so. */
  async function replace(
    before: UserRecord,
    after: UserRecord,
    change: Change,
    now: Date,
    by: Origin,
  ): Promise<boolean> {
    const $push = { outbox: changed(before, after, by.traceId) }
    const renamed = after.email !== before.email || after.displayName !== before.displayName
    const $set = {
      ...change,
      updateTime: after.updateTime,
      version: after.version,
      ...(renamed && { search: searchTokens(after.email, after.displayName) }),
    }
    const which = { _id: before._id, version: before.version }
    const type = typeOf(before, after)
    if (!type) return (await users.updateOne(which, { $set, $push })).matchedCount === 1
    const begun = await readBegun(before._id)
    if (begun?.version !== before.version) return false
    const write = await secured(begun, { after, type, time: now, by }, { $set, $push }, before.version)
    if (!isActiveAdmin(before, now) || isActiveAdmin(after, now)) return write()
    return exceptLastAdmin(before._id, now, write)
  }

  return {
    events: createSecurityEvents({ client, users, streams, tokens, key }),
    get: read,
    withPassword: id => translated(users.findOne({ _id: id })),
    findByEmail: email => translated(users.findOne({ email, deleteTime: null })),
    async requireFreeEmail(email) {
      const taken = await translated(users.findOne({ email, deleteTime: null }, { projection: { _id: 1 } }))
      if (taken) throw emailTaken()
    },

    async insert(user, passwordHash, request, by) {
      const search = searchTokens(user.email, user.displayName)
      const event = created(user, by.traceId)
      const document: UserDocument = { ...user, search, outbox: [event] }
      if (passwordHash) document.passwordHash = passwordHash
      document.history = begin(key, document, by)
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

    async change(id, etag, now, by, rule) {
      return untilWritten(id, async () => {
        const before = await read(id)
        if (!before) throw notFound('user', id)
        checkEtag(etag, before.version)
        const change = rule(before)
        const after = { ...before, ...change, updateTime: now, version: before.version + 1 }
        if (!(await replace(before, after, change, now, by))) return false
        written(id)
        return after
      })
    },

    async setPassword(which, passwordHash, now, by, byLink = false) {
      const type = byLink ? 'PASSWORD_RESET' : 'PASSWORD_CHANGED'
      const user = await untilWritten(which._id, async () => {
        const [user, before] = await Promise.all([read(which._id), readBegun(which._id)])
        if (!user || !before || user.deleteTime) return null
        if (user.passwordVersion !== which.passwordVersion || (which.email ?? user.email) !== user.email) return null
        const change = {
          passwordVersion: which.passwordVersion + 1,
          updateTime: now,
          version: user.version + 1,
          ...(byLink && { emailVerified: true }),
        }
        const after = { ...user, ...change }
        const $push = { outbox: passwordChanged(after, byLink, by.traceId) }
        const event = { after: { ...change, passwordHash }, type, time: now, by }
        const write = await secured(before, event, { $set: { ...change, passwordHash }, $push }, user.version)
        return (await write()) && after
      })
      if (user) written(user._id)
      return user
    },

    async replaceHash(id, old, passwordHash, now, by) {
      await untilWritten(id, async () => {
        const before = await readBegun(id)
        if (before?.passwordHash !== old) return null
        const event = { after: { passwordHash }, type: 'PASSWORD_REHASHED', time: now, by }
        return (await secured(before, event, { $set: { passwordHash } }))()
      })
    },

    async note(id, type, now, traceId) {
      await untilWritten(id, async () => {
        const before = await readBegun(id)
        if (!before) return null
        return (await secured(before, { after: {}, type, time: now, by: { actor: '', traceId } }, {}))()
      })
    },
  }
}

/** @param attempt answers false when others have changed the user meanwhile: then it is made again. */
async function untilWritten<T>(id: string, attempt: () => Promise<T | false>): Promise<T> {
  for (let count = 1; count <= maxAttempts; count++) {
    const result = await translated(attempt())
    if (result !== false) return result
  }
  throw aborted('ETAG_MISMATCH', `The user ${id} is changed by others all the time. Try again.`)
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
