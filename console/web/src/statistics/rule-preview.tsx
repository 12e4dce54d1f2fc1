/** What a rule looks at drawn with its limit, and the rule as one reads it. */
import { Text } from '@mantine/core'
import { AlertSeverity } from '@site11/proto/es/site11/statistics/v1/alerts_service_pb.ts'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { Figure } from './figure.tsx'
import { aggregations } from './kinds.ts'
import type { RuleDraft } from './rule-draft.ts'
import { SpanBar } from './span-bar.tsx'
import styles from './statistics.module.css'
import { valueText } from './units.ts'
import { type Asked, useMetricList } from './use-metrics.ts'
import { useChoice, useSearch } from './use-search.ts'

/** What is as a limit in the chart: percent of change and shares of an objective are none of its values. */
const limitOf = (draft: RuleDraft): number | undefined =>
  draft.kind === 'threshold' && !draft.divisor ? draft.value : undefined

export function RulePreview({ draft }: { draft: RuleDraft }) {
  const { t } = useTranslation()
  const { search, set } = useSearch()
  const choice = useChoice(search, '6h')
  const asked = useMemo((): Asked[] => {
    const line = ({ metric, filter, agg }: RuleDraft['query']): Asked => ({
      label: '',
      metric,
      groupBy: draft.query.by,
      filter,
      aggregation: agg ? aggregations[agg] : 0,
      top: draft.query.by.length > 0 ? 10 : 0,
      compareMs: draft.kind === 'change' ? draft.earlier * 1000 : 0,
    })
    return [line(draft.query), ...(draft.divisor ? [line(draft.divisor)] : [])].filter(({ metric }) => metric !== '')
  }, [draft])
  const limit = limitOf(draft)
  const marks = useMemo(
    () => (limit === undefined ? [] : [{ value: limit, level: draft.severity === AlertSeverity.CRITICAL ? 3 : 2 }]),
    [limit, draft.severity],
  )
  return (
    <section className={styles.sheet} aria-label={t('statistics.alert.preview')}>
      <SpanBar usual="6h" />
      <div className={styles.room}>
        {asked.length > 0 && (
          <Figure
            label={draft.query.metric}
            asked={asked}
            choice={choice}
            live={search.live !== false}
            view="line"
            group="rule"
            height={220}
            marks={marks}
            onZoom={(from, to) => set({ from, to }, true)}
          />
        )}
      </div>
    </section>
  )
}

/** The rule as one reads it. */
export function RuleSentence({ draft }: { draft: RuleDraft }) {
  const { t, i18n } = useTranslation()
  const { data } = useMetricList()
  const unit = draft.divisor ? '1' : (data?.metrics.find(({ name }) => name === draft.query.metric)?.unit ?? '')
  const time = (s: number) => valueText(s, 's', i18n.language)
  const what = draft.divisor ? `${draft.query.metric} / ${draft.divisor.metric}` : draft.query.metric
  const values = {
    what,
    by: draft.query.by.length > 0 ? t('statistics.alert.each', { labels: draft.query.by.join(', ') }) : '',
    side: t(draft.above ? 'statistics.alert.above' : 'statistics.alert.below'),
    value: valueText(
      draft.value,
      draft.kind === 'change' ? '%' : draft.kind === 'burnRate' ? '1' : unit,
      i18n.language,
    ),
    window: time(draft.window),
    earlier: time(draft.earlier),
  }
  return (
    <Text size="sm" className={styles.sentence}>
      {t(`statistics.alert.sentence.${draft.kind}`, values)}{' '}
      {draft.hold > 0 && t('statistics.alert.holdFor', { time: time(draft.hold) })}
    </Text>
  )
}
