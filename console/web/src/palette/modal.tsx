/** A dialog of the browser's own: keeps the focus inside, closes with Esc and with a click beside it, and gives the focus back. */
import { type ReactNode, useEffect, useRef } from 'react'

interface ModalProps {
  label: string
  className?: string | undefined
  onClose: () => void
  children: ReactNode
}

export function Modal({ label, className, onClose, children }: ModalProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const before = document.activeElement
    const opened = dialog.current
    opened?.showModal()
    return () => {
      opened?.close()
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true })
    }
  }, [])
  // One that was opened anew meanwhile is not closed.
  const closed = () => !dialog.current?.open && onClose()
  return (
    <dialog ref={dialog} aria-label={label} className={className} onClose={closed} closedby="any">
      {children}
    </dialog>
  )
}
