import { useEffect } from 'react'

/** A detail whose address is one of the list's own: the focus returns to the row when it closes. */
export function useFocusBack(): void {
  useEffect(() => {
    const row = document.activeElement
    return () => void setTimeout(() => row instanceof HTMLElement && row.isConnected && row.focus(), 0)
  }, [])
}
