/** The explorer of metrics: any metric, of any group, of any time. */
import { Button, Group, SegmentedControl, Select, Skeleton, Text } from '@mantine/core'
import { DashboardsService } from '@site11/proto/es/site11/statistics/v1/dashboards_service_pb.ts'
import { MetricsService } from '@site11/proto/es/site11/statistics/v1/metrics_service_pb.ts'
import { IconBell } from '@tabler/icons-react'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { mayCall } from '../api/policy.ts'
import { useSession } from '../api/use-session.ts'
import { CopyCallMenu } from '../ui/copy-call.tsx'
import { ProblemInline } from '../ui/problem.tsx'
import { HowMetricsCome, isAbsent, NotRunning } from './absent.tsx'
import { AddToDashboard } from './add-to-dashboard.tsx'
import { metricText } from './built-in.ts'
import { Figure } from './figure.tsx'
import { aggregateOf, aggregations, kindName } from './kinds.ts'
import { newPanel } from './panels.ts'
import { QueryFields } from './query-fields.tsx'
import { comparisonMs, stepsFor } from './range.ts'
import { type Aggregate, type View, views } from './search.ts'
import { SpanBar } from './span-bar.tsx'
import styles from './statistics.module.css'
import { valueText } from './units.ts'
import { type Asked, requestOf, useMetricList } from './use-metrics.ts'
import { useChoice, useSearch } from './use-search.ts'

const usualTop = 6

export function Metrics() {
  const { data, error, refetch } = useMetricList()
  const { t } = useTranslation()
  if (error && !data) {
    return isAbsent(error) ? <NotRunning onRetry={refetch} /> : <ProblemInline error={error} onRetry={refetch} />
  }
  if (!data) return <Skeleton height={420} radius={8} role="status" aria-label={t('common.loading')} />
  return <Explorer />
}

function Explorer() {
  const { t, i18n } = useTranslation()
  const { search, set } = useSearch()
  const choice = useChoice(search)
  const mayWrite = mayCall(useSession(), DashboardsService.method.createDashboard)
  const metrics = useMetricList().data?.metrics ?? []
  const name = search.metric ?? metrics.find(each => each.name === 'requests')?.name ?? metrics[0]?.name ?? ''
  const metric = metrics.find(each => each.name === name)
  const agg = aggregateOf(metric?.kind, search.agg)
  const { filter = '', top = usualTop, step, view = 'line', compare } = search
  // Whoever comes without a question sees requests by service.
  const by = search.by ?? (search.metric === undefined && metric?.labels.includes('service') ? ['service'] : noLabels)
  const asked = useMemo(
    (): Asked => ({
      label: '',
      metric: name,
      groupBy: by,
      filter,
      aggregation: agg ? aggregations[agg] : 0,
      top: by.length > 0 ? top : 0,
      compareMs: compare ? comparisonMs(compare, choice) : 0,
    }),
    [name, by, filter, agg, top, compare, choice],
  )
  const request = requestOf(asked, choice, step, Date.now())
  const steps = stepsFor(choice)
  const change = (given: {
    metric?: string
    by?: readonly string[]
    filter?: string
    agg?: Aggregate | undefined
    top?: number
  }) =>
    set({
      // What was only assumed is said from now on.
      metric: given.metric ?? name,
      by: [...(given.by ?? by)],
      filter: given.filter ?? filter,
      agg: 'agg' in given ? given.agg : search.agg,
      top: given.top ?? search.top,
    })
  return (
    <div className={styles.explorer}>
      <QueryFields draft={{ metric: name, by, filter, agg, top }} onChange={change} />
      <SpanBar>
        <Select
          size="xs"
          w={120}
          aria-label={t('statistics.step.label')}
          placeholder={t('statistics.step.auto')}
          clearable
          value={step === undefined ? null : String(step)}
          data={steps.map(each => ({
            value: String(each),
            label: t('statistics.step.each', { step: valueText(each, 's', i18n.language) }),
          }))}
          onChange={each => set({ step: each === null ? undefined : Number(each) })}
        />
        <SegmentedControl
          size="xs"
          ml="auto"
          aria-label={t('statistics.view.label')}
          value={view}
          onChange={next => set({ view: views.find(each => each === next) })}
          data={views.map(each => ({ value: each, label: t(`statistics.view.${each}`) }))}
        />
      </SpanBar>
      <section className={styles.sheet} aria-label={name}>
        <div className={styles.lead}>
          <div>
            <Text fw={600} className="mono">
              {name}
            </Text>
            <Text size="sm" c="dimmed">
              {metric && `${metricText(metric, t)} ${t(`statistics.kind.${kindName(metric.kind)}Hint`)}`}
            </Text>
          </div>
          <Group gap="xs">
            {mayWrite && (
              <>
                <AddToDashboard
                  panelFor={panels => newPanel(panels, { metric: name, by, filter, agg, top }, name, view)}
                />
                <Button
                  size="compact-sm"
                  variant="default"
                  leftSection={<IconBell size={14} />}
                  onClick={() => set({ tab: 'alerts', id: 'new', metric: name, by: [...by], filter, agg }, true)}
                >
                  {t('statistics.addTo.alert')}
                </Button>
              </>
            )}
            <CopyCallMenu method={MetricsService.method.queryMetric} request={request} />
          </Group>
        </div>
        <Figure
          label={name}
          asked={[asked]}
          choice={choice}
          stepS={step}
          live={search.live !== false}
          view={view as View}
          group="metrics"
          height={320}
          detailed
          onZoom={(from, to) => set({ from, to }, true)}
          onTop={next => change({ top: next })}
          empty={<HowMetricsCome />}
        />
      </section>
    </div>
  )
}

const noLabels: readonly string[] = []
