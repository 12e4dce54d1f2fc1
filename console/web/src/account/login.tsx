import { useMutation } from '@connectrpc/connect-query'
import { Button, Group, PasswordInput, Stack, Text, TextInput } from '@mantine/core'
import { AuthService, LoginRequestSchema } from '@site11/proto/es/site11/console/v1/auth_service_pb.ts'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { sessions } from '../api/client.ts'
import { useContractForm } from '../ui/form.tsx'
import { Page } from '../ui/page.tsx'
import { ProblemInline } from '../ui/problem.tsx'

const route = getRouteApi('/door/login')

export function Login() {
  const { t } = useTranslation()
  const { ended, ...target } = route.useSearch()
  const login = useMutation(AuthService.method.login)
  const { form, failure, sending, submit } = useContractForm(LoginRequestSchema, { email: '', password: '' })
  return (
    <Page title={t('account.signInTitle')}>
      {ended && !failure && <Text role="status">{t('account.ended')}</Text>}
      <form
        noValidate
        onSubmit={submit(values => sessions.signIn(() => login.mutateAsync({ ...values, useCookie: true })))}
      >
        <Stack gap="sm">
          <TextInput type="email" label={t('account.email')} autoComplete="username" {...form.getInputProps('email')} />
          <PasswordInput
            label={t('account.password')}
            autoComplete="current-password"
            {...form.getInputProps('password')}
          />
          {failure !== undefined && <ProblemInline error={failure} />}
          <Button type="submit" loading={sending} mt={4}>
            {t('account.signIn')}
          </Button>
        </Stack>
      </form>
      <Group justify="space-between" fz="sm">
        <span>
          {t('account.noAccount')}{' '}
          <Link to="/register" search={target}>
            {t('account.register')}
          </Link>
        </span>
        <Link to="/reset-password">{t('account.forgot')}</Link>
      </Group>
    </Page>
  )
}
