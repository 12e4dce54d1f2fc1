/** What is asked of a metric: which, put together how, of which groups, how many of them. For the explorer, panels and rules alike. */

import { MultiSelect, Select, Stack, Text } from '@mantine/core'
import type { Metric } from '@site11/proto/es/site11/statistics/v1/metrics_service_pb.ts'
import { useTranslation } from 'react-i18next'
import { metricText } from './built-in.ts'
import { aggregateOf, aggregatesOf, kindName } from './kinds.ts'
import { LabelFilter } from './label-filter.tsx'
import type { Aggregate } from './search.ts'
import styles from './statistics.module.css'
import { unitName } from './units.ts'
import { useMetricList } from './use-metrics.ts'

export interface QueryDraft {
  metric: string
  by: readonly string[]
  filter: string
  agg: Aggregate | undefined
  top: number
}

const tops = [6, 10, 20, 50, 0]

interface QueryFieldsProps {
  draft: QueryDraft
  onChange: (change: Partial<QueryDraft>) => void
  /** Whether only the largest groups can be asked for. */
  withTop?: boolean
  withGroups?: boolean
}

export function QueryFields({ draft, onChange, withTop = true, withGroups = true }: QueryFieldsProps) {
  const { t } = useTranslation()
  const metrics = useMetricList().data?.metrics ?? []
  const metric = metrics.find(({ name }) => name === draft.metric)
  const labels = metric?.labels ?? []
  const aggregates = aggregatesOf(metric?.kind)
  return (
    <div className={styles.query}>
      <div className={styles.fields}>
        <MetricPicker
          metrics={metrics}
          value={draft.metric}
          onChange={name => {
            const next = metrics.find(each => each.name === name)
            onChange({
              metric: name,
              by: draft.by.filter(label => next?.labels.includes(label)),
              agg: undefined,
            })
          }}
        />
        <Select
          w={150}
          label={t('statistics.aggregation.label')}
          value={aggregateOf(metric?.kind, draft.agg) ?? null}
          data={aggregates.map(name => ({ value: name, label: t(`statistics.aggregation.${name}`) }))}
          allowDeselect={false}
          disabled={aggregates.length === 0}
          onChange={name => onChange({ agg: aggregates.find(each => each === name) })}
        />
        {withGroups && (
          <MultiSelect
            label={t('statistics.groupBy')}
            placeholder={draft.by.length === 0 ? t('statistics.groupByNone') : ''}
            miw={200}
            flex="1 1 200px"
            maw={420}
            data={[...new Set([...labels, ...draft.by])]}
            value={[...draft.by]}
            maxValues={4}
            clearable
            onChange={by => onChange({ by })}
          />
        )}
        {withTop && draft.by.length > 0 && (
          <Select
            w={130}
            label={t('statistics.top.label')}
            value={String(draft.top)}
            data={[...new Set([...tops, draft.top])].map(top => ({
              value: String(top),
              label: top === 0 ? t('statistics.top.all') : t('statistics.top.most', { count: top }),
            }))}
            allowDeselect={false}
            onChange={top => onChange({ top: Number(top) })}
          />
        )}
      </div>
      <LabelFilter
        metric={draft.metric}
        labels={labels}
        filter={draft.filter}
        onChange={filter => onChange({ filter })}
      />
    </div>
  )
}

interface MetricPickerProps {
  metrics: readonly Metric[]
  value: string
  onChange: (name: string) => void
}

function MetricPicker({ metrics, value, onChange }: MetricPickerProps) {
  const { t } = useTranslation()
  const known = new Map(metrics.map(metric => [metric.name, metric]))
  const data = known.has(value) || !value ? [...known.keys()] : [value, ...known.keys()]
  return (
    <Select
      label={t('statistics.metric')}
      placeholder={t('statistics.metricChoose')}
      flex="1 1 260px"
      maw={460}
      searchable
      value={value || null}
      data={data}
      limit={100}
      maxDropdownHeight={420}
      nothingFoundMessage={t('statistics.noMetricFound')}
      allowDeselect={false}
      onChange={name => name && onChange(name)}
      filter={({ options, search }) => {
        const words = search.toLowerCase().trim().split(/\s+/)
        return options.filter(option => {
          if (!('value' in option)) return true
          const metric = known.get(option.value)
          // As it is written here, and as documentation has it.
          const text = `${option.value} ${metric ? `${metricText(metric, t)} ${metric.description}` : ''}`.toLowerCase()
          return words.every(word => text.includes(word))
        })
      }}
      renderOption={({ option }) => {
        const metric = known.get(option.value)
        return (
          <Stack gap={0} py={2}>
            <span className={styles.metricName}>
              <span className="mono">{option.value}</span>
              {metric && (
                <span className={styles.hint}>
                  {t(`statistics.kind.${kindName(metric.kind)}`)}
                  {metric.unit && ` · ${unitName(metric.unit)}`}
                </span>
              )}
            </span>
            {metric?.description && (
              <Text size="xs" c="dimmed">
                {metricText(metric, t)}
              </Text>
            )}
          </Stack>
        )
      }}
    />
  )
}
