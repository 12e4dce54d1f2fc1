/** What the watch of users has told, as state of a live stream: pure. */
import type { User } from '@site11/proto/es/site11/users/v1/user_pb.ts'
import { ChangeType, UsersService, type WatchUsersResponse } from '@site11/proto/es/site11/users/v1/users_service_pb.ts'
import type { LiveSource } from '../api/live.ts'

export interface UserChanges {
  /** Tells connections apart: what happened between two of them is not known. */
  connection: number
  /** The number of the last change. */
  last: number
  /** The last changes, by number. Older ones are forgotten. */
  recent: readonly { number: number; created: boolean; user: User }[]
}

const maxRecent = 500
let connections = 0

export function withChange(state: UserChanges | undefined, { type, user }: WatchUsersResponse): UserChanges {
  const { connection, last, recent } = state ?? { connection: ++connections, last: 0, recent: [] }
  if (!user) return { connection, last, recent }
  const change = { number: last + 1, created: type === ChangeType.CREATED, user }
  return { connection, last: last + 1, recent: [...recent.slice(1 - maxRecent), change] }
}

/** @returns the changes since one that was seen, in order; undefined when some of them are not known any more. */
export function changesSince(
  { connection, last, recent }: UserChanges,
  seen: { connection: number; last: number },
): UserChanges['recent'] | undefined {
  if (connection !== seen.connection || last - seen.last > recent.length) return undefined
  return recent.slice(recent.length - (last - seen.last))
}

const { watchUsers } = UsersService.method

export const userChanges: LiveSource<typeof watchUsers.input, typeof watchUsers.output, UserChanges> = {
  method: watchUsers,
  reduce: withChange,
}
