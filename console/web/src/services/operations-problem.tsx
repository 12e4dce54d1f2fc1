import { useTranslation } from 'react-i18next'
import { problemFrom } from '../api/problem.ts'
import { ProblemInline } from '../ui/problem.tsx'
import styles from './services.module.css'

/** Whether nothing on this machine starts and stops processes for the Console: no fault, but the way it was set up. */
export function isUnsupervised(error: unknown): boolean {
  const { code, reason } = problemFrom(error)
  return reason === 'NO_SUPERVISOR' || code === 'UNIMPLEMENTED'
}

/** What failed of logs, settings and processes: where nothing supervises them, who has them instead. */
export function OperationsProblem({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const { t } = useTranslation()
  if (!isUnsupervised(error)) return <ProblemInline error={error} onRetry={onRetry} />
  return (
    <div className={styles.note} role="note">
      <b>{t('services.unsupervised.title')}</b>
      <p>{t('services.unsupervised.text')}</p>
    </div>
  )
}
