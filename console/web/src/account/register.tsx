import { useMutation } from '@connectrpc/connect-query'
import { Button, PasswordInput, Stack, Text, TextInput } from '@mantine/core'
import { AuthService, RegisterRequestSchema } from '@site11/proto/es/site11/console/v1/auth_service_pb.ts'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { sessions } from '../api/client.ts'
import { useContractForm } from '../ui/form.tsx'
import { Page } from '../ui/page.tsx'
import { ProblemInline } from '../ui/problem.tsx'

const route = getRouteApi('/door/register')
const initialValues = { displayName: '', email: '', password: '' }

export function Register() {
  const { t, i18n } = useTranslation()
  const target = route.useSearch()
  const register = useMutation(AuthService.method.register)
  const { form, failure, sending, submit } = useContractForm(RegisterRequestSchema, initialValues)
  const send = (values: typeof initialValues) =>
    sessions.signIn(() => register.mutateAsync({ ...values, locale: i18n.language, useCookie: true }))
  return (
    <Page title={t('account.registerTitle')}>
      <form noValidate onSubmit={submit(send)}>
        <Stack gap="sm">
          <TextInput
            label={t('account.displayName')}
            description={t('account.displayNameHint')}
            autoComplete="name"
            {...form.getInputProps('displayName')}
          />
          <TextInput type="email" label={t('account.email')} autoComplete="username" {...form.getInputProps('email')} />
          <PasswordInput
            label={t('account.password')}
            description={t('account.passwordHint')}
            autoComplete="new-password"
            {...form.getInputProps('password')}
          />
          {failure !== undefined && <ProblemInline error={failure} />}
          <Button type="submit" loading={sending} mt={4}>
            {t('account.register')}
          </Button>
        </Stack>
      </form>
      <Text size="sm">
        {t('account.haveAccount')}{' '}
        <Link to="/login" search={target}>
          {t('account.signIn')}
        </Link>
      </Text>
    </Page>
  )
}
