/**
 * interim
 */
import type { ListUsersRequest, WatchUsersResponse } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import { aborted, alreadyExists, failedPrecondition, notFound, unavailable } from '@site11/runtime/errors.ts'
import { type ClientSession, type Db, type Filter, type MongoClient, MongoNetworkError, MongoServerError, MongoServerSelectionError } from 'mongodb'
import type { UserDocument } from './document.ts'
import { searchPrefixes, searchTokens } from './search.ts'
import { type Change, isActiveAdmin, type UserRecord } from './user.ts'
import { watch } from './watch.ts'

export type UserStore = Awaited<ReturnType<typeof createUserStore>>

const etagOf = (version: number) => `"${version}"`

export async function createUserStore(client: MongoClient, db: Db) {
  const users = db.collection<UserDocument>('users')
  const projection = { passwordHash: 0, search: 0, requestKey: 0, requestHash: 0 }
  await users.createIndex({ email: 1 }, { unique: true, partialFilterExpression: { deleteTime: null }, name: 'email' })
  const mapped = <T>(p: Promise<T>) => p.catch(error => {
    if (error instanceof MongoNetworkError || error instanceof MongoServerSelectionError) throw unavailable('no db')
    if (error instanceof MongoServerError && error.code === 11000) throw alreadyExists('EMAIL_TAKEN', 'Another user has this e-mail address.', 'user.email')
    throw error
  })
  const store = {
    get: (id: string): Promise<UserRecord | null> => mapped(users.findOne({ _id: id }, { projection })),
    withPassword: (id: string) => mapped(users.findOne({ _id: id })),
    findByEmail: (email: string) => mapped(users.findOne({ email, deleteTime: null })),
    async requireFreeEmail(email: string) {
      if (await store.findByEmail(email)) throw alreadyExists('EMAIL_TAKEN', 'Another user has this e-mail address.', 'user.email')
    },
    async insert(user: UserRecord, passwordHash: string | undefined) {
      await mapped(users.insertOne({ ...user, ...(passwordHash && { passwordHash }), search: searchTokens(user.email, user.displayName) }))
      return user
    },
    async list(request: ListUsersRequest, now: Date) {
      const items = await mapped(users.find({ ...(request.showDeleted ? {} : { deleteTime: null }), ...(request.pageToken && { _id: { $lt: request.pageToken } }), $and: [{}, ...searchPrefixes(request.search).map(p => ({ search: { $regex: `^${p}` } }))] } as Filter<UserDocument>, { projection }).sort({ _id: -1 }).limit(request.pageSize || 50).toArray())
      return { users: items as UserRecord[], nextPageToken: items.length === (request.pageSize || 50) ? items.at(-1)?._id ?? '' : '' }
    },
    async change(id: string, etag: string, now: Date, rule: (user: UserRecord) => Change): Promise<UserRecord> {
      for (let i = 0; i < 10; i++) {
        const before = await store.get(id)
        if (!before) throw notFound('user', id)
        if (etag && etag !== etagOf(before.version)) throw aborted('ETAG_MISMATCH', 'changed')
        const after = { ...before, ...rule(before), version: before.version + 1, updateTime: now }
        const { _id, ...set } = after
        const r = await mapped(users.updateOne({ _id: id, version: before.version }, { $set: { ...set, search: searchTokens(after.email, after.displayName) } }))
        if (r.matchedCount) return after
      }
      throw aborted('ETAG_MISMATCH', 'changed')
    },
    setPassword: (where: Filter<UserDocument>, passwordHash: string, now: Date, also: Change = {}) =>
      mapped(users.findOneAndUpdate({ ...where, deleteTime: null }, { $set: { ...also, passwordHash, updateTime: now }, $inc: { version: 1, passwordVersion: 1 } }, { returnDocument: 'after', projection })),
    replaceHash: async (id: string, old: string, passwordHash: string) => void (await users.updateOne({ _id: id, passwordHash: old }, { $set: { passwordHash } })),
    watch: (resumeToken: string, signal: AbortSignal, now: () => Date) => watch(users, resumeToken, signal, now),
  }
  return store
}
