import { useQuery } from '@connectrpc/connect-query'
import { UsersService } from '@site11/proto/es/site11/users/v1/users_service_pb.ts'
import { skipToken } from '@tanstack/react-query'
import { mayCall } from '../api/policy.ts'
import { useSession } from '../api/use-session.ts'

const { getUser } = UsersService.method

/** @returns who did something: the name of a user for `users/<id>`, else what was given. */
export function useActorName(actor: string | undefined): string {
  const [, id] = /^users\/(.+)$/.exec(actor ?? '') ?? []
  const may = mayCall(useSession(), getUser)
  const { data } = useQuery(getUser, id && may ? { id } : skipToken, { staleTime: 600_000, retry: false })
  return data?.user?.displayName || data?.user?.email || actor || ''
}
