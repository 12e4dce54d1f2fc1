/** Which of the things that a rule looks at an alert is of. */
import { groupOf } from './alert-state.ts'
import styles from './statistics.module.css'

export function GroupOf({ labels }: { labels: Readonly<Record<string, string>> }) {
  const group = groupOf(labels)
  return group && <span className={`${styles.hint} mono`}>{group}</span>
}
