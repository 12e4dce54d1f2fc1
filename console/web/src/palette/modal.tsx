/** A dialog of the browser's own: keeps the focus inside, closes with Esc and with a click beside it, and gives the focus back. */
import { type ReactNode, type SyntheticEvent, useEffect, useRef } from 'react'

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
  // With the key itself: `close` comes a moment later, and a key between the two would meet a dialog that is neither open nor gone.
  const cancel = (event: SyntheticEvent) => {
    event.preventDefault()
    onClose()
  }
  return (
    <dialog ref={dialog} aria-label={label} className={className} onCancel={cancel} onClose={closed} closedby="any">
      {children}
    </dialog>
  )
}
