/** What the list shows: it lives in the URL and becomes a ListUsersRequest. */
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { ListUsersRequestSchema } from '@site11/proto/es/site11/users/v1/users_service_pb.ts'

/** The names of the contract. */
export const orderFields = ['create_time', 'update_time', 'email', 'display_name'] as const
export type OrderField = (typeof orderFields)[number]

export interface Order {
  field: OrderField
  descending: boolean
}

/** What is absent is the default: no condition, the living only, newest first. */
export interface UsersSearch {
  search?: string
  /** AIP-160. */
  filter?: string
  /** As in the contract, such as `display_name desc`. */
  order?: string
  deleted?: true
}

/** How many users a page of the list has. */
export const pageSize = 200

const text = (value: unknown, limit: number) =>
  typeof value === 'string' || typeof value === 'number' ? String(value).slice(0, limit) : ''

/** @returns what of a URL's search is understood; the rest is dropped. */
export function usersSearch({ search, filter, order, deleted }: Record<string, unknown>): UsersSearch {
  const words = text(search, 100)
  const condition = text(filter, 1000).trim()
  const known = typeof order === 'string' ? parseOrder(order) : undefined
  return {
    ...(words !== '' && { search: words }),
    ...(condition !== '' && { filter: condition }),
    ...(known && orderText(known) !== orderText(newestFirst) && { order: orderText(known) }),
    ...(deleted === true && { deleted }),
  }
}

export const newestFirst: Order = { field: 'create_time', descending: true }

function parseOrder(order: string): Order | undefined {
  const [, name, desc] = /^(\w+)( desc)?$/.exec(order.trim()) ?? []
  const field = orderFields.find(known => known === name)
  return field && { field, descending: desc !== undefined }
}

/** @returns the order in force. */
export const orderOf = ({ order }: UsersSearch): Order => parseOrder(order ?? '') ?? newestFirst

export const orderText = ({ field, descending }: Order) => (descending ? `${field} desc` : field)

/** @returns the request for a page of the list. */
export function requestFrom({ search = '', filter = '', order = '', deleted }: UsersSearch, pageToken = '') {
  return {
    search,
    filter,
    orderBy: order,
    showDeleted: deleted ?? false,
    pageSize,
    pageToken,
  } satisfies MessageInitShape<typeof ListUsersRequestSchema>
}
