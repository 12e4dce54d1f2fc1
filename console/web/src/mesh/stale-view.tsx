/** What is not live says so, since when, and greys rather than lie. */
import { Anchor, Group, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import styles from './live-view.module.css'
import { LastSeen } from './summary.tsx'

interface StaleViewProps {
  stale: boolean
  /** When something was heard last. */
  seen: Date | undefined
  onRetry: () => void
  children: ReactNode
}

export function StaleView({ stale, seen, onRetry, children }: StaleViewProps) {
  const { t } = useTranslation()
  return (
    <>
      {stale && (
        <Group className={styles.banner} justify="space-between" role="alert">
          <Text>{seen && <LastSeen date={seen} />}</Text>
          <Anchor component="button" onClick={onRetry}>
            {t('common.retry')}
          </Anchor>
        </Group>
      )}
      <div className={stale ? styles.stale : ''}>{children}</div>
    </>
  )
}
