/** Two edits of one user side by side. Only where both changed a field, to different values, somebody has to choose. */
import { Button, Group, Stack, Text } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { type Difference, type FieldValues, merged, type Side, sideOf } from './merge.ts'
import styles from './user-detail.module.css'

interface ConflictProps {
  theirs: FieldValues
  list: readonly Difference[]
  /** What people call a field. */
  label: (field: string) => string
  saving: boolean
  onSave: (values: FieldValues) => void
  /** Back to the form, with what was typed. */
  onBack: () => void
}

export function Conflict({ theirs, list, label, saving, onSave, onBack }: ConflictProps) {
  const { t } = useTranslation()
  const [choices, setChoices] = useState<Readonly<Record<string, Side>>>({})
  const sideNow = (difference: Difference) => choices[difference.field] ?? sideOf(difference)
  const open = list.filter(difference => !sideNow(difference)).length
  return (
    <form
      aria-label={t('users.conflict')}
      onSubmit={event => {
        event.preventDefault()
        if (open === 0) onSave(merged(theirs, list, choices))
      }}
    >
      <Stack gap={0}>
        <Text fw={600} role="alert">
          {t('users.conflict')}
        </Text>
        <Text size="sm" c="dimmed" mb="sm">
          {t('users.conflictHint')}
        </Text>
        {list.map((difference, place) => {
          const { field, before, by } = difference
          return (
            <fieldset key={field} className={styles.choice}>
              <legend>{label(field)}</legend>
              <div className={styles.before}>
                {t('users.before')}: {before || t('users.notSet')}
                {by !== 'both' && ` · ${t(`users.changedBy.${by}`)}`}
              </div>
              {(['mine', 'theirs'] as const).map(side => (
                <label key={side}>
                  <input
                    type="radio"
                    name={field}
                    checked={sideNow(difference) === side}
                    onChange={() => setChoices(now => ({ ...now, [field]: side }))}
                    // biome-ignore lint/a11y/noAutofocus: the comparison takes the place of what had the focus
                    autoFocus={place === 0 && side === 'mine'}
                  />
                  <span>{t(`users.${side}`)}</span>
                  <span>{difference[side] || <span className={styles.none}>{t('users.notSet')}</span>}</span>
                </label>
              ))}
            </fieldset>
          )
        })}
        <Group justify="space-between" className={styles.footer}>
          <Text size="sm" c="dimmed" aria-live="polite">
            {open > 0 && t('users.toChoose', { count: open })}
          </Text>
          <Group gap="xs">
            <Button variant="default" onClick={onBack}>
              {t('users.backToEdit')}
            </Button>
            <Button type="submit" loading={saving} disabled={open > 0}>
              {t('common.save')}
            </Button>
          </Group>
        </Group>
      </Stack>
    </form>
  )
}
