/** A state: always shape, colour and word; since when; and why when it is not healthy. */
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import type { State, StateName } from '../mesh/state.ts'
import styles from './state.module.css'
import { Since } from './time.tsx'
import { useWhy } from './use-why.ts'

const stroke = { fill: 'none', stroke: 'currentColor', strokeWidth: 1.6 } as const

const shapes: Record<StateName, ReactNode> = {
  healthy: <circle cx="6" cy="6" r="5" fill="currentColor" />,
  degraded: (
    <>
      <circle cx="6" cy="6" r="4.2" {...stroke} />
      <path d="M6 1.8a4.2 4.2 0 0 0 0 8.4z" fill="currentColor" />
    </>
  ),
  failing: <path d="M2 2l8 8M10 2l-8 8" {...stroke} strokeWidth={2.2} strokeLinecap="round" />,
  draining: (
    <>
      <path d="M9.6 3.8a4.2 4.2 0 1 0 0 4.4" {...stroke} />
      <path d="M5.5 6h6M9.7 4.2 11.5 6 9.7 7.8" {...stroke} strokeWidth={1.3} />
    </>
  ),
  starting: <circle cx="6" cy="6" r="4.4" {...stroke} strokeDasharray="1.6 1.9" />,
  unknown: <path d="M3.6 4.2a2.4 2.4 0 1 1 3.6 2c-.8.5-1.2.9-1.2 1.8m0 2.4v.2" {...stroke} strokeLinecap="round" />,
}

/** A state among others of its kind, where the words stand beside all of them. */
export function StateDot({ name, label }: { name: StateName; label: string }) {
  return (
    <svg viewBox="0 0 12 12" className={`${styles.dot} ${styles[name]}`} role="img" aria-label={label}>
      <title>{label}</title>
      {shapes[name]}
    </svg>
  )
}

/** @param label replaces the word, for states that have words of their own. */
export function StateMark({ name, label }: { name: StateName; label?: string | undefined }) {
  const { t } = useTranslation()
  return (
    <span className={`${styles.state} ${styles[name]}`}>
      <svg viewBox="0 0 12 12" className={styles.icon} aria-hidden="true">
        {shapes[name]}
      </svg>
      {label ?? t(`state.${name}`)}
    </span>
  )
}

export function StateFacts({ state: { name, since, why } }: { state: State }) {
  const reason = useWhy(why)
  return (
    <div>
      <StateMark name={name} />
      {since && (
        <span className={styles.facts}>
          {' '}
          <Since date={since} />
        </span>
      )}
      {reason && <div className={`${styles.facts} ${styles.why}`}>{reason}</div>}
    </div>
  )
}
