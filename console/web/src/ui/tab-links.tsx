/** Tabs that are addresses: each is a link, so that it can be shared, opened beside, and gone back from. */
import { Link } from '@tanstack/react-router'
import styles from './tab-links.module.css'

interface TabLink {
  key: string
  label: string
  active: boolean
  link: { to: string; search: object }
}

export function TabLinks({ label, tabs }: { label: string; tabs: TabLink[] }) {
  return (
    <nav aria-label={label} className={styles.tabs}>
      {tabs.map(({ key, label: text, active, link }) => (
        <Link
          key={key}
          {...link}
          className={styles.tab}
          activeProps={{}}
          aria-current={active ? 'page' : undefined}
          data-current={active}
          resetScroll={false}
        >
          {text}
        </Link>
      ))}
    </nav>
  )
}
