/** Keys that go through the rows of a list, wherever on the page the focus is but in a field, a menu or a dialog. */
import type { RefObject } from 'react'
import { plainKey } from '../palette/keys.ts'
import { useKeys, usePlainKeys } from '../palette/use-keys.ts'

export type RowKey = 'next' | 'previous' | 'first' | 'last' | 'open' | 'select' | 'edit' | 'clear'

/** Where keys have a meaning of their own. */
const elsewhere = 'input, textarea, select, [contenteditable], dialog, [role="dialog"], [role="menu"], [role="listbox"]'

/** Capital letters are the same keys here: with Shift they choose up to a row. */
const letterOf = ({ key, code }: KeyboardEvent) =>
  plainKey({ key: key.toLowerCase(), code, altKey: false, ctrlKey: false, metaKey: false, shiftKey: false }) ?? ''

const letters: Readonly<Record<string, RowKey>> = { j: 'next', k: 'previous', x: 'select', e: 'edit' }
const named: Readonly<Record<string, RowKey>> = {
  ArrowDown: 'next',
  ArrowUp: 'previous',
  Home: 'first',
  End: 'last',
  Enter: 'open',
  Escape: 'clear',
}

/** @returns what a key press means to a list; undefined when it is not for it. */
export function rowKeyOf(event: KeyboardEvent): RowKey | undefined {
  if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return undefined
  const target = event.target instanceof Element ? event.target : undefined
  // A checkbox takes nothing but the space bar.
  const field = target?.closest(elsewhere)
  if (field && !field.matches('tr input[type="checkbox"]')) return undefined
  const key = named[event.key] ?? letters[letterOf(event)]
  // On a link or a button Enter presses it.
  if (key === 'open' && target?.closest('a, button')) return undefined
  return key
}

/** @param act is told of each key; @returns whether it had a meaning now. */
export function useRowKeys(act: (key: RowKey, event: KeyboardEvent) => boolean): void {
  useKeys(event => {
    const key = rowKeyOf(event)
    return key !== undefined && act(key, event)
  })
}

/**
 * `j` and `k` go down and up the rows of a list: what has `data-row` inside it. A row is focused itself, so that Enter is its own.
 * @param list holds the rows.
 */
export function useRowFocus(list: RefObject<HTMLElement | null>): void {
  usePlainKeys(key => {
    if (key !== 'j' && key !== 'k') return false
    const rows = [...(list.current?.querySelectorAll<HTMLElement>('[data-row]') ?? [])]
    const at = rows.findIndex(row => row.contains(document.activeElement))
    const next = rows[at < 0 ? 0 : at + (key === 'j' ? 1 : -1)]
    next?.focus()
    next?.scrollIntoView({ block: 'nearest' })
    return true
  })
}
