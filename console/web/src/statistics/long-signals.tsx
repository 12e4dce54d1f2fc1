/** The golden signals of a service over days, from what is kept of them. */
import { Aggregation } from '@site11/proto/es/site11/statistics/v1/metrics_service_pb.ts'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { conditionText } from './conditions.ts'
import { Figure } from './figure.tsx'
import type { RangeName } from './range.ts'
import styles from './statistics.module.css'
import type { Asked } from './use-metrics.ts'

const { RATE, P50, P95, P99 } = Aggregation

export function LongSignals({ service, range }: { service: string; range: RangeName }) {
  const { t } = useTranslation()
  const choice = useMemo(() => ({ range }), [range])
  const charts = useMemo(() => {
    const filter = conditionText({ label: 'service', not: false, value: service })
    const ask = (label: string, metric: string, aggregation: Aggregation, groupBy: string[] = []): Asked => ({
      ...{ label, metric, aggregation, groupBy, filter, compareMs: 0 },
      top: groupBy.length > 0 ? 6 : 0,
    })
    return [
      { title: t('signals.rateTitle'), asked: [ask('', 'requests', RATE, ['version'])] },
      {
        title: t('statistics.errorsTitle'),
        asked: [
          ask(t('signals.serverErrors'), 'request.errors', RATE),
          ask(t('signals.clientErrors'), 'request.client_errors', RATE),
        ],
      },
      {
        title: t('signals.durationsTitle'),
        asked: [
          ask('p50', 'request.duration', P50),
          ask('p95', 'request.duration', P95),
          ask('p99', 'request.duration', P99),
        ],
      },
    ]
  }, [service, t])
  return (
    <div className={styles.signals}>
      {charts.map(({ title, asked }) => (
        <section key={title} className={styles.sheet} aria-label={title}>
          <b className={styles.name}>{title}</b>
          <Figure
            label={title}
            asked={asked}
            choice={choice}
            live
            view="line"
            group={`signals ${service}`}
            height={150}
          />
        </section>
      ))}
    </div>
  )
}
