/** How alerts and rules are, in the vocabulary of states that every page has: pure. */
import {
  AlertDeliveryState,
  type AlertRule,
  AlertSeverity,
  AlertState,
} from '@site11/proto/es/site11/statistics/v1/alerts_service_pb.ts'
import type { StateName } from '../mesh/state.ts'

/** A firing alert is as bad as its rule says. */
export function markOf(state: AlertState, severity: AlertSeverity): StateName {
  switch (state) {
    case AlertState.FIRING:
      return severity === AlertSeverity.CRITICAL ? 'failing' : 'degraded'
    case AlertState.PENDING:
      return 'starting'
    case AlertState.INACTIVE:
    case AlertState.RESOLVED:
      return 'healthy'
    default:
      return 'unknown'
  }
}

export type StateWord = 'inactive' | 'pending' | 'firing' | 'resolved' | 'paused' | 'blind' | 'unknown'

export function wordOf(state: AlertState): StateWord {
  const words: Readonly<Record<number, StateWord>> = {
    [AlertState.INACTIVE]: 'inactive',
    [AlertState.PENDING]: 'pending',
    [AlertState.FIRING]: 'firing',
    [AlertState.RESOLVED]: 'resolved',
  }
  return words[state] ?? 'unknown'
}

/** @returns how a rule is: one that rests or cannot look says that first. */
export function ruleState(rule: AlertRule): { mark: StateName; word: StateWord } {
  if (rule.paused) return { mark: 'draining', word: 'paused' }
  if (rule.evaluationError) return { mark: 'unknown', word: 'blind' }
  // A rule that has not looked yet has found nothing.
  const state = rule.state === AlertState.UNSPECIFIED ? AlertState.INACTIVE : rule.state
  return { mark: markOf(state, rule.severity), word: wordOf(state) }
}

export const severityWord = (severity: AlertSeverity): 'info' | 'warning' | 'critical' =>
  severity === AlertSeverity.INFO ? 'info' : severity === AlertSeverity.CRITICAL ? 'critical' : 'warning'

export function deliveryMark(state: AlertDeliveryState): { mark: StateName; word: 'waiting' | 'delivered' | 'failed' } {
  if (state === AlertDeliveryState.DELIVERED) return { mark: 'healthy', word: 'delivered' }
  if (state === AlertDeliveryState.FAILED) return { mark: 'failing', word: 'failed' }
  return { mark: 'starting', word: 'waiting' }
}

/** The worst first. */
export const byUrgency = (a: AlertRule, b: AlertRule): number => rank(b) - rank(a) || a.title.localeCompare(b.title)

function rank(rule: AlertRule): number {
  if (rule.paused) return 0
  if (rule.state === AlertState.FIRING) return 3 + rule.severity
  if (rule.evaluationError) return 3
  return rule.state === AlertState.PENDING ? 2 : 1
}

/** Every alert has these, from its rule. */
const ofRule = new Set(['rule', 'severity'])

/** @returns `service=users, method=...`; empty for the one alert of a rule that does not group. */
export const groupOf = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .filter(([name]) => !ofRule.has(name))
    .sort()
    .map(([name, value]) => `${name}=${value}`)
    .join(', ')
