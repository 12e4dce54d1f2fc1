import { useQuery } from '@connectrpc/connect-query'
import { Button, Group, Text } from '@mantine/core'
import { useSessionStorage } from '@mantine/hooks'
import { AuthService } from '@site11/proto/es/site11/console/v1/auth_service_pb.ts'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import styles from './session-ended.module.css'

/** Asks the first admin for a password that stands in no file; until the next visit when it is put off. */
export function GeneratedPassword() {
  const { t } = useTranslation()
  const { data: me } = useQuery(AuthService.method.getMe, {}, { staleTime: 60_000 })
  const [later, setLater] = useSessionStorage({
    key: 'site11-password-later',
    defaultValue: false,
    getInitialValueInEffect: false,
  })
  if (!me?.passwordGenerated || later) return null
  return (
    <Group component="section" aria-label={t('account.changePassword')} className={styles.notice} gap="xs" data-notice>
      <Text size="sm" flex={1} miw={220}>
        {t('account.generated')}
      </Text>
      <Group gap="xs">
        <Button component={Link} to="/me" hash="password" size="compact-sm">
          {t('account.changePassword')}
        </Button>
        <Button size="compact-sm" variant="subtle" color="gray" onClick={() => setLater(true)}>
          {t('account.later')}
        </Button>
      </Group>
    </Group>
  )
}
