/** What a rule looks at: one figure, or one divided by another. */
import { NumberInput, Select, Stack, Switch } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { QueryFields } from './query-fields.tsx'
import type { RuleDraft } from './rule-draft.ts'
import styles from './statistics.module.css'
import { valueText } from './units.ts'

interface RulePartProps {
  draft: RuleDraft
  onChange: (part: Partial<RuleDraft>) => void
}

export function RuleQuery({ draft, onChange }: RulePartProps) {
  const { t } = useTranslation()
  return (
    <fieldset className={styles.fieldset}>
      <legend>{t('statistics.alert.looksAt')}</legend>
      <Stack gap="sm">
        <QueryFields
          withTop={false}
          draft={draft.query}
          onChange={part => onChange({ query: { ...draft.query, ...part } })}
        />
        {draft.kind !== 'absence' && (
          <Switch
            label={t('statistics.alert.divide')}
            checked={draft.divisor !== undefined}
            disabled={draft.kind === 'burnRate'}
            onChange={event =>
              onChange({
                divisor: event.currentTarget.checked
                  ? { metric: 'requests', by: [], filter: '', agg: 'sum', top: 0, atLeast: 20 }
                  : undefined,
              })
            }
          />
        )}
        {draft.divisor && (
          <>
            <QueryFields
              withTop={false}
              withGroups={false}
              draft={draft.divisor}
              onChange={part => draft.divisor && onChange({ divisor: { ...draft.divisor, ...part } })}
            />
            <NumberInput
              w={260}
              label={t('statistics.alert.atLeast')}
              min={0}
              value={draft.divisor.atLeast}
              onChange={value =>
                draft.divisor && onChange({ divisor: { ...draft.divisor, atLeast: Number(value) || 0 } })
              }
            />
          </>
        )}
      </Stack>
    </fieldset>
  )
}

const lengths = [0, 60, 300, 600, 900, 1800, 3600, 21_600, 86_400]

/** From what value on it holds, over how long, and for how long it must. */
export function RuleLimits({ draft, onChange }: RulePartProps) {
  const { t, i18n } = useTranslation()
  const time = (s: number) => (s === 0 ? t('statistics.alert.atOnce') : valueText(s, 's', i18n.language))
  const lengthField = (
    name: 'window' | 'hold' | 'keepFiring' | 'earlier' | 'interval',
    label: string,
    from: number,
  ) => (
    <Select
      w={160}
      label={label}
      allowDeselect={false}
      value={String(draft[name])}
      data={[...new Set([...lengths.filter(each => each >= from), draft[name]])]
        .sort((a, b) => a - b)
        .map(each => ({ value: String(each), label: time(each) }))}
      onChange={next => onChange({ [name]: Number(next) })}
    />
  )
  return (
    <div className={styles.fields}>
      {(draft.kind === 'threshold' || draft.kind === 'change') && (
        <Select
          w={130}
          label={t('statistics.alert.side')}
          allowDeselect={false}
          value={draft.above ? 'above' : 'below'}
          data={(['above', 'below'] as const).map(name => ({ value: name, label: t(`statistics.alert.${name}`) }))}
          onChange={next => onChange({ above: next === 'above' })}
        />
      )}
      {draft.kind !== 'absence' && (
        <NumberInput
          w={170}
          hideControls
          label={t(`statistics.alert.values.${draft.kind}`)}
          value={draft.value}
          onChange={value => onChange({ value: Number(value) || 0 })}
        />
      )}
      {draft.kind !== 'burnRate' && lengthField('window', t('statistics.alert.window'), 60)}
      {draft.kind === 'change' && lengthField('earlier', t('statistics.alert.earlier'), 300)}
      {lengthField('hold', t('statistics.alert.hold'), 0)}
      {lengthField('keepFiring', t('statistics.alert.keepFiring'), 0)}
    </div>
  )
}
