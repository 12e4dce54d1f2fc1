/** The request as JSON: the same request as the form's, with what is wrong at its line. */
import { Stack, Text } from '@mantine/core'
import { useRef } from 'react'
import { useTranslation } from 'react-i18next'
import styles from './explorer.module.css'
import { lineOf, type Place } from './json-text.ts'

interface JsonViewProps {
  text: string
  onText: (text: string) => void
  /** Where, what, and the field that it is about. */
  issues: { place: Place; path: string; words: string }[]
}

export function JsonView({ text, onText, issues }: JsonViewProps) {
  const { t } = useTranslation()
  const area = useRef<HTMLTextAreaElement>(null)
  const lines = text.split('\n').length
  const wrong = new Set(issues.map(({ place }) => lineOf(text, place.from)))
  const show = ({ from, to }: Place) => {
    area.current?.focus()
    area.current?.setSelectionRange(from, to)
  }
  return (
    <Stack gap="xs">
      <div className={styles.editor}>
        <div className={styles.gutter} aria-hidden="true">
          {Array.from({ length: lines }, (_, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a line is known by its number
            <span key={index} className={wrong.has(index + 1) ? styles.wrongLine : undefined}>
              {index + 1}
            </span>
          ))}
        </div>
        <textarea
          ref={area}
          className={styles.code}
          aria-label={t('explorer.form.json')}
          aria-invalid={issues.length > 0}
          spellCheck={false}
          autoComplete="off"
          wrap="off"
          rows={Math.max(lines, 8)}
          value={text}
          onChange={event => onText(event.currentTarget.value)}
        />
      </div>
      {issues.map(({ place, path, words }) => (
        <Text key={`${path} ${words}`} size="sm" c="var(--mantine-color-error)">
          <button type="button" className={styles.place} onClick={() => show(place)}>
            {t('explorer.issue.line', { line: lineOf(text, place.from) })}
          </button>{' '}
          {path && <span className="mono">{path}</span>} {words}
        </Text>
      ))}
    </Stack>
  )
}
