import { createConnectQueryKey } from '@connectrpc/connect-query'
import type { User } from '@site11/proto/es/site11/users/v1/user_pb.ts'
import { type ListUsersResponse, UsersService } from '@site11/proto/es/site11/users/v1/users_service_pb.ts'
import type { InfiniteData, QueryClient } from '@tanstack/react-query'

const lists = { queryKey: createConnectQueryKey({ schema: UsersService.method.listUsers, cardinality: 'infinite' }) }

/** Puts a changed user in its place in every list, so that no page is asked for again and nothing jumps. */
export function putUser(client: QueryClient, user: User | undefined): void {
  if (!user) return
  client.setQueriesData<InfiniteData<ListUsersResponse>>(lists, data => {
    if (!data) return data
    const pages = data.pages.map(page => ({ ...page, users: page.users.map(old => (old.id === user.id ? user : old)) }))
    return { ...data, pages }
  })
}

/** Has the lists asked for again, for a user that is new. */
export const refreshLists = (client: QueryClient) => client.invalidateQueries(lists)
