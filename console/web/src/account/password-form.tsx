import { createConnectQueryKey, useMutation } from '@connectrpc/connect-query'
import { Button, Group, PasswordInput, Stack, Text, Title } from '@mantine/core'
import { AuthService, ChangePasswordRequestSchema } from '@site11/proto/es/site11/console/v1/auth_service_pb.ts'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useContractForm } from '../ui/form.tsx'
import { ProblemInline } from '../ui/problem.tsx'

const { changePassword, getMe, listSessions } = AuthService.method
const initialValues = { currentPassword: '', newPassword: '' }

export function PasswordForm() {
  const { t } = useTranslation()
  const client = useQueryClient()
  const change = useMutation(changePassword)
  const [ended, setEnded] = useState<number>()
  const { form, failure, sending, submit } = useContractForm(ChangePasswordRequestSchema, initialValues, {
    BAD_CREDENTIALS: 'currentPassword',
  })
  const send = async (values: typeof initialValues) => {
    setEnded(undefined)
    const { sessionsEnded } = await change.mutateAsync(values)
    setEnded(sessionsEnded)
    form.reset()
    await client.invalidateQueries({
      queryKey: createConnectQueryKey({ schema: listSessions, cardinality: undefined }),
    })
    // It is no generated one any more.
    await client.invalidateQueries({ queryKey: createConnectQueryKey({ schema: getMe, cardinality: undefined }) })
  }
  return (
    <form noValidate id="password" onSubmit={submit(send)}>
      <Stack gap="sm" maw={440}>
        <Title order={2}>{t('account.changePassword')}</Title>
        <PasswordInput
          label={t('account.currentPassword')}
          autoComplete="current-password"
          {...form.getInputProps('currentPassword')}
        />
        <PasswordInput
          label={t('account.newPassword')}
          description={t('account.passwordHint')}
          autoComplete="new-password"
          {...form.getInputProps('newPassword')}
        />
        {failure !== undefined && <ProblemInline error={failure} />}
        {ended !== undefined && <Text role="status">{t('account.sessionsEnded', { count: ended })}</Text>}
        <Group>
          <Button type="submit" loading={sending}>
            {t('account.changePassword')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
