/**
 * The methods of UsersService: rule, then store. Passwords and mailed links are in account.ts.
 */
import type { UsersServiceService } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import { type Call, type Handlers, userOf } from '@site11/runtime/call.ts'
import { notFound } from '@site11/runtime/errors.ts'
import type { Log } from '@site11/runtime/log.ts'
import { requestMark } from '@site11/runtime/store/idempotency.ts'
import { type AccountHandlers, accountHandlers, callingUser } from './account.ts'
import { originOf } from './history.ts'
import type { Links } from './links.ts'
import type { Mail } from './mail.ts'
import type { Passwords } from './passwords.ts'
import { requireStrong } from './passwords.ts'
import type { UserStore } from './store.ts'
import type { Throttle } from './throttle.ts'
import {
  applyUpdate,
  type Change,
  forGood,
  newUser,
  profileFields,
  requireLiving,
  requireRoles,
  toUser,
  type UserRecord,
  undelete,
  updateOf,
  userFields,
} from './user.ts'
import type { UserWatch } from './watch.ts'

export interface UsersDependencies {
  store: UserStore
  watch: UserWatch
  links: Links
  mail: Mail
  passwords: Passwords
  throttle: Throttle
  /** Where the pages are that mailed links lead to. */
  publicUrl: string
  /** Keys the hashes of requests that are safe to repeat. */
  secret: string
  log: Log
  now(): Date
  /** A new UUID. */
  newId(): string
}

export function usersService(dependencies: UsersDependencies): Handlers<typeof UsersServiceService> {
  return { ...userHandlers(dependencies), ...accountHandlers(dependencies) }
}

type UserHandlers = Omit<Handlers<typeof UsersServiceService>, keyof AccountHandlers>

function userHandlers({ store, watch, passwords, secret, now, newId }: UsersDependencies): UserHandlers {
  /** Changes a living user by a rule. An empty etag admits every version. */
  async function change(id: string, etag: string, call: Call, rule: (user: UserRecord, at: Date) => Change) {
    const at = now()
    const changed = await store.change(id, etag, at, originOf(call), user => {
      requireLiving(user)
      return rule(user, at)
    })
    return { user: toUser(changed, at) }
  }

  return {
    async getUser({ id }) {
      const user = await store.get(id)
      if (!user) throw notFound('user', id)
      return { user: toUser(user, now()) }
    },

    async batchGetUsers({ ids }) {
      const found = await Promise.all(ids.map(id => store.get(id)))
      const missing = ids.filter((_, index) => !found[index])
      if (missing.length > 0) throw notFound('user', [...new Set(missing)].join(', '))
      const at = now()
      return { users: found.filter(user => user !== null).map(user => toUser(user, at)) }
    },

    async listUsers(request) {
      const at = now()
      const { users, nextPageToken } = await store.list(request, at)
      return { users: users.map(user => toUser(user, at)), nextPageToken }
    },

    watchUsers: ({ resumeToken }, call) => watch(resumeToken, call.signal),

    async createUser(request, call) {
      const { user: message, password, requestId, validateOnly } = request
      const at = now()
      if (!message) throw new Error('The contract requires the user.')
      const user = newUser(message, newId(), at)
      if (password) {
        requireStrong(password, user.email, 'password')
        user.passwordVersion = 1
      }
      if (validateOnly) {
        await store.requireFreeEmail(user.email)
        return { user: { ...toUser(user, at), id: '', etag: '' } }
      }
      const subject = call.caller.kind === 'service' ? `service:${call.caller.service}` : userOf(call)
      const mark = requestMark({ subject, method: 'CreateUser', requestId, request }, secret, at)
      const created = await store.insert(
        user,
        password ? await passwords.hash(password) : undefined,
        mark,
        originOf(call),
      )
      return { user: toUser(created, at) }
    },

    async updateUser({ user: message, updateMask }, call) {
      if (!message) throw new Error('The contract requires the user.')
      const update = updateOf(message, updateMask, userFields)
      return change(message.id, message.etag, call, user => applyUpdate(user, update))
    },

    deleteUser: ({ id, etag }, call) => change(id, etag, call, (_, at) => ({ deleteTime: at })),

    async undeleteUser({ id, etag }, call) {
      const at = now()
      return { user: toUser(await store.change(id, etag, at, originOf(call), undelete), at) }
    },

    disableUser: ({ id, etag, reason, until }, call) =>
      change(id, etag, call, () => ({ disabledReason: reason, disabledUntil: until ?? forGood })),

    enableUser: ({ id, etag }, call) => change(id, etag, call, () => ({ disabledReason: '', disabledUntil: null })),

    async setUserRoles({ id, etag, roles }, call) {
      requireRoles(roles)
      return change(id, etag, call, () => ({ roles }))
    },

    listSecurityEvents: ({ userId, pageSize, pageToken }) => store.events.list(userId, pageSize, pageToken),

    verifySecurityEvents: ({ userId, pageToken }) => store.events.verify(userId, pageToken),

    listMySecurityEvents: ({ pageSize, pageToken }, call) => store.events.list(userOf(call), pageSize, pageToken),

    async getMe(_, call) {
      return { user: toUser(await callingUser(store, call), now()) }
    },

    async updateMe({ user: message, updateMask }, call) {
      if (!message) throw new Error('The contract requires the user.')
      const update = updateOf(message, updateMask, profileFields)
      const { _id } = await callingUser(store, call)
      return change(_id, message.etag, call, () => update)
    },
  }
}
