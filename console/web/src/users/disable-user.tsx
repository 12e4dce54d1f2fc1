import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { useMutation } from '@connectrpc/connect-query'
import { Button, Group, Stack, Text, Textarea, TextInput } from '@mantine/core'
import type { User } from '@site11/proto/es/site11/users/v1/user_pb.ts'
import { DisableUserRequestSchema, UsersService } from '@site11/proto/es/site11/users/v1/users_service_pb.ts'
import { useQueryClient } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { useContractForm } from '../ui/form.tsx'
import { ProblemInline } from '../ui/problem.tsx'
import { SideDrawer } from '../ui/side-drawer.tsx'
import { toastUndo } from '../ui/toasts.tsx'
import { putUser } from './cache.ts'
import { useUserActions } from './use-user-actions.ts'

interface DisableUserProps {
  /** Open while there is one. */
  user: User | undefined
  onClose: () => void
}

export function DisableUser({ user, onClose }: DisableUserProps) {
  const { t } = useTranslation()
  return (
    <SideDrawer
      opened={user !== undefined}
      onClose={onClose}
      title={t('users.disableTitle', { name: user?.displayName || user?.email || '' })}
    >
      {user && <DisableForm key={user.id} user={user} onClose={onClose} />}
    </SideDrawer>
  )
}

const initialValues = { reason: '', until: '' }

function DisableForm({ user: { id, etag, displayName, email }, onClose }: { user: User; onClose: () => void }) {
  const { t } = useTranslation()
  const client = useQueryClient()
  const disable = useMutation(UsersService.method.disableUser)
  const { undoDisable } = useUserActions()
  const { form, failure, sending, submit } = useContractForm(DisableUserRequestSchema, initialValues)
  const send = async ({ reason, until }: typeof initialValues) => {
    const { user } = await disable.mutateAsync({
      id,
      etag,
      reason,
      ...(until && { until: timestampFromDate(new Date(until)) }),
    })
    putUser(client, user)
    onClose()
    if (user) await toastUndo(t('users.disabledToast', { name: displayName || email }), () => undoDisable(user))
  }
  return (
    <form noValidate onSubmit={submit(send)}>
      <Stack gap="sm">
        <Text c="dimmed">{t('users.disableText')}</Text>
        <Textarea
          label={t('users.reason')}
          description={t('users.reasonHint')}
          autosize
          minRows={2}
          data-autofocus
          {...form.getInputProps('reason')}
        />
        <TextInput
          type="datetime-local"
          label={t('users.until')}
          description={t('users.untilHint')}
          {...form.getInputProps('until')}
        />
        {failure !== undefined && <ProblemInline error={failure} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {t('common.cancel')}
          </Button>
          <Button type="submit" loading={sending}>
            {t('users.disable')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
