import { Text, Title } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { OwnSecurityEvents } from '../users/security-events.tsx'

export function RecentActivity({ userId }: { userId: string }) {
  const { t } = useTranslation()
  return (
    <section>
      <Title order={2}>{t('security.recent')}</Title>
      <Text c="dimmed" size="sm" mb="sm">
        {t('security.recentHint')}
      </Text>
      <OwnSecurityEvents userId={userId} />
    </section>
  )
}
