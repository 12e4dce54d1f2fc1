/** What services contribute: each a metric over a day, which leads to the explorer of metrics. */
import { callUnaryMethod } from '@connectrpc/connect-query'
import { Skeleton } from '@mantine/core'
import type { ServiceWidget } from '@site11/proto/es/site11/console/v1/diagnostics_service_pb.ts'
import { MetricsService } from '@site11/proto/es/site11/statistics/v1/metrics_service_pb.ts'
import type { Widget } from '@site11/proto/es/site11/types/v1/widget_pb.ts'
import { useQueries } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { TFunction } from 'i18next'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { transport } from '../api/client.ts'
import { problemFrom } from '../api/problem.ts'
import { useAsJournalGrows } from '../mesh/use-as-journal-grows.ts'
import { useMesh } from '../mesh/use-mesh.ts'
import { shareText } from '../signals/format.ts'
import { linePath } from '../signals/signals.ts'
import { valueText } from '../statistics/units.ts'
import { Panel } from '../ui/panel.tsx'
import { wordsFor } from '../ui/problem.tsx'
import { type Reading, readingOf, requestOf, searchOf, titleIn } from './widget.ts'
import styles from './widgets.module.css'

/** A day changes slowly. ms. */
const askAgainMs = 30_000

type Shown = ServiceWidget & { widget: Widget }

export interface WidgetsProps {
  widgets: readonly ServiceWidget[]
  /** Asks anew which there are. */
  refetch: () => unknown
}

export function Widgets({ widgets: all, refetch }: WidgetsProps) {
  const { t } = useTranslation()
  const { value: mesh } = useMesh()
  // A contract that comes or goes is in the journal.
  useAsJournalGrows(refetch, mesh?.lastChange)
  const widgets = all.filter((each): each is Shown => each.widget !== undefined)
  const found = useQueries({
    queries: widgets.map(({ service, widget }) => ({
      queryKey: ['widget', service, widget.title, widget.metric, widget.filter, widget.aggregation, widget.groupBy],
      queryFn: async ({ signal }: { signal: AbortSignal }) => {
        const now = Date.now()
        const { queryMetric } = MetricsService.method
        return readingOf(widget, await callUnaryMethod(transport, queryMetric, requestOf(widget, now), { signal }), now)
      },
      staleTime: askAgainMs,
      refetchInterval: askAgainMs,
    })),
  })
  const away = found.some(({ error }) => error && isSilent(error))
  return (
    <Panel title={t('overview.widgets')} aside={<span role="status">{t(away ? 'widgets.away' : 'widgets.span')}</span>}>
      <ul className={styles.widgets} aria-busy={found.some(({ isPending }) => isPending)}>
        {widgets.map(({ service, widget }, place) => {
          const { data: reading, error } = found[place] ?? {}
          return (
            <Cell key={`${service} ${widget.title}`} service={service} widget={widget}>
              {reading ? (
                <Figures reading={reading} stale={error != null} />
              ) : error ? (
                <Failed error={error} metric={widget.metric} />
              ) : (
                <Skeleton height={34} width="50%" role="status" aria-label={t('common.loading')} />
              )}
            </Cell>
          )
        })}
      </ul>
    </Panel>
  )
}

interface CellProps {
  service: string
  widget: Widget
  children: ReactNode
}

function Cell({ service, widget, children }: CellProps) {
  const { i18n } = useTranslation()
  const { text, language } = titleIn(widget, i18n.language)
  return (
    <li data-grouped={widget.groupBy !== ''}>
      <div className={styles.head}>
        <Link to="/statistics" search={searchOf(widget)} className={styles.title} lang={language}>
          {text}
        </Link>
        <span className={styles.dim}>{service}</span>
      </div>
      {children}
    </li>
  )
}

function Figures({ reading, stale }: { reading: Reading; stale: boolean }) {
  const { t, i18n } = useTranslation()
  const { unit, total, change, values, rows } = reading
  if (rows.length > 0) {
    return (
      <dl className={styles.rows} data-stale={stale}>
        {rows.map(({ name, total }) => (
          <div key={name === undefined ? 'others' : `of ${name}`}>
            <dt>{name === undefined ? t('widgets.others') : name || '–'}</dt>
            <dd>{valueText(total, unit, i18n.language)}</dd>
          </div>
        ))}
      </dl>
    )
  }
  return (
    <>
      <p className={styles.figure} data-stale={stale}>
        {total === undefined ? (
          <span className={styles.dim}>{t('widgets.none')}</span>
        ) : (
          <b>{valueText(total, unit, i18n.language)}</b>
        )}
        {change !== undefined && <span className={styles.dim}>{changeText(change, i18n.language, t)}</span>}
      </p>
      <Line values={values} />
    </>
  )
}

/** By how much it is other than the day before: said, and not judged. */
function changeText(change: number, language: string, t: TFunction): string {
  const sign = change > 0 ? '+' : change < 0 ? '−' : '±'
  return t('widgets.change', { change: `${sign}${shareText(Math.abs(change), language)}` })
}

const width = 200
const height = 26

/** By hour. Each widget has a scale of its own, which the explorer shows. */
function Line({ values }: { values: Reading['values'] }) {
  return (
    <svg
      viewBox={`0 -2 ${width} ${height + 3}`}
      height={height + 3}
      preserveAspectRatio="none"
      className={styles.spark}
      aria-hidden="true"
    >
      <path d={`M0 ${height}H${width}`} className={styles.base} />
      <path d={linePath(values, width, height)} className={styles.line} />
    </svg>
  )
}

/** @returns whether nobody answers for Statistics, in whatever way: what is wrong then is not with the widget. */
const isSilent = (error: unknown) =>
  ['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'UNIMPLEMENTED'].includes(problemFrom(error).code)

/** That nobody answers stands above all of them. */
function Failed({ error, metric }: { error: unknown; metric: string }) {
  const { i18n } = useTranslation()
  if (isSilent(error)) return <p className={styles.dim}>–</p>
  const { what } = wordsFor(problemFrom(error), i18n)
  return (
    <p className={styles.failed}>
      {what} <span className={`mono ${styles.metric}`}>{metric}</span>
    </p>
  )
}
