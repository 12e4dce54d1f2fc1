/** Keys of a page: they are silent while something is written, and while a dialog is open. */
import { type RefObject, useEffect, useRef } from 'react'
import { isField, plainKey } from './keys.ts'

/** Hears each key of the page; what `act` returns true for is not done by the browser as well. */
export function useKeys(act: (event: KeyboardEvent) => boolean): void {
  const latest = useRef(act)
  useEffect(() => {
    latest.current = act
  })
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (!event.defaultPrevented && latest.current(event)) event.preventDefault()
    }
    document.addEventListener('keydown', pressed)
    return () => document.removeEventListener('keydown', pressed)
  }, [])
}

/** Calls `act` with each plain key. */
export function usePlainKeys(act: (key: string) => boolean): void {
  useKeys(event => {
    if (isField(event.target) || document.querySelector('dialog[open], [aria-modal=true]')) return false
    const key = plainKey(event)
    return key !== undefined && act(key)
  })
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
