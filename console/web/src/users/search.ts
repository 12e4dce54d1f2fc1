/** The list's filter: it lives in the URL and becomes a ListUsersRequest. */
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { ListUsersRequestSchema } from '@site11/proto/es/site11/users/v1/users_service_pb.ts'

export const states = ['active', 'disabled'] as const
export const orders = ['email', 'name'] as const

/** What is absent is the default: every state, the living only, newest first. */
export interface UsersSearch {
  search?: string
  state?: (typeof states)[number]
  deleted?: true
  order?: (typeof orders)[number]
}

/** @returns what of a URL's search is understood; the rest is dropped. */
export function usersSearch({ search, state, deleted, order }: Record<string, unknown>): UsersSearch {
  const text = typeof search === 'string' || typeof search === 'number' ? String(search).slice(0, 100) : ''
  const known = { state: states.find(name => name === state), order: orders.find(name => name === order) }
  return {
    ...(text !== '' && { search: text }),
    ...(known.state && { state: known.state }),
    ...(deleted === true && { deleted }),
    ...(known.order && { order: known.order }),
  }
}

/** @returns the request for the pages of a list; `pageToken` is for the pages to fill in. */
export function requestFrom({ search = '', state, deleted, order }: UsersSearch) {
  return {
    search,
    filter: state ? `state = ${state.toUpperCase()}` : '',
    orderBy: order === 'name' ? 'display_name' : (order ?? ''),
    showDeleted: deleted ?? false,
    pageSize: 50,
    pageToken: '',
  } satisfies MessageInitShape<typeof ListUsersRequestSchema>
}
