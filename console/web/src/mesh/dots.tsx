import { useTranslation } from 'react-i18next'
import { list } from '../ui/format.ts'
import { StateDot } from '../ui/state.tsx'
import styles from './dots.module.css'
import type { InstanceView } from './services.ts'

/** So many fit beside a name; more are told by number. */
const mostDots = 8
const rank = ({ state }: InstanceView) => (state.name === 'healthy' ? 1 : 0)

/** Instances of a service, each by its state. */
export function Dots({ instances }: { instances: readonly InstanceView[] }) {
  const { t, i18n } = useTranslation()
  const tooMany = instances.length > mostDots
  // Those that are left out are well.
  const sorted = tooMany ? instances.toSorted((a, b) => rank(a) - rank(b)) : instances
  const shown = sorted.slice(0, tooMany ? mostDots - 1 : mostDots)
  const labels = shown.map(({ name, state }) => `${name}: ${t(`state.${state.name}`)}`)
  const more = instances.length - shown.length
  return (
    <span
      className={styles.dots}
      role="img"
      aria-label={list(more > 0 ? [...labels, `+${more}`] : labels, i18n.language)}
    >
      {shown.map(({ name, state }, place) => (
        <StateDot key={name} name={state.name} label={labels[place] ?? ''} />
      ))}
      {more > 0 && <span className={styles.more}>+{more}</span>}
    </span>
  )
}
