/** How far an action is, where it was begun. */
import { CloseButton } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { useMesh } from '../mesh/use-mesh.ts'
import { list } from '../ui/format.ts'
import styles from './action-progress.module.css'
import { progress, useProgress } from './actions.ts'
import { OperationsProblem } from './operations-problem.tsx'

/** @param subject what it is done to, such as `instances/users-1`. */
export function ActionProgress({ subject, name }: { subject: string; name: string }) {
  const { t, i18n } = useTranslation()
  const doing = useProgress(subject)
  const { value: mesh } = useMesh()
  if (!doing) return <div role="status" className={styles.nothing} />
  const { verb, phase, change, waiting, error } = doing
  const dismiss = () => progress.dismiss(subject)
  if (phase === 'failed') {
    return (
      <div className={styles.failed}>
        <OperationsProblem error={error} />
        <CloseButton onClick={dismiss} aria-label={t('common.close')} />
      </div>
    )
  }
  const proxies = [...(mesh?.proxies.values() ?? [])]
  const taken =
    change === 0n ? proxies.length - waiting.length : proxies.filter(each => each.takenChange >= change).length
  const said = {
    sending: t(`services.doing.${verb}`, { name }),
    waiting: t('services.doing.waiting', { taken, count: proxies.length }),
    done: t('services.doing.done', { count: proxies.length }),
  }[phase]
  return (
    <div role="status" className={styles.progress} data-phase={phase}>
      <div className={styles.line}>
        {phase === 'done' && <span aria-hidden="true">✓</span>}
        <span>{said}</span>
      </div>
      {phase === 'waiting' && waiting.length > 0 && (
        <ul className={styles.waiting}>
          {waiting.slice(0, 5).map(({ nodeId, reason }) => (
            <li key={nodeId}>
              <b>{nodeId}</b> <span lang="en">{reason}</span>
            </li>
          ))}
          {waiting.length > 5 && (
            <li>
              {list(
                waiting.slice(5).map(({ nodeId }) => nodeId),
                i18n.language,
              )}
            </li>
          )}
        </ul>
      )}
      {phase !== 'done' && (
        <progress
          className={styles.bar}
          aria-label={said}
          {...(phase === 'waiting' && { value: taken, max: proxies.length || 1 })}
        />
      )}
    </div>
  )
}
