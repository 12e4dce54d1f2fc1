import { UsersService } from '@site11/proto/es/site11/users/v1/users_service_pb.ts'
import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { mayCall } from '../api/policy.ts'
import { useLive } from '../api/use-live.ts'
import { useSession } from '../api/use-session.ts'
import { putUser, refreshUsers } from './cache.ts'
import { changesSince, userChanges } from './changes.ts'

/**
 * Keeps every user on the page as it is now.
 * @returns whether it does; and how many users are new since `seenNew` was called last.
 */
export function useUserChanges() {
  const client = useQueryClient()
  const may = mayCall(useSession(), UsersService.method.watchUsers)
  const { value, live, seen, error } = useLive(userChanges, may ? {} : undefined)
  const [created, setCreated] = useState(0)
  const taken = useRef<{ connection: number; last: number }>(undefined)
  const waited = useRef(false)
  useEffect(() => {
    if (!value) {
      waited.current = true
      return
    }
    const before = taken.current
    taken.current = { connection: value.connection, last: value.last }
    if (!before) {
      // What happened between the list's coming and the watch's beginning was told by neither.
      if (waited.current) void refreshUsers(client)
      return
    }
    const changes = changesSince(value, before)
    if (!changes) return void refreshUsers(client)
    // Who was brought back is told of as created, and may stand in a list all the while.
    const strangers = changes.filter(({ user, created }) => !putUser(client, user) && created)
    setCreated(count => count + strangers.length)
  }, [client, value])
  return { live, seen, error, created, seenNew: () => setCreated(0) }
}
