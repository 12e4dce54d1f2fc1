/** Asks for the password over the page that was in use, so that nothing on it is lost. */
import { useMutation, useQuery } from '@connectrpc/connect-query'
import { Button, Group, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core'
import { AuthService, LoginRequestSchema } from '@site11/proto/es/site11/console/v1/auth_service_pb.ts'
import { useEffect, useRef, useSyncExternalStore } from 'react'
import { useTranslation } from 'react-i18next'
import { resumption, sessions } from '../api/client.ts'
import { useContractForm } from '../ui/form.tsx'
import { ProblemInline } from '../ui/problem.tsx'
import styles from './session-ended.module.css'

export function SessionEnded() {
  const asking = useSyncExternalStore(resumption.subscribe, resumption.asking)
  return asking ? <Ask /> : null
}

/** A drawer below closes at Esc wherever it is pressed, but for what says so. */
const keepsOthersOpen = { 'data-mantine-stop-propagation': 'true' }

function Ask() {
  const { t } = useTranslation()
  const dialog = useRef<HTMLDialogElement>(null)
  const { data: me } = useQuery(AuthService.method.getMe, {}, { enabled: false })
  const login = useMutation(AuthService.method.login)
  const { form, failure, sending, submit } = useContractForm(LoginRequestSchema, {
    email: me?.email ?? '',
    password: '',
  })
  useEffect(() => {
    const before = document.activeElement
    // The browser's own: above every drawer and menu, and nothing below can be reached.
    dialog.current?.showModal()
    dialog.current?.querySelector<HTMLInputElement>('input[type=password]')?.focus()
    return () => {
      if (before instanceof HTMLElement) before.focus()
    }
  }, [])
  return (
    <dialog
      ref={dialog}
      className={styles.dialog}
      aria-label={t('account.endedTitle')}
      onCancel={event => event.preventDefault()}
    >
      <form
        noValidate
        onSubmit={submit(values => sessions.signIn(() => login.mutateAsync({ ...values, useCookie: true })))}
      >
        <Stack gap="sm">
          <Title order={2}>{t('account.endedTitle')}</Title>
          <Text c="dimmed">{t('account.endedDialog')}</Text>
          <TextInput
            type="email"
            label={t('account.email')}
            autoComplete="username"
            readOnly={me !== undefined}
            {...keepsOthersOpen}
            {...form.getInputProps('email')}
          />
          <PasswordInput
            label={t('account.password')}
            autoComplete="current-password"
            {...keepsOthersOpen}
            {...form.getInputProps('password')}
          />
          {failure !== undefined && <ProblemInline error={failure} />}
          <Group justify="space-between" mt={4}>
            <Button variant="subtle" color="gray" onClick={resumption.giveUp} {...keepsOthersOpen}>
              {t('account.endedOther')}
            </Button>
            <Button type="submit" loading={sending} {...keepsOthersOpen}>
              {t('account.signIn')}
            </Button>
          </Group>
        </Stack>
      </form>
    </dialog>
  )
}
