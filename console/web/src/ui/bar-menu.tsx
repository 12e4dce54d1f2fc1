/** What opens from a button of the top bar. The browser's own popover: closes with Esc and with a click beside it. */
import { createContext, type ReactNode, useContext, useId } from 'react'
import styles from './bar-menu.module.css'

interface BarMenuProps {
  /** What the button is heard as. */
  label: string
  button: ReactNode
  buttonClass?: string | undefined
  /** Told when it opens and closes. */
  onToggle?: (open: boolean) => void
  children: ReactNode
}

const MenuId = createContext('')

export function BarMenu({ label, button, buttonClass = styles.button, onToggle, children }: BarMenuProps) {
  const id = useId()
  return (
    <MenuId value={id}>
      <button type="button" className={buttonClass} popoverTarget={id} aria-label={label} title={label}>
        {button}
      </button>
      <div id={id} popover="auto" className={styles.menu} onToggle={event => onToggle?.(event.newState === 'open')}>
        {children}
      </div>
    </MenuId>
  )
}

/** @param chosen for a choice: whether it is the one in force. */
export function BarMenuItem({
  chosen,
  lang,
  onClick,
  children,
}: {
  chosen?: boolean
  lang?: string
  onClick: () => void
  children: ReactNode
}) {
  return (
    <button
      type="button"
      className={styles.item}
      popoverTarget={useContext(MenuId)}
      popoverTargetAction="hide"
      aria-pressed={chosen}
      lang={lang}
      onClick={onClick}
    >
      {children}
    </button>
  )
}
