/** Who did it, by name: users are known to the journal by their ids only. */
import { createQueryOptions } from '@connectrpc/connect-query'
import { UsersService } from '@site11/proto/es/site11/users/v1/users_service_pb.ts'
import { useQueries } from '@tanstack/react-query'
import { transport } from '../api/client.ts'
import { mayCall } from '../api/policy.ts'
import { useSession } from '../api/use-session.ts'

const { getUser } = UsersService.method
const prefix = 'users/'

/** @returns the names of those of the actors that are users and could be found; each is asked for once. */
export function useActorNames(actors: Iterable<string>): ReadonlyMap<string, string> {
  const enabled = mayCall(useSession(), getUser)
  const ids = [...new Set(actors)].filter(actor => actor.startsWith(prefix)).map(actor => actor.slice(prefix.length))
  return useQueries({
    queries: ids.map(id => ({
      ...createQueryOptions(getUser, { id }, { transport }),
      enabled,
      staleTime: 5 * 60_000,
      // One that is deleted for good has no name any more.
      retry: false,
    })),
    combine: results =>
      new Map(
        results.flatMap(({ data }) => {
          const user = data?.user
          return user ? [[`${prefix}${user.id}`, user.displayName || user.email] as const] : []
        }),
      ),
  })
}

/** @returns who did something: the name of a user for `users/<id>`, else what was given. */
export function useActorName(actor = ''): string {
  return useActorNames([actor]).get(actor) || actor
}
