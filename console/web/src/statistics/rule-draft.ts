/** A rule as a form has it, and as the contract has it: pure. Durations in s. */
import { create } from '@bufbuild/protobuf'
import type { Duration } from '@bufbuild/protobuf/wkt'
import {
  AbsenceConditionSchema,
  type AlertQuery,
  AlertQuerySchema,
  type AlertRule,
  AlertRuleSchema,
  AlertSeverity,
  BurnRateConditionSchema,
  ChangeConditionSchema,
  Comparison,
  DivisorSchema,
  ThresholdConditionSchema,
} from '@site11/proto/es/site11/statistics/v1/alerts_service_pb.ts'
import { aggregateNamed, aggregations } from './kinds.ts'
import type { QueryDraft } from './query-fields.tsx'

export const ruleKinds = ['threshold', 'change', 'absence', 'burnRate'] as const
export type RuleKind = (typeof ruleKinds)[number]

export interface RuleDraft {
  title: string
  description: string
  severity: AlertSeverity
  kind: RuleKind
  query: QueryDraft
  /** Undefined: the value is not divided. */
  divisor: (QueryDraft & { atLeast: number }) | undefined
  above: boolean
  /** A value, percent of change, or an objective as a share. */
  value: number
  window: number
  earlier: number
  hold: number
  keepFiring: number
  interval: number
  webhooks: string[]
}

const seconds = (duration: Duration | undefined, usual: number) => (duration ? Number(duration.seconds) : usual)
const lasting = (count: number) => ({ seconds: BigInt(Math.round(count)), nanos: 0 })

const emptyQuery: QueryDraft = { metric: '', by: [], filter: '', agg: undefined, top: 0 }

const queryOf = (query: AlertQuery | undefined): QueryDraft =>
  query
    ? { metric: query.metric, by: query.groupBy, filter: query.filter, agg: aggregateNamed(query.aggregation), top: 0 }
    : emptyQuery

export function draftOf(rule: AlertRule): RuleDraft {
  const { condition } = rule
  const kind = condition.case ?? 'threshold'
  const query = condition.value?.query
  const divisor = query?.dividedBy
  return {
    title: rule.title,
    description: rule.description,
    severity: rule.severity || AlertSeverity.WARNING,
    kind,
    query: queryOf(query),
    divisor: divisor && {
      metric: divisor.metric,
      by: [],
      filter: divisor.filter,
      agg: aggregateNamed(divisor.aggregation),
      top: 0,
      atLeast: divisor.atLeast,
    },
    above:
      condition.case === 'threshold' || condition.case === 'change'
        ? condition.value.comparison !== Comparison.BELOW
        : true,
    value:
      condition.case === 'threshold'
        ? condition.value.value
        : condition.case === 'change'
          ? condition.value.percent
          : condition.case === 'burnRate'
            ? condition.value.objective
            : 0,
    window: condition.case === 'burnRate' ? 300 : seconds(condition.value?.window, 300),
    earlier: condition.case === 'change' ? seconds(condition.value.earlier, 86_400) : 86_400,
    hold: seconds(rule.hold, 0),
    keepFiring: seconds(rule.keepFiring, 0),
    interval: seconds(rule.interval, 60),
    webhooks: rule.webhooks,
  }
}

export const newDraft = (query: Partial<QueryDraft> = {}): RuleDraft => ({
  ...draftOf(create(AlertRuleSchema)),
  query: { ...emptyQuery, ...query },
})

/** @param before what the rule was: what the form does not show stays. */
export function ruleFrom(draft: RuleDraft, before?: AlertRule): AlertRule {
  const { query, divisor, kind, above, value } = draft
  const wanted = create(AlertQuerySchema, {
    metric: query.metric,
    filter: query.filter,
    groupBy: [...query.by],
    aggregation: query.agg ? aggregations[query.agg] : 0,
    ...(divisor && {
      dividedBy: create(DivisorSchema, {
        metric: divisor.metric,
        filter: divisor.filter,
        aggregation: divisor.agg ? aggregations[divisor.agg] : 0,
        atLeast: divisor.atLeast,
      }),
    }),
  })
  const window = lasting(draft.window)
  const comparison = above ? Comparison.ABOVE : Comparison.BELOW
  const old = before?.condition
  const condition = (): AlertRule['condition'] => {
    switch (kind) {
      case 'threshold': {
        const resolve = old?.case === kind && old.value.value === value ? old.value.resolveValue : undefined
        return {
          case: kind,
          value: create(ThresholdConditionSchema, {
            query: wanted,
            window,
            comparison,
            value,
            ...(resolve !== undefined && { resolveValue: resolve }),
          }),
        }
      }
      case 'change':
        return {
          case: kind,
          value: create(ChangeConditionSchema, {
            query: wanted,
            window,
            comparison,
            percent: value,
            earlier: lasting(draft.earlier),
            atLeast: old?.case === kind ? old.value.atLeast : 0,
          }),
        }
      case 'absence':
        return {
          case: kind,
          value: create(AbsenceConditionSchema, {
            query: wanted,
            window,
            ...(old?.case === kind && old.value.known && { known: old.value.known }),
          }),
        }
      case 'burnRate':
        return {
          case: kind,
          value: create(BurnRateConditionSchema, {
            query: wanted,
            objective: value,
            windows: old?.case === kind ? old.value.windows : [],
          }),
        }
    }
  }
  return create(AlertRuleSchema, {
    ...(before && { id: before.id, etag: before.etag, paused: before.paused, labels: before.labels }),
    title: draft.title.trim(),
    description: draft.description,
    severity: draft.severity,
    condition: condition(),
    hold: lasting(draft.hold),
    keepFiring: lasting(draft.keepFiring),
    interval: lasting(draft.interval),
    webhooks: draft.webhooks,
  })
}

/** Parts of a rule that the form changes. */
export const changedFields = [
  'title',
  'description',
  'severity',
  'condition',
  'hold',
  'keep_firing',
  'interval',
  'webhooks',
]
