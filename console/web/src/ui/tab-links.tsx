/** Tabs that are addresses: each is a link, so that it can be shared, opened beside, and gone back from. */
import { Link } from '@tanstack/react-router'
import { useLayoutEffect, useRef } from 'react'
import styles from './tab-links.module.css'

interface TabLink {
  key: string
  label: string
  active: boolean
  link: { to: string; search: object }
}

export function TabLinks({ label, tabs }: { label: string; tabs: TabLink[] }) {
  const list = useRef<HTMLElement>(null)
  const current = tabs.find(({ active }) => active)?.key
  // Where there is no room for all of them, the one that is shown is in sight; the page itself stays where it is.
  // biome-ignore lint/correctness/useExhaustiveDependencies: anew for each that is shown
  useLayoutEffect(() => {
    const nav = list.current
    const tab = nav?.querySelector<HTMLElement>('[data-current="true"]')
    if (!nav || !tab) return
    const [whole, part] = [nav.getBoundingClientRect(), tab.getBoundingClientRect()]
    if (part.right > whole.right) nav.scrollLeft += part.right - whole.right
    else if (part.left < whole.left) nav.scrollLeft -= whole.left - part.left
  }, [current])
  return (
    <nav ref={list} aria-label={label} className={styles.tabs}>
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
