/** What the page knows of users, wherever it is kept: the pages of the lists, and the users that are open. */
import { create } from '@bufbuild/protobuf'
import { createConnectQueryKey } from '@connectrpc/connect-query'
import type { User } from '@site11/proto/es/site11/users/v1/user_pb.ts'
import {
  type GetUserResponse,
  GetUserResponseSchema,
  type ListUsersResponse,
  UsersService,
} from '@site11/proto/es/site11/users/v1/users_service_pb.ts'
import type { QueryClient } from '@tanstack/react-query'
import { transport } from '../api/client.ts'

const { getUser, listUsers } = UsersService.method

export const listsKey = createConnectQueryKey({ schema: listUsers, cardinality: 'finite' })
const userKey = (id: string) =>
  createConnectQueryKey({ schema: getUser, input: { id }, transport, cardinality: 'finite' })

/**
 * Puts a changed user in its place in every list, so that no page is asked for again and nothing jumps.
 * @returns whether any list has the user.
 */
export function putUser(client: QueryClient, user: User | undefined): boolean {
  if (!user) return false
  let listed = false
  client.setQueriesData<ListUsersResponse>({ queryKey: listsKey }, page => {
    const place = page?.users.findIndex(({ id }) => id === user.id) ?? -1
    if (!page || place < 0) return page
    listed = true
    return { ...page, users: page.users.with(place, user) }
  })
  if (client.getQueryData(userKey(user.id))) {
    client.setQueryData(userKey(user.id), create(GetUserResponseSchema, { user }))
  }
  return listed
}

/** @returns the user as a list has it, as if it had been asked for. */
export function listedUser(client: QueryClient, userId: string) {
  const pages = client.getQueriesData<ListUsersResponse>({ queryKey: listsKey })
  const user = pages.flatMap(([, page]) => page?.users.find(({ id }) => id === userId) ?? [])[0]
  return user && create(GetUserResponseSchema, { user })
}

/** Has what is seen of lists and users asked for again, and the rest when it is seen. */
export async function refreshUsers(client: QueryClient): Promise<void> {
  const users = createConnectQueryKey({ schema: getUser, cardinality: 'finite' })
  await Promise.all([client.invalidateQueries({ queryKey: listsKey }), client.invalidateQueries({ queryKey: users })])
}

/** @returns the user as the page knows it. */
function knownUser(client: QueryClient, id: string): User | undefined {
  const open = client.getQueryData(userKey(id)) as GetUserResponse | undefined
  return open?.user ?? listedUser(client, id)?.user
}

/**
 * Shows what an action will make of a user before the server has said so; when it fails, the user is again as before.
 * @param seen the version that the action is on. When the page knows another one by now, nothing is shown ahead: it will be refused.
 * @param guess the user as it will be.
 * @returns the user as the server has made it.
 */
export async function optimistically(
  client: QueryClient,
  seen: User,
  guess: Partial<User>,
  act: () => Promise<User | undefined>,
): Promise<User | undefined> {
  const ahead = { ...seen, ...guess }
  const isCurrent = knownUser(client, seen.id)?.etag === seen.etag
  if (isCurrent) putUser(client, ahead)
  try {
    const after = await act()
    putUser(client, after)
    return after
  } catch (error) {
    // What has come from elsewhere meanwhile stays.
    if (isCurrent && knownUser(client, seen.id)?.etag === seen.etag) putUser(client, seen)
    throw error
  }
}
