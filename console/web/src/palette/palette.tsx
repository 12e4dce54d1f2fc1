/** Everything that can be done, by name. */

import { useDebouncedValue } from '@mantine/hooks'
import { IconSearch } from '@tabler/icons-react'
import { type KeyboardEvent, useEffect, useId, useMemo, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { toastProblem } from '../ui/toasts.tsx'
import { useBuiltIn } from './built-in.tsx'
import { addedCommands, type Command, noteUse, recentIds } from './commands.ts'
import { paletteKeys } from './keys.ts'
import { Modal } from './modal.tsx'
import styles from './palette.module.css'
import { type Ranked, ranked } from './rank.ts'

export function Palette({ onClose, onMap }: { onClose: () => void; onMap: () => void }) {
  const { t } = useTranslation()
  const [typed, setTyped] = useState('')
  const [asked] = useDebouncedValue(typed.trim(), 150)
  const builtIn = useBuiltIn(asked, onMap)
  const [recent] = useState(() => recentIds())
  const [own] = useState(addedCommands)
  const groups = useMemo(() => ranked([...own, ...builtIn], typed, recent), [own, builtIn, typed, recent])
  const rows = groups.flatMap(({ commands }) => commands)
  const [chosen, setChosen] = useState(0)
  const at = Math.min(chosen, Math.max(0, rows.length - 1))
  const list = useId()
  const optionId = (index: number) => `${list}-${index}`

  async function run(command: Command | undefined) {
    if (!command) return
    noteUse(command.id)
    onClose()
    try {
      await command.run()
    } catch (error) {
      await toastProblem(error)
    }
  }

  function press(event: KeyboardEvent) {
    // While a syllable is being composed, Enter and arrows belong to the input method.
    if (event.nativeEvent.isComposing || event.keyCode === 229) return
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }
    const step = steps[event.key] ?? (event.ctrlKey ? { n: 1, p: -1 }[event.key] : undefined)
    if (step !== undefined) {
      event.preventDefault()
      const last = rows.length - 1
      const next = at + step
      setChosen(Math.abs(step) === 1 ? (next < 0 ? last : next > last ? 0 : next) : Math.max(0, Math.min(last, next)))
    }
    if (event.key === 'Enter') {
      event.preventDefault()
      void run(rows[at])
    }
  }

  return (
    <Modal label={t('palette.open')} className={styles.palette} onClose={onClose}>
      <div className={styles.field}>
        <IconSearch size={18} aria-hidden="true" />
        {/* The dialog gives it the focus. */}
        <input
          // biome-ignore lint/a11y/noAutofocus: a palette is opened to be written into
          autoFocus
          className={styles.input}
          role="combobox"
          aria-label={t('palette.open')}
          aria-expanded="true"
          aria-controls={list}
          aria-autocomplete="list"
          {...(rows.length > 0 && { 'aria-activedescendant': optionId(at) })}
          placeholder={t('palette.placeholder')}
          autoComplete="off"
          spellCheck={false}
          maxLength={100}
          value={typed}
          onChange={event => {
            setTyped(event.currentTarget.value)
            setChosen(0)
          }}
          onKeyDown={press}
        />
      </div>
      <Results
        groups={groups}
        chosen={at}
        listId={list}
        optionId={optionId}
        onPoint={setChosen}
        onRun={command => void run(command)}
      />
      <div className={styles.foot}>
        <span>
          <kbd className={styles.kbd}>↑</kbd>
          <kbd className={styles.kbd}>↓</kbd> {t('palette.move')}
        </span>
        <span>
          <kbd className={styles.kbd}>Enter</kbd> {t('palette.run')}
        </span>
        <span className={styles.last}>
          <kbd className={styles.kbd}>{paletteKeys(navigator.platform)}</kbd>
        </span>
      </div>
    </Modal>
  )
}

interface ResultsProps {
  groups: Ranked[]
  chosen: number
  listId: string
  optionId: (index: number) => string
  onPoint: (index: number) => void
  onRun: (command: Command) => void
}

function Results({ groups, chosen, listId, optionId, onPoint, onRun }: ResultsProps) {
  const { t } = useTranslation()
  const box = useRef<HTMLDivElement>(null)
  useEffect(() => {
    box.current?.querySelector(`[id="${optionId(chosen)}"]`)?.scrollIntoView({ block: 'nearest' })
  }, [chosen, optionId])
  let index = -1
  return (
    <div ref={box} id={listId} role="listbox" aria-label={t('palette.results')} className={styles.results}>
      {groups.map(({ group, commands }) => (
        // biome-ignore lint/a11y/useSemanticElements: a listbox has groups, not fieldsets
        <div key={group} role="group" aria-label={t(`palette.groups.${group}`)}>
          <div className={styles.group} aria-hidden="true">
            {t(`palette.groups.${group}`)}
          </div>
          {commands.map(command => {
            index += 1
            const place = index
            return (
              // The keys are those of the field above, which points here.
              // biome-ignore lint/a11y/useKeyWithClickEvents: as said
              // biome-ignore lint/a11y/useFocusableInteractive: as said
              <div
                key={command.id}
                id={optionId(place)}
                role="option"
                aria-selected={place === chosen}
                className={styles.option}
                onMouseMove={() => place !== chosen && onPoint(place)}
                onClick={() => onRun(command)}
              >
                <span className={styles.title}>{command.title}</span>
                {command.hint && <span className={styles.hint}>{command.hint}</span>}
                {command.keys && (
                  <span className={styles.shortcut}>
                    {command.keys.split(' ').map((key, place) => (
                      // biome-ignore lint/suspicious/noArrayIndexKey: the same key may come twice
                      <kbd key={place} className={styles.kbd}>
                        {key}
                      </kbd>
                    ))}
                  </span>
                )}
              </div>
            )
          })}
        </div>
      ))}
      {groups.length === 0 && (
        <div role="option" aria-selected="false" aria-disabled="true" tabIndex={-1} className={styles.none}>
          {t('palette.none')}
        </div>
      )}
    </div>
  )
}
