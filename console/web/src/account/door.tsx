import { Group } from '@mantine/core'
import { Link, Outlet } from '@tanstack/react-router'
import { Preferences } from '../ui/preferences.tsx'
import styles from './door.module.css'

/** What stands around the pages before signing in. */
export function Door() {
  return (
    <div className={styles.door}>
      <header className={styles.bar}>
        <Link to="/" className={styles.brand}>
          <img src="/favicon.svg" alt="" width={24} height={24} />
          site11
        </Link>
        <Group gap={4}>
          <Preferences />
        </Group>
      </header>
      <main>
        <Outlet />
      </main>
    </div>
  )
}
