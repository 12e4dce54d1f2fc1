/** Without a link: asks for one by mail. With one: sets the new password. */
import { useMutation } from '@connectrpc/connect-query'
import { Button, PasswordInput, Stack, Text, TextInput } from '@mantine/core'
import {
  RequestPasswordResetRequestSchema,
  ResetPasswordRequestSchema,
  UsersService,
} from '@site11/proto/es/site11/users/v1/users_service_pb.ts'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useContractForm } from '../ui/form.tsx'
import { Page } from '../ui/page.tsx'
import { ProblemInline } from '../ui/problem.tsx'
import { useLinkToken } from './use-link-token.ts'

export function ResetPassword() {
  const { t } = useTranslation()
  const [token, setToken] = useState(useLinkToken())
  return (
    <Page title={t('account.resetTitle')}>
      {token ? <SetPassword token={token} onAskAgain={() => setToken('')} /> : <AskForLink />}
      <Text size="sm">
        <Link to="/login">{t('account.toSignIn')}</Link>
      </Text>
    </Page>
  )
}

function AskForLink() {
  const { t } = useTranslation()
  const [sentTo, setSentTo] = useState<string>()
  const request = useMutation(UsersService.method.requestPasswordReset)
  const { form, failure, sending, submit } = useContractForm(RequestPasswordResetRequestSchema, { email: '' })
  if (sentTo) return <Text role="status">{t('account.resetSent', { email: sentTo })}</Text>
  const send = async ({ email }: { email: string }) => {
    await request.mutateAsync({ email })
    setSentTo(email)
  }
  return (
    <form noValidate onSubmit={submit(send)}>
      <Stack gap="sm">
        <Text c="dimmed">{t('account.resetText')}</Text>
        <TextInput type="email" label={t('account.email')} autoComplete="username" {...form.getInputProps('email')} />
        {failure !== undefined && <ProblemInline error={failure} />}
        <Button type="submit" loading={sending} mt={4}>
          {t('account.resetSend')}
        </Button>
      </Stack>
    </form>
  )
}

function SetPassword({ token, onAskAgain }: { token: string; onAskAgain: () => void }) {
  const { t } = useTranslation()
  const [done, setDone] = useState(false)
  const reset = useMutation(UsersService.method.resetPassword)
  const { form, failure, sending, submit } = useContractForm(ResetPasswordRequestSchema, { newPassword: '' })
  if (done) return <Text role="status">{t('account.resetDone')}</Text>
  const send = async ({ newPassword }: { newPassword: string }) => {
    await reset.mutateAsync({ token, newPassword })
    setDone(true)
  }
  return (
    <form noValidate onSubmit={submit(send)}>
      <Stack gap="sm">
        <PasswordInput
          label={t('account.newPassword')}
          description={t('account.passwordHint')}
          autoComplete="new-password"
          {...form.getInputProps('newPassword')}
        />
        {failure !== undefined && (
          <ProblemInline error={failure}>
            <Button size="compact-sm" variant="default" onClick={onAskAgain}>
              {t('account.resetSend')}
            </Button>
          </ProblemInline>
        )}
        <Button type="submit" loading={sending} mt={4}>
          {t('account.setPassword')}
        </Button>
      </Stack>
    </form>
  )
}
