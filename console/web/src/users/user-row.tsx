/** A row of the list: drawn only anew when something of it changes. On a narrow screen it is a card. */
import type { User } from '@site11/proto/es/site11/users/v1/user_pb.ts'
import { type MouseEvent, memo } from 'react'
import type { RowWords } from './row-words.ts'
import { nameOf, SignInState, type UserColumn } from './user-columns.tsx'
import styles from './user-list.module.css'

export interface RowActions {
  onOpen: (user: User, row: number) => void
  /** @param range whether everything from the row chosen before is meant. */
  onSelect: (user: User, row: number, range: boolean) => void
  onMenu: (user: User, button: HTMLElement) => void
}

interface UserRowProps {
  /** Undefined while it is loading. */
  user: User | undefined
  row: number
  top: number
  columns: readonly UserColumn[]
  template: string
  shape: 'comfortable' | 'dense' | 'card'
  now: number
  /** Whether the keyboard is at this row. */
  active: boolean
  selected: boolean
  actions: RowActions
  words: RowWords
}

export const UserRow = memo(function UserRow(props: UserRowProps) {
  const { user, row, top, columns, template, shape, now, active, selected, actions, words } = props
  const place = {
    'aria-rowindex': row + 2,
    'data-row': row,
    style: { top, gridTemplateColumns: template },
  }
  if (!user) {
    return (
      <tr {...place} className={`${styles.row} ${styles[shape]}`} aria-busy="true">
        {Array.from({ length: shape === 'card' ? 2 : columns.length + 3 }, (_, cell) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: bones have nothing else to be told apart by
          <td key={cell} className={styles.bone} />
        ))}
      </tr>
    )
  }
  const name = nameOf(user)
  const tabIndex = active ? 0 : -1
  const classes = [styles.row, styles[shape], selected && styles.selected, user.deleteTime && styles.deleted]
  const open = (event: MouseEvent) => {
    // A new tab or window is the browser's to open.
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return
    event.preventDefault()
    actions.onOpen(user, row)
  }
  const choose = (event: MouseEvent<HTMLInputElement>) => actions.onSelect(user, row, event.shiftKey)
  const check = (
    <td className={styles.check}>
      <input
        type="checkbox"
        tabIndex={tabIndex}
        checked={selected}
        onChange={() => undefined}
        onClick={choose}
        aria-label={words.select(name)}
      />
    </td>
  )
  const lead = (
    <td className={styles.lead}>
      <a href={`/users/${user.id}${location.search}`} tabIndex={tabIndex} onClick={open} className={styles.name}>
        {name}
      </a>
      {(user.displayName || shape === 'card') && (
        <span className={styles.second} title={user.email}>
          {user.email}
        </span>
      )}
      {user.emailVerified && shape !== 'dense' && (
        <span className={styles.verified} role="img" aria-label={words.verified} title={words.verified}>
          ✓
        </span>
      )}
    </td>
  )
  const menu = (
    <td className={styles.menu}>
      <button
        type="button"
        tabIndex={tabIndex}
        aria-haspopup="menu"
        aria-label={words.actions(name)}
        onClick={event => actions.onMenu(user, event.currentTarget)}
      >
        ⋯
      </button>
    </td>
  )
  return (
    <tr {...place} className={classes.filter(Boolean).join(' ')} tabIndex={tabIndex} aria-selected={selected}>
      {check}
      {lead}
      {shape === 'card' ? (
        <td className={styles.facts}>
          <SignInState user={user} now={now} words={words} />
          <span className={styles.second}>{user.roles.join(', ')}</span>
        </td>
      ) : (
        columns.map(({ key, cell }) => (
          <td key={key} className={styles.cell}>
            {cell(user, now)}
          </td>
        ))
      )}
      {menu}
    </tr>
  )
})
