/**
 * Lists of users: what may be filtered and ordered by, and the search.
 */
import type { ListUsersRequest } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import { compileFilter, type FieldTable } from '@site11/runtime/filter/compile.ts'
import { parseOrderBy } from '@site11/runtime/filter/order-by.ts'
import type { PageTokens } from '@site11/runtime/store/page-token.ts'
import { listPage, type Order } from '@site11/runtime/store/pages.ts'
import type { Collection, Filter } from 'mongodb'
import { type UserDocument, visible } from './document.ts'
import { searchPrefixes } from './search.ts'
import { normalizeEmail, type UserRecord } from './user.ts'

const normalize = (text: string) => text.normalize('NFC')

/** What may be filtered by. Whether a user is disabled depends on the time. */
function filterFields(now: Date): FieldTable {
  const disabled = { disabledUntil: { $gt: now } }
  const active = { disabledUntil: { $not: { $gt: now } } }
  return {
    id: { type: 'string', path: '_id' },
    email: { type: 'string', path: 'email', normalize: normalizeEmail },
    display_name: { type: 'string', path: 'displayName', normalize },
    locale: { type: 'string', path: 'locale' },
    time_zone: { type: 'string', path: 'timeZone' },
    roles: { type: 'string[]', path: 'roles' },
    // As the contract's comment writes them, and as users show them in JSON.
    state: {
      type: 'enum',
      conditions: { ACTIVE: active, DISABLED: disabled, USER_STATE_ACTIVE: active, USER_STATE_DISABLED: disabled },
    },
    email_verified: { type: 'bool', path: 'emailVerified' },
    create_time: { type: 'timestamp', path: 'createTime' },
    update_time: { type: 'timestamp', path: 'updateTime' },
  }
}

const orderFields = {
  create_time: 'createTime',
  update_time: 'updateTime',
  email: 'email',
  display_name: 'displayName',
}
const newestFirst: Order = { path: 'createTime', direction: -1 }

/** Texts that begin with a prefix come before the prefix with this after it. */
const lastCharacter = '\u{10ffff}'

/**
 * @returns a page of users as of `now`.
 * @throws ServiceError INVALID_FILTER, INVALID_ORDER, INVALID_PAGE_TOKEN, UNAVAILABLE.
 */
export async function listUsers(
  users: Collection<UserDocument>,
  tokens: PageTokens,
  { pageSize, pageToken, ...query }: ListUsersRequest,
  now: Date,
): Promise<{ users: UserRecord[]; nextPageToken: string }> {
  const conditions: Filter<UserDocument>[] = query.showDeleted ? [] : [{ deleteTime: null }]
  for (const prefix of searchPrefixes(query.search)) {
    conditions.push({ search: { $elemMatch: { $gte: prefix, $lt: prefix + lastCharacter } } })
  }
  if (query.filter) conditions.push(compileFilter(query.filter, filterFields(now)))
  const [first = {}] = conditions
  const filter = conditions.length > 1 ? { $and: conditions } : first
  const order = parseOrderBy(query.orderBy, orderFields, newestFirst)
  const page = await listPage(users, tokens, { filter, order, pageSize, pageToken, query, projection: visible })
  return { users: page.items, nextPageToken: page.nextPageToken }
}
