import { Button, Group, Stack, Text, Textarea, TextInput } from '@mantine/core'
import type { User } from '@site11/proto/es/site11/users/v1/user_pb.ts'
import { DisableUserRequestSchema } from '@site11/proto/es/site11/users/v1/users_service_pb.ts'
import { useTranslation } from 'react-i18next'
import { useContractForm } from '../ui/form.tsx'
import { ProblemInline } from '../ui/problem.tsx'
import { SideDrawer } from '../ui/side-drawer.tsx'
import { toastUndo } from '../ui/toasts.tsx'
import { untilOf, useUserCalls } from './use-user-actions.ts'
import { nameOf } from './user-columns.tsx'

interface DisableUserProps {
  /** Open while there is one. */
  user: User | undefined
  onClose: () => void
}

export function DisableUser({ user, onClose }: DisableUserProps) {
  const { t } = useTranslation()
  const calls = useUserCalls()
  async function disable(reason: string, until: string) {
    if (!user) return
    const after = await calls.disable(user, reason, untilOf(until))
    onClose()
    if (!after) return
    await toastUndo(t('users.disabledToast', { name: nameOf(user) }), async () => void (await calls.enable(after)))
  }
  return (
    <SideDrawer
      opened={user !== undefined}
      onClose={onClose}
      title={t('users.disableTitle', { name: user ? nameOf(user) : '' })}
    >
      {user && <DisableForm key={user.id} onSend={disable} onClose={onClose} />}
    </SideDrawer>
  )
}

interface DisableFormProps {
  onSend: (reason: string, until: string) => Promise<unknown>
  onClose: () => void
}

const initialValues = { reason: '', until: '' }

/** Asks for what goes with it: the reason and until when. */
export function DisableForm({ onSend, onClose }: DisableFormProps) {
  const { t } = useTranslation()
  const { form, failure, sending, submit } = useContractForm(DisableUserRequestSchema, initialValues)
  return (
    <form noValidate onSubmit={submit(({ reason, until }) => onSend(reason, until))}>
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
