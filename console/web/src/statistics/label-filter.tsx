/** A filter over labels, in conditions that are chosen, or as the text that the API takes. */

import { skipToken, useQuery } from '@connectrpc/connect-query'
import { ActionIcon, Autocomplete, Button, Group, Pill, Select, TextInput } from '@mantine/core'
import { MetricsService } from '@site11/proto/es/site11/statistics/v1/metrics_service_pb.ts'
import { IconCode, IconFilterPlus } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { type Condition, conditionsIn, filterWith } from './conditions.ts'
import styles from './statistics.module.css'

interface LabelFilterProps {
  metric: string
  labels: readonly string[]
  filter: string
  onChange: (filter: string) => void
}

export function LabelFilter({ metric, labels, filter, onChange }: LabelFilterProps) {
  const { t } = useTranslation()
  const { known, rest } = conditionsIn(filter)
  const [asText, setAsText] = useState(false)
  const [adding, setAdding] = useState(false)
  const without = (place: number) => filterWith({ known: known.filter((_, each) => each !== place), rest })
  return (
    <Group gap={6} className={styles.filter}>
      {known.map(({ label, not, value }, place) => (
        <Pill
          key={`${label} ${not} ${value}`}
          withRemoveButton
          size="md"
          onRemove={() => onChange(without(place))}
          removeButtonProps={{
            'aria-label': t('statistics.filter.remove', { what: `${label} ${value}` }),
            tabIndex: 0,
            'aria-hidden': false,
          }}
        >
          {label} {not ? '≠' : '='} <b>{value}</b>
        </Pill>
      ))}
      {rest.length > 0 && !asText && <code className={styles.rest}>{rest.join(' AND ')}</code>}
      {asText ? (
        <FilterText filter={filter} onChange={onChange} />
      ) : adding ? (
        <Adder
          metric={metric}
          labels={labels}
          onAdd={condition => {
            onChange(filterWith({ known: [...known, condition], rest }))
            setAdding(false)
          }}
          onCancel={() => setAdding(false)}
        />
      ) : (
        <Button
          size="compact-sm"
          variant="default"
          leftSection={<IconFilterPlus size={14} />}
          disabled={labels.length === 0}
          onClick={() => setAdding(true)}
        >
          {t('statistics.filter.add')}
        </Button>
      )}
      <ActionIcon
        variant={asText ? 'light' : 'subtle'}
        color={asText ? undefined : 'gray'}
        aria-pressed={asText}
        aria-label={t('statistics.filter.text')}
        title={t('statistics.filter.text')}
        onClick={() => setAsText(!asText)}
      >
        <IconCode size={16} />
      </ActionIcon>
    </Group>
  )
}

function FilterText({ filter, onChange }: { filter: string; onChange: (filter: string) => void }) {
  const { t } = useTranslation()
  const [text, setText] = useState(filter)
  return (
    <TextInput
      size="xs"
      flex="1 1 300px"
      classNames={{ input: 'mono' }}
      aria-label={t('statistics.filter.text')}
      placeholder={'service = "users" AND status != "OK"'}
      value={text}
      maxLength={1000}
      onChange={event => setText(event.currentTarget.value)}
      onBlur={() => onChange(text.trim())}
      onKeyDown={event => {
        if (event.key === 'Enter') onChange(text.trim())
      }}
    />
  )
}

interface AdderProps {
  metric: string
  labels: readonly string[]
  onAdd: (condition: Condition) => void
  onCancel: () => void
}

function Adder({ metric, labels, onAdd, onCancel }: AdderProps) {
  const { t } = useTranslation()
  const [label, setLabel] = useState(labels[0] ?? '')
  const [not, setNot] = useState(false)
  const [value, setValue] = useState('')
  const { data } = useQuery(MetricsService.method.listLabelValues, metric && label ? { metric, label } : skipToken, {
    staleTime: 30_000,
    retry: false,
  })
  return (
    <form
      className={styles.adder}
      onSubmit={event => {
        event.preventDefault()
        if (value) onAdd({ label, not, value })
      }}
      onKeyDown={event => {
        if (event.key === 'Escape' && !event.defaultPrevented) onCancel()
      }}
    >
      <Select
        size="xs"
        w={120}
        aria-label={t('statistics.filter.label')}
        data={[...labels]}
        value={label}
        allowDeselect={false}
        onChange={next => {
          setLabel(next ?? label)
          setValue('')
        }}
      />
      <Select
        size="xs"
        w={90}
        aria-label={t('statistics.filter.how')}
        data={[
          { value: 'is', label: t('statistics.filter.is') },
          { value: 'not', label: t('statistics.filter.isNot') },
        ]}
        value={not ? 'not' : 'is'}
        allowDeselect={false}
        onChange={next => setNot(next === 'not')}
      />
      <Autocomplete
        size="xs"
        w={220}
        autoFocus
        openOnFocus
        aria-label={t('statistics.filter.value')}
        placeholder={t('statistics.filter.value')}
        data={data?.values ?? []}
        limit={50}
        value={value}
        onChange={setValue}
        onOptionSubmit={value => onAdd({ label, not, value })}
      />
      <Button size="xs" type="submit" disabled={!value}>
        {t('statistics.filter.apply')}
      </Button>
      <Button size="xs" variant="default" onClick={onCancel}>
        {t('common.cancel')}
      </Button>
    </form>
  )
}
