/** A mesh can do without Statistics, and a new one has measured nothing: both are said, with what to do. */
import { Button, Code } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { problemFrom } from '../api/problem.ts'
import { Empty } from '../ui/empty.tsx'
import styles from './statistics.module.css'

/** @returns whether an error says that nobody answers for Statistics, rather than that something is wrong with what was asked. */
export function isAbsent(error: unknown): boolean {
  const { code, reason } = problemFrom(error)
  return code === 'UNIMPLEMENTED' || (code === 'UNAVAILABLE' && reason === undefined)
}

export function NotRunning({ onRetry }: { onRetry: () => void }) {
  const { t } = useTranslation()
  return (
    <Empty title={t('statistics.notRunning')} hint={t('statistics.notRunningHint')}>
      <Button size="compact-sm" variant="default" mt={6} onClick={onRetry}>
        {t('common.retry')}
      </Button>
    </Empty>
  )
}

const snippet = `curl -sS ${location.origin}/api/v1/product/events:track \\
  -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
  -d '{"events":[{"id":"'$(uuidgen)'","event":"checkout","properties":{"amount":12000}}]}'`

/** How metrics come to be, for who sees none. */
export function HowMetricsCome() {
  const { t } = useTranslation()
  return (
    <div className={styles.teach}>
      <h2>{t('statistics.teach.title')}</h2>
      <ol>
        <li>{t('statistics.teach.requests')}</li>
        <li>{t('statistics.teach.runtime')}</li>
        <li>{t('statistics.teach.product')}</li>
      </ol>
      <Code block tabIndex={0}>
        {snippet}
      </Code>
    </div>
  )
}
