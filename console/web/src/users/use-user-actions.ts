import { useMutation } from '@connectrpc/connect-query'
import type { User } from '@site11/proto/es/site11/users/v1/user_pb.ts'
import { UsersService } from '@site11/proto/es/site11/users/v1/users_service_pb.ts'
import { useQueryClient } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { toastProblem, toastUndo } from '../ui/toasts.tsx'
import { putUser } from './cache.ts'

/** @returns the actions on a user that need no form. Each touches only the version that was seen (etag) and can be taken back. */
export function useUserActions() {
  const { t } = useTranslation()
  const client = useQueryClient()
  const deletion = useMutation(UsersService.method.deleteUser)
  const undeletion = useMutation(UsersService.method.undeleteUser)
  const enabling = useMutation(UsersService.method.enableUser)

  const restore = async ({ id, etag }: User) => putUser(client, (await undeletion.mutateAsync({ id, etag })).user)
  const enable = async ({ id, etag }: User) => putUser(client, (await enabling.mutateAsync({ id, etag })).user)

  async function remove({ id, etag }: User) {
    const { user } = await deletion.mutateAsync({ id, etag })
    putUser(client, user)
    if (user) await toastUndo(t('users.deletedToast', { name: user.displayName || user.email }), () => restore(user))
  }

  const orToast = (action: (user: User) => Promise<void>) => (user: User) => void action(user).catch(toastProblem)
  return { remove: orToast(remove), restore: orToast(restore), enable: orToast(enable), undoDisable: enable }
}
