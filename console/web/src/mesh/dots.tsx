import { useTranslation } from 'react-i18next'
import { StateDot } from '../ui/state.tsx'
import styles from './dots.module.css'
import type { InstanceView } from './services.ts'

/** So many fit beside a name; more are told by number. */
const mostDots = 12

/** Instances of a service, each by its state. */
export function Dots({ instances }: { instances: readonly InstanceView[] }) {
  const { t } = useTranslation()
  const shown = instances.slice(0, instances.length > mostDots ? mostDots - 1 : mostDots)
  return (
    <span className={styles.dots}>
      {shown.map(({ name, state }) => (
        <StateDot key={name} name={state.name} label={`${name}: ${t(`state.${state.name}`)}`} />
      ))}
      {instances.length > shown.length && <span className={styles.more}>+{instances.length - shown.length}</span>}
    </span>
  )
}
