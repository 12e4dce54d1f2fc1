/** What changed lately, as it happens. */
import { Skeleton } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { actionText, stateAfter } from '../mesh/change.ts'
import { Actor, ReasonText, Subject } from '../mesh/change-words.tsx'
import { useRecentChanges } from '../mesh/changes.ts'
import { dateOf } from '../mesh/state.ts'
import { Panel } from '../ui/panel.tsx'
import { StateDot } from '../ui/state.tsx'
import { Ago } from '../ui/time.tsx'
import styles from './changes.module.css'

const shown = 10

export function Changes() {
  const { t, i18n } = useTranslation()
  const changes = useRecentChanges()
  return (
    <Panel title={t('overview.changes')} action={<Link to="/activity">{t('overview.allChanges')}</Link>}>
      {changes ? (
        <ol className={styles.changes}>
          {changes.slice(0, shown).map(change => {
            const date = dateOf(change.time)
            const state = stateAfter(change)
            return (
              <li key={String(change.id)}>
                {state ? <StateDot name={state} label={t(`state.${state}`)} /> : <span className={styles.dot} />}
                <Subject subject={change.subject} className={styles.subject} />
                <span className={styles.what}>
                  {actionText(change, i18n)}{' '}
                  <span className={styles.dim}>
                    <Actor actor={change.actor} />
                    {change.reason && (
                      <>
                        {' · '}
                        <ReasonText reason={change.reason} />
                      </>
                    )}
                  </span>
                </span>
                <span className={styles.when}>{date && <Ago date={date} />}</span>
              </li>
            )
          })}
        </ol>
      ) : (
        <ol className={styles.changes} aria-hidden="true">
          {Array.from({ length: shown }, (_, place) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: they are all alike
            <li key={place}>
              <span />
              <Skeleton height="1lh" width={110} />
              <Skeleton height="1lh" width="70%" className={styles.what} />
            </li>
          ))}
        </ol>
      )}
    </Panel>
  )
}
