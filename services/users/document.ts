/**
 * The collection `users`: a document for each user, deleted ones too.
 *
 *   _id                  UUIDv7
 *   email, displayName, locale, timeZone, avatar, profile, roles, emailVerified
 *                        as in the contract; email normalised, unique among the living
 *   disabledReason, disabledUntil
 *                        null: never disabled; see UserRecord
 *   createTime, updateTime, deleteTime
 *                        deleteTime null: living
 *   version              counts the changes that callers see; the etag is made of it
 *   passwordVersion      counts the changes of the password
 *   passwordHash         argon2id, as a PHC string; missing without a password
 *   search               what prefix search looks up, see search.ts
 *   request              the mark of the request that made the user, when it had a request_id
 *   history              the head of the user's stream of security events, see history.ts
 *   outbox               events of the user that are not everywhere yet, see events.ts
 */
import type { Outboxed } from '@site11/runtime/events/event.ts'
import { outboxIndex } from '@site11/runtime/events/outbox.ts'
import type { Marked } from '@site11/runtime/store/idempotency.ts'
import { requestIndex } from '@site11/runtime/store/idempotency.ts'
import type { IndexSpec } from '@site11/runtime/store/indexes.ts'
import type { History } from './history.ts'
import type { UserRecord } from './user.ts'

export interface UserDocument extends UserRecord, Marked, Outboxed {
  passwordHash?: string
  search: string[]
  history?: History
}

/** Fields that stay in the database when users are read. */
export const hidden = ['passwordHash', 'search', 'request', 'outbox', 'history'] as const

/** Leaves out what is hidden. */
export const visible = Object.fromEntries(hidden.map(field => [field, 0]))

export const emailIndex: IndexSpec = {
  name: 'email',
  key: { email: 1 },
  unique: true,
  partialFilterExpression: { deleteTime: null },
}

/** Lists need one for each order, with _id as the tie-breaker. */
export const indexes: IndexSpec[] = [
  emailIndex,
  requestIndex,
  outboxIndex,
  { name: 'search', key: { search: 1 } },
  { name: 'roles', key: { roles: 1 } },
  { name: 'by-create-time', key: { createTime: 1, _id: 1 } },
  { name: 'by-update-time', key: { updateTime: 1, _id: 1 } },
  { name: 'by-email', key: { email: 1, _id: 1 } },
  { name: 'by-display-name', key: { displayName: 1, _id: 1 } },
]
