/** The keys of the whole dashboard, and the button that opens the palette. What they open is loaded when it is first wanted. */

import { VisuallyHidden } from '@mantine/core'
import { IconSearch } from '@tabler/icons-react'
import { useNavigate } from '@tanstack/react-router'
import { lazy, Suspense, useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { withWords } from '../i18n/index.ts'
import styles from './host.module.css'
import { goTo, opensPalette, paletteKeys } from './keys.ts'
import { usePlainKeys } from './use-keys.ts'

const Palette = lazy(async () => {
  const { Palette } = await withWords(import('./palette.tsx'), 'palette', 'gateway', 'activity', 'services')
  return { default: Palette }
})
const KeyMap = lazy(async () => ({ default: (await withWords(import('./key-map.tsx'), 'palette')).KeyMap }))

/** After `g` the letter is waited for so long. ms. */
const letterMs = 1_500

export function PaletteHost() {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const [open, setOpen] = useState<'palette' | 'map'>()
  const goneMs = useRef(0)
  const keys = paletteKeys(navigator.platform)

  usePlainKeys(key => {
    const target = Date.now() - goneMs.current < letterMs ? goTo[key] : undefined
    goneMs.current = target === undefined && key === 'g' ? Date.now() : 0
    if (target !== undefined) void navigate({ to: target })
    else if (key === '?') setOpen('map')
    else return key === 'g'
    return true
  })
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (!opensPalette(event) || event.isComposing) return
      event.preventDefault()
      setOpen(now => (now === 'palette' ? undefined : 'palette'))
    }
    document.addEventListener('keydown', press)
    return () => document.removeEventListener('keydown', press)
  }, [])

  const close = () => setOpen(undefined)
  return (
    <>
      <button
        type="button"
        className={styles.button}
        aria-keyshortcuts="Control+K Meta+K"
        title={`${t('palette.open')} (${keys})`}
        onClick={() => setOpen('palette')}
      >
        <IconSearch size={16} />
        <VisuallyHidden>{t('palette.open')}</VisuallyHidden>
        <kbd className={styles.keys}>{keys}</kbd>
      </button>
      <Suspense>
        {open === 'palette' && <Palette onClose={close} onMap={() => setOpen('map')} />}
        {open === 'map' && <KeyMap onClose={close} />}
      </Suspense>
    </>
  )
}
