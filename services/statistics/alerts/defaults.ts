/**
 * The rules that a new platform begins with. They tell nobody until somebody gives them a webhook, and show what goes wrong all the same. All
 * but one look from the beginning, with limits that a healthy mesh does not reach; that for durations rests, as what is slow depends on what
 * the methods do.
 */

import type { Duration } from '@site11/proto/grpc/google/protobuf/duration.ts'
import {
  AlertQuery,
  AlertRule,
  AlertSeverity,
  Comparison,
} from '@site11/proto/grpc/site11/statistics/v1/alerts_service.ts'
import { Aggregation } from '@site11/proto/grpc/site11/statistics/v1/metrics_service.ts'
import { newRule } from './rule.ts'
import type { AlertStore } from './store.ts'

const minutes = (count: number): Duration => ({ seconds: 60 * count, nanos: 0 })
const { AGGREGATION_SUM: sum, AGGREGATION_P95: p95, AGGREGATION_MAX: max } = Aggregation
const { COMPARISON_ABOVE: above } = Comparison

/** Server errors among all requests, by service. */
const errorShare = (atLeast: number) =>
  AlertQuery.fromPartial({
    ...{ metric: 'request.errors', aggregation: sum, groupBy: ['service'] },
    dividedBy: { metric: 'requests', aggregation: sum, atLeast },
  })

export const defaultRules: readonly [id: string, rule: AlertRule][] = [
  [
    'error-rate',
    AlertRule.fromPartial({
      title: 'Many requests to a service fail',
      description:
        'More than 5 % of the requests of five minutes failed by the fault of the service. Look at its page and its logs.',
      severity: AlertSeverity.ALERT_SEVERITY_CRITICAL,
      condition: {
        $case: 'threshold',
        value: { query: errorShare(20), window: minutes(5), comparison: above, value: 0.05, resolveValue: 0.02 },
      },
      hold: minutes(1),
      keepFiring: minutes(2),
    }),
  ],
  [
    'error-budget',
    AlertRule.fromPartial({
      title: 'A service uses up its error budget too fast',
      description:
        'At this rate the 0.1 % of requests that may fail in 30 days are used up in days. Look at what was deployed last.',
      condition: { $case: 'burnRate', value: { query: errorShare(100), objective: 0.999 } },
      keepFiring: minutes(5),
    }),
  ],
  [
    'instance-silent',
    AlertRule.fromPartial({
      title: 'An instance no longer reports',
      description:
        'It has reported nothing of itself for five minutes: it is gone, or hangs. Planned ones are forgotten after an hour.',
      condition: {
        $case: 'absence',
        value: {
          query: { metric: 'process.uptime', groupBy: ['service', 'instance'] },
          ...{ window: minutes(5), known: minutes(60) },
        },
      },
    }),
  ],
  [
    'dead-letters',
    AlertRule.fromPartial({
      title: 'A service has given events up',
      description:
        'It could not handle them, nor what follows of their subjects. Read in the dead letters on the Events page why, mend it, and retry them.',
      condition: {
        $case: 'threshold',
        value: {
          query: { metric: 'site11.events.group.dead_letters', aggregation: max, groupBy: ['stream', 'group'] },
          ...{ window: minutes(3), comparison: above, value: 0 },
        },
      },
    }),
  ],
  [
    'slow',
    AlertRule.fromPartial({
      title: 'A service answers slowly',
      description:
        'One of 20 requests took longer than two seconds. Rests until somebody knows what is slow for these services.',
      paused: true,
      condition: {
        $case: 'threshold',
        value: {
          query: { metric: 'request.duration', aggregation: p95, groupBy: ['service'] },
          ...{ window: minutes(5), comparison: above, value: 2000, resolveValue: 1500 },
        },
      },
      hold: minutes(5),
      keepFiring: minutes(5),
    }),
  ],
]

/** Puts there those that were never there: what a user has changed or deleted stays so. */
export async function ensureDefaultRules({ collections }: AlertStore, now: Date): Promise<void> {
  for (const [_id, rule] of defaultRules) {
    if (await collections.defaults.findOne({ _id })) continue
    const document = newRule(rule, '', _id, now)
    const { _id: _, ...fields } = document
    await collections.rules.updateOne({ _id }, { $setOnInsert: fields }, { upsert: true })
    await collections.defaults.updateOne({ _id }, { $setOnInsert: {} }, { upsert: true })
  }
}
