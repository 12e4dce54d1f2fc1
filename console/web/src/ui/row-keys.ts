/** Keys that go through the rows of a list, wherever on the page the focus is but in a field, a menu or a dialog. */
import { useEffect, useRef } from 'react'

export type RowKey = 'next' | 'previous' | 'first' | 'last' | 'open' | 'select' | 'edit' | 'clear'

/** Where keys have a meaning of their own. */
const elsewhere = 'input, textarea, select, [contenteditable], dialog, [role="dialog"], [role="menu"], [role="listbox"]'

/** A Korean keyboard sends consonants for letters, or nothing but the place of the key. */
const letterOf = ({ key, code }: KeyboardEvent) =>
  /^[\x20-\x7e]$/.test(key) ? key.toLowerCase() : (/^Key([A-Z])$/.exec(code)?.[1]?.toLowerCase() ?? '')

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
  if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return undefined
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
  const latest = useRef(act)
  useEffect(() => {
    latest.current = act
  })
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const key = rowKeyOf(event)
      if (key && latest.current(key, event)) event.preventDefault()
    }
    document.addEventListener('keydown', pressed)
    return () => document.removeEventListener('keydown', pressed)
  }, [])
}
