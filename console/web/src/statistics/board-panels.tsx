/** The panels of a dashboard over one span, with what its variables stand for. */
import { useQuery } from '@connectrpc/connect-query'
import { Select } from '@mantine/core'
import type { Dashboard, Panel, Variable } from '@site11/proto/es/site11/statistics/v1/dashboards_service_pb.ts'
import { MetricsService } from '@site11/proto/es/site11/statistics/v1/metrics_service_pb.ts'
import { useCallback, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { Empty } from '../ui/empty.tsx'
import { Grid } from './grid.tsx'
import { rangeOf } from './panels.ts'
import { comparisonMs } from './range.ts'
import { SpanBar } from './span-bar.tsx'
import styles from './statistics.module.css'
import { useChoice, useSearch } from './use-search.ts'
import { valuesOf } from './variables.ts'

interface BoardPanelsProps {
  dashboard: Dashboard
  build?: {
    onPanels: (panels: Panel[]) => void
    onEdit: (panel: Panel) => void
  }
}

export function BoardPanels({ dashboard, build }: BoardPanelsProps) {
  const { t } = useTranslation()
  const { search, set } = useSearch()
  const usual = rangeOf(dashboard)
  const choice = useChoice(search, usual)
  const { panels, variables } = dashboard
  const values = useMemo(() => valuesOf(variables, search.vars), [variables, search.vars])
  const compareMs = search.compare ? comparisonMs(search.compare, choice) : 0
  const zoom = useCallback((from: number, to: number) => set({ from, to }, true), [set])
  return (
    <>
      <SpanBar usual={usual}>
        {variables.map(variable => (
          <VariableChoice
            key={variable.name}
            variable={variable}
            value={values.get(variable.name) ?? ''}
            onChange={value => set({ vars: { ...search.vars, [variable.name]: value } })}
          />
        ))}
      </SpanBar>
      {panels.length === 0 ? (
        <div className={styles.sheet}>
          <Empty
            title={t('statistics.dashboard.noPanels')}
            hint={t(build ? 'statistics.dashboard.noPanelsBuild' : 'statistics.dashboard.noPanelsHint')}
          />
        </div>
      ) : (
        <Grid
          panels={panels}
          values={values}
          choice={choice}
          live={search.live !== false}
          compareMs={compareMs}
          onZoom={zoom}
          build={build}
        />
      )}
    </>
  )
}

interface VariableChoiceProps {
  variable: Variable
  value: string
  onChange: (value: string) => void
}

function VariableChoice({ variable: { name, title, metric, label }, value, onChange }: VariableChoiceProps) {
  const { t } = useTranslation()
  const { data } = useQuery(MetricsService.method.listLabelValues, { metric, label }, { staleTime: 60_000 })
  const values = [...new Set([...(data?.values ?? []), ...(value ? [value] : [])])]
  return (
    <Select
      size="xs"
      w={160}
      aria-label={title || name}
      placeholder={`${title || name}: ${t('statistics.dashboard.any')}`}
      searchable
      clearable
      value={value || null}
      data={values}
      onChange={next => onChange(next ?? '')}
    />
  )
}
