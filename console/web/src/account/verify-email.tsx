/** Redeems a mailed link at the press of a button: programs that open links in mails must not use it up. */
import { useMutation } from '@connectrpc/connect-query'
import { Button, Stack, Text } from '@mantine/core'
import { UsersService } from '@site11/proto/es/site11/users/v1/users_service_pb.ts'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { Page } from '../ui/page.tsx'
import { ProblemInline } from '../ui/problem.tsx'
import { useLinkToken } from './use-link-token.ts'

export function VerifyEmail() {
  const { t } = useTranslation()
  const token = useLinkToken()
  const verify = useMutation(UsersService.method.verifyEmail)
  return (
    <Page title={t('account.verifyTitle')}>
      {!token && <Text>{t('account.verifyNoLink')}</Text>}
      {token && !verify.isSuccess && (
        <Stack gap="sm">
          <Text c="dimmed">{t('account.verifyText')}</Text>
          {verify.error && <ProblemInline error={verify.error} />}
          <Button loading={verify.isPending} onClick={() => verify.mutate({ token })}>
            {t('account.verify')}
          </Button>
        </Stack>
      )}
      {verify.isSuccess && <Text role="status">{t('account.verifyDone')}</Text>}
      <Text size="sm">
        <Link to="/me">{t('account.toAccount')}</Link>
      </Text>
    </Page>
  )
}
