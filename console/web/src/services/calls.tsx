/** What an instance stands on, and how its calls to others fare. */
import { type CallHealth, CallState, type Dependency } from '@site11/proto/es/site11/console/v1/registry_service_pb.ts'
import { useTranslation } from 'react-i18next'
import { dateOf, type StateName } from '../mesh/state.ts'
import { StateMark } from '../ui/state.tsx'
import { Since } from '../ui/time.tsx'
import { detailText, isOwnWork, properName } from '../ui/why.ts'
import styles from './instance.module.css'

export function Dependencies({ dependencies }: { dependencies: readonly Dependency[] }) {
  const { t } = useTranslation()
  if (dependencies.length === 0) return <p className={styles.none}>{t('services.noDependencies')}</p>
  return (
    <ul className={styles.rows}>
      {dependencies.map(({ name, healthy, reason }) => (
        <li key={name}>
          <b>{properName(name, t)}</b>
          <StateMark
            name={healthy ? 'healthy' : 'failing'}
            label={t(
              isOwnWork(name)
                ? healthy
                  ? 'mesh.inTime'
                  : 'mesh.late'
                : healthy
                  ? 'services.answers'
                  : 'services.answersNot',
            )}
          />
          {reason && <span className={styles.reason}>{detailText(reason, t)}</span>}
        </li>
      ))}
    </ul>
  )
}

const states: Record<number, readonly [StateName, 'unknown' | 'closed' | 'open' | 'halfOpen']> = {
  [CallState.CLOSED]: ['healthy', 'closed'],
  [CallState.OPEN]: ['failing', 'open'],
  [CallState.HALF_OPEN]: ['degraded', 'halfOpen'],
}

export function Calls({ calls }: { calls: readonly CallHealth[] }) {
  const { t } = useTranslation()
  if (calls.length === 0) return <p className={styles.none}>{t('services.noCalls')}</p>
  return (
    <ul className={styles.rows}>
      {calls.map(({ service, method, state, since, calls, failures, ejected, reason }) => {
        const [mark, word] = states[state] ?? ['unknown', 'unknown']
        return (
          <li key={service + method}>
            <b>{service}</b>
            <StateMark name={mark} label={t(`services.breaker.${word}`)} />
            <span className={styles.reason}>
              {dateOf(since) && state !== CallState.CLOSED && <Since date={dateOf(since) ?? new Date()} />}{' '}
              {calls > 0 ? t('services.callCount', { count: calls, failures }) : t('services.noCallsNow')}
              {method && <div className="mono">{method}</div>}
              {reason && <div>{detailText(reason, t)}</div>}
              {ejected.length > 0 && <div>{t('services.ejected', { addresses: ejected.join(', ') })}</div>}
            </span>
          </li>
        )
      })}
    </ul>
  )
}
