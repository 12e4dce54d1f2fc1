import { create } from '@bufbuild/protobuf'
import { type Timestamp, timestampFromDate, timestampNow } from '@bufbuild/protobuf/wkt'
import { useMutation } from '@connectrpc/connect-query'
import { type User, UserState } from '@site11/proto/es/site11/users/v1/user_pb.ts'
import {
  GetUserRequestSchema,
  type GetUserResponse,
  UsersService,
} from '@site11/proto/es/site11/users/v1/users_service_pb.ts'
import { useQueryClient } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { transport } from '../api/client.ts'
import { problemFrom } from '../api/problem.ts'
import { toastDone, toastProblem, toastUndo } from '../ui/toasts.tsx'
import { optimistically } from './cache.ts'
import { nameOf } from './user-columns.tsx'

const methods = UsersService.method

/** @returns the user as it is now. */
export async function readUser(id: string, signal?: AbortSignal): Promise<User | undefined> {
  const answer = await transport.unary(
    methods.getUser,
    signal,
    undefined,
    undefined,
    create(GetUserRequestSchema, { id }),
  )
  return (answer.message as GetUserResponse).user
}

/** `deleteTime` is absent from the living: an optional field cannot be set to undefined by name. */
const alive = { deleteTime: undefined } as unknown as Partial<User>

/** How often a role is added again to what another has just made of the roles. */
const roleAttempts = 3

/**
 * @returns what can be done to a user. Each touches only the version that was seen (etag), shows at once, and shows the user as before
 * when it fails. @throws what the call threw.
 */
export function useUserCalls() {
  const client = useQueryClient()
  const deletion = useMutation(methods.deleteUser)
  const undeletion = useMutation(methods.undeleteUser)
  const enabling = useMutation(methods.enableUser)
  const disabling = useMutation(methods.disableUser)
  const roles = useMutation(methods.setUserRoles)
  return {
    remove: (user: User) =>
      optimistically(
        client,
        user,
        { deleteTime: timestampNow() },
        async () => (await deletion.mutateAsync({ id: user.id, etag: user.etag })).user,
      ),
    restore: (user: User) =>
      optimistically(
        client,
        user,
        alive,
        async () => (await undeletion.mutateAsync({ id: user.id, etag: user.etag })).user,
      ),
    enable: (user: User) =>
      optimistically(
        client,
        user,
        { state: UserState.ACTIVE },
        async () => (await enabling.mutateAsync({ id: user.id, etag: user.etag })).user,
      ),
    disable: (user: User, reason: string, until: Timestamp | undefined) =>
      optimistically(
        client,
        user,
        { state: UserState.DISABLED, disabledReason: reason },
        async () =>
          (await disabling.mutateAsync({ id: user.id, etag: user.etag, reason, ...(until && { until }) })).user,
      ),
    setRoles: (user: User, wanted: string[]) =>
      optimistically(
        client,
        user,
        { roles: wanted },
        async () => (await roles.mutateAsync({ id: user.id, etag: user.etag, roles: wanted })).user,
      ),
    /** Adds or takes a role, whatever others do to the other roles meanwhile. */
    async changeRole(user: User, role: string, has: boolean): Promise<User | undefined> {
      let latest: User = user
      for (let attempt = 1; ; attempt++) {
        if (latest.roles.includes(role) === has) return undefined
        const wanted = has ? [...latest.roles, role] : latest.roles.filter(name => name !== role)
        try {
          return await this.setRoles(latest, wanted)
        } catch (error) {
          if (problemFrom(error).reason !== 'ETAG_MISMATCH' || attempt === roleAttempts) throw error
          latest = (await readUser(user.id)) ?? latest
        }
      }
    },
  }
}

export type UserCalls = ReturnType<typeof useUserCalls>

/** What undoes each: a user disabled before is disabled again as it was. */
export function disableAgain(calls: UserCalls, before: User, after: User): Promise<User | undefined> {
  return calls.disable(after, before.disabledReason, before.disabledUntil)
}

export const untilOf = (text: string): Timestamp | undefined => (text ? timestampFromDate(new Date(text)) : undefined)

/** @returns the actions on one user that need no form: done at once, said in a toast with a way back. */
export function useUserActions() {
  const { t } = useTranslation()
  const calls = useUserCalls()
  const request = useMutation(methods.requestPasswordReset)
  const undone = (action: () => Promise<unknown>) => async () => void (await action())

  async function remove(user: User) {
    const after = await calls.remove(user)
    if (after)
      await toastUndo(
        t('users.deletedToast', { name: nameOf(user) }),
        undone(() => calls.restore(after)),
      )
  }
  async function enable(user: User) {
    const after = await calls.enable(user)
    if (!after) return
    await toastUndo(
      t('users.enabledToast', { name: nameOf(user) }),
      undone(() => disableAgain(calls, user, after)),
    )
  }
  async function restore(user: User) {
    const after = await calls.restore(user)
    if (after)
      await toastUndo(
        t('users.restoredToast', { name: nameOf(user) }),
        undone(() => calls.remove(after)),
      )
  }
  async function sendLink({ email }: User) {
    await request.mutateAsync({ email })
    await toastDone(t('users.linkSent', { email }))
  }
  const orToast = (action: (user: User) => Promise<void>) => (user: User) => void action(user).catch(toastProblem)
  return {
    calls,
    remove: orToast(remove),
    restore: orToast(restore),
    enable: orToast(enable),
    sendLink: orToast(sendLink),
  }
}
