/** The answer to queries as it is to be seen: lines, bars, a number or a table; or why there is none. */
import { Button, Skeleton } from '@mantine/core'
import { type ReactNode, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { problemFrom } from '../api/problem.ts'
import { Empty } from '../ui/empty.tsx'
import { ProblemInline } from '../ui/problem.tsx'
import { isAbsent, NotRunning } from './absent.tsx'
import { Chart, type Mark } from './chart.tsx'
import { Numbers, Rows } from './numbers.tsx'
import type { SpanChoice } from './range.ts'
import type { View } from './search.ts'
import styles from './statistics.module.css'
import { valueText } from './units.ts'
import { type Asked, useMetrics } from './use-metrics.ts'

interface FigureProps {
  label: string
  asked: readonly Asked[]
  choice: SpanChoice
  stepS?: number | undefined
  live: boolean
  view: View
  group: string
  height: number
  unit?: string | undefined
  stacked?: boolean
  marks?: readonly Mark[]
  detailed?: boolean
  onZoom?: ((start: number, end: number) => void) | undefined
  /** Asks for the largest groups only. */
  onTop?: ((top: number) => void) | undefined
  /** Instead of nothing. */
  empty?: ReactNode
}

export function Figure({ asked, choice, stepS, live, view, onTop, empty, ...drawn }: FigureProps) {
  const { t, i18n } = useTranslation()
  const { plot, error, stale, retry } = useMetrics(asked, { choice, stepS, live })
  const problem = useMemo(() => (error === undefined ? undefined : problemFrom(error)), [error])
  if (problem && !plot) {
    if (isAbsent(error)) return <NotRunning onRetry={retry} />
    return (
      <ProblemInline error={error} onRetry={retry}>
        {problem.reason === 'TOO_MANY_SERIES' && onTop && (
          <Button size="compact-sm" onClick={() => onTop(10)}>
            {t('statistics.top.show', { count: 10 })}
          </Button>
        )}
      </ProblemInline>
    )
  }
  if (!plot) {
    return <Skeleton height={drawn.height} radius={4} role="status" aria-label={t('common.loading')} />
  }
  if (plot.lines.length === 0 && view === 'number' && plot.isCount) {
    return <b className={styles.zero}>{valueText(0, drawn.unit || plot.unit, i18n.language)}</b>
  }
  if (plot.lines.length === 0 && plot.isCount && !empty) return <Empty title={t('statistics.noneHappened')} />
  if (plot.lines.length === 0) {
    return empty ?? <Empty title={t('statistics.noData')} hint={t('statistics.noDataHint')} />
  }
  const share = { plot, unit: drawn.unit, label: drawn.label }
  return (
    <div className={styles.figure} data-stale={stale || problem !== undefined}>
      {view === 'number' ? (
        <Numbers {...share} marks={drawn.marks} />
      ) : view === 'table' ? (
        <Rows {...share} labels={asked.length === 1 ? asked[0]?.groupBy : undefined} />
      ) : (
        <Chart {...drawn} plot={plot} bars={view === 'bar'} />
      )}
      {problem && (
        <p className={styles.hint} role="status">
          {t('statistics.notNew')}
        </p>
      )}
      {plot.dropped > 0 && (
        <p className={styles.hint}>
          {t('statistics.dropped', {
            count: plot.dropped,
            values: new Intl.NumberFormat(i18n.language).format(plot.dropped),
          })}
        </p>
      )}
    </div>
  )
}
