import { Stack, Text, Title } from '@mantine/core'
import { Link, useLocation } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import styles from './problem.module.css'

/** Instead of a page that does not exist. */
export function Missing() {
  const { t } = useTranslation()
  const { pathname } = useLocation()
  return (
    <Stack component="main" className={styles.page} px="md">
      <title>site11</title>
      <Title order={1}>{t('problem.notFoundTitle')}</Title>
      <Text c="dimmed">{t('problem.notFoundText', { path: pathname })}</Text>
      <Link to="/">{t('common.back')}</Link>
    </Stack>
  )
}
