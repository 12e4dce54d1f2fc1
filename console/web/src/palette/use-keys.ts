/** Keys of a page: they are silent while something is written, and while a dialog is open. */
import { type RefObject, useEffect, useRef } from 'react'
import { isField, plainKey } from './keys.ts'

/** Calls `act` with each plain key; what it returns true for is not done by the browser as well. */
export function usePlainKeys(act: (key: string) => boolean): void {
  const latest = useRef(act)
  latest.current = act
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.defaultPrevented || isField(event.target) || document.querySelector('dialog[open], [aria-modal=true]'))
        return
      const key = plainKey(event)
      if (key && latest.current(key)) event.preventDefault()
    }
    document.addEventListener('keydown', press)
    return () => document.removeEventListener('keydown', press)
  }, [])
}

/** `/` goes to the search of the page. */
export function useSlash(field: RefObject<HTMLInputElement | null>): void {
  usePlainKeys(key => {
    if (key !== '/') return false
    field.current?.focus()
    field.current?.select()
    return true
  })
}

/**
 * `j` and `k` go down and up the rows of a list: what has `data-row` inside it. A row is focused itself, so that Enter is its own.
 * @param list holds the rows.
 */
export function useRowKeys(list: RefObject<HTMLElement | null>): void {
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
