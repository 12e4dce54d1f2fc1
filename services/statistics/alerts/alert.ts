/** What becomes of an alert when its rule has looked: what is written, and who is told. Pure. */

import {
  type AlertChange,
  type Alert as AlertMessage,
  type AlertSeverity,
  AlertState,
} from '@site11/proto/grpc/site11/statistics/v1/alerts_service.ts'
import { AlertFired, AlertResolved } from '@site11/proto/grpc/site11/statistics/v1/events.ts'
import { type OutboxEntry, type Outboxed, outboxEntry } from '@site11/runtime/events/event.ts'
import type { Finding } from './evaluate.ts'
import { alertId, type RuleDocument } from './rule.ts'
import { type SilenceDocument, severityLabels, silenceOf } from './silence.ts'
import { ended, initially, type Standing, step } from './state.ts'

/** The stream of this service. */
export const stream = 'statistics'
/** How long alerts and changes are kept after their end. ms. */
export const keptMs = 90 * 86_400_000

/** As it is kept. `version` counts the writes, from when it was made, so that one that comes again after its end has a later one. */
export interface AlertDocument extends Outboxed, Standing {
  rule: string
  title: string
  description: string
  severity: AlertSeverity
  labels: [name: string, value: string][]
  webhooks: string[]
  value: number
  summary: string
  /** Whether webhooks were told that it fires. */
  told: boolean
  silence: string
  version: number
  /** null while it is pending or firing. */
  expireTime: Date | null
}

export interface ChangeDocument {
  _id: string
  alert: string
  rule: string
  title: string
  severity: AlertSeverity
  labels: [name: string, value: string][]
  from: AlertState
  to: AlertState
  value: number
  summary: string
  time: Date
  silence: string
}

export type Told = 'alert.fired' | 'alert.resolved'

export interface Outcome {
  before: AlertDocument | undefined
  after: AlertDocument
  /** The transition, when there was one, and the events of it. */
  change?: ChangeDocument
  events: OutboxEntry[]
  /** What webhooks are told. */
  tell?: Told
}

const { ALERT_STATE_FIRING: firing, ALERT_STATE_PENDING: pending, ALERT_STATE_RESOLVED: resolved } = AlertState

/** @returns what becomes of the alert of a group; undefined when there is none, and none begins. */
export function outcomeOf(
  rule: RuleDocument,
  finding: Finding,
  before: AlertDocument | undefined,
  silences: SilenceDocument[],
  now: Date,
): Outcome | undefined {
  const standing = before ?? initially(now)
  const next = step(standing, finding.seen, rule, now)
  if (!before && next === standing) return undefined
  const labels = Object.entries({ ...finding.labels, ...Object.fromEntries(rule.labels) })
  const about = {
    _id: alertId(rule, finding.labels),
    rule: rule._id,
    title: rule.title,
    description: rule.description,
    severity: rule.severity,
    labels,
    webhooks: rule.webhooks,
  }
  return outcome(about, next, finding, before, silences, now)
}

/**
 * @returns what becomes of an alert whose group is not found any more.
 * @param gone whether also its rule is not there, rests, or looks at something else: then it ends at once.
 */
export function outcomeWithout(
  before: AlertDocument,
  rule: Pick<RuleDocument, 'holdMs' | 'keepMs'> | undefined,
  silences: SilenceDocument[],
  now: Date,
): Outcome {
  const next = rule ? step(before, 'nothing', rule, now) : ended(before, now)
  return outcome(before, next, before, before, silences, now)
}

type About = Pick<AlertDocument, '_id' | 'rule' | 'title' | 'description' | 'severity' | 'labels' | 'webhooks'>

function outcome(
  about: About,
  { state, startTime, fireTime, resolveTime, clearTime, changeTime }: Standing,
  { value, summary }: Pick<Finding, 'value' | 'summary'>,
  before: AlertDocument | undefined,
  silences: SilenceDocument[],
  now: Date,
): Outcome {
  const { _id, rule, title, description, severity, labels, webhooks } = about
  const silence = silenceOf(silences, { ...Object.fromEntries(labels), rule, severity: severityLabels[severity] })
  const from = before?.state ?? AlertState.ALERT_STATE_INACTIVE
  const isNew = from !== state
  const wasTold = before?.told === true && !(isNew && state === firing)
  const tell: Told | undefined =
    state === firing && !wasTold && silence === ''
      ? 'alert.fired'
      : isNew && state === resolved && wasTold
        ? 'alert.resolved'
        : undefined
  const lives = state === firing || state === pending
  const after: AlertDocument = {
    ...{ _id, rule, title, description, severity, labels, webhooks, silence },
    ...{ state, startTime, fireTime, resolveTime, clearTime, changeTime },
    // What was found while it fired tells more than what ended it.
    ...(lives || !before ? { value, summary } : { value: before.value, summary: before.summary }),
    told: state === firing && (wasTold || tell !== undefined),
    version: before ? before.version + 1 : now.getTime(),
    expireTime: lives ? null : new Date(now.getTime() + keptMs),
  }
  const events = isNew ? eventsOf(after) : []
  if (!isNew) return { before, after, events, ...(tell && { tell }) }
  const change: ChangeDocument = {
    _id: `${_id}-${after.version}`,
    alert: _id,
    ...{ rule, title, severity, labels, silence, from, to: state },
    ...{ value: after.value, summary: after.summary, time: now },
  }
  return { before, after, events, change, ...(tell && { tell }) }
}

function eventsOf(alert: AlertDocument): OutboxEntry[] {
  const { rule, title, severity, value, summary, version: sequence, changeTime: time } = alert
  const labels = Object.fromEntries(alert.labels)
  const about = { rule, title, severity, labels }
  const how = { sequence, time, traceId: '' }
  if (alert.state === firing) {
    const fired = { ...about, value, summary, startTime: alert.startTime ?? undefined }
    return [outboxEntry('site11.statistics.v1.AlertFired', AlertFired, fired, how)]
  }
  if (alert.state !== resolved) return []
  const fireTime = alert.fireTime ?? undefined
  return [outboxEntry('site11.statistics.v1.AlertResolved', AlertResolved, { ...about, fireTime }, how)]
}

export const toAlert = (document: AlertDocument): AlertMessage => {
  const { _id: id, rule, title, severity, state, value, summary, changeTime, silence } = document
  return {
    ...{ id, rule, title, severity, state, value, summary, changeTime, silence },
    labels: Object.fromEntries(document.labels),
    startTime: document.startTime ?? undefined,
    fireTime: document.fireTime ?? undefined,
    resolveTime: document.resolveTime ?? undefined,
  }
}

export const toChange = ({ _id: id, labels, ...rest }: ChangeDocument): AlertChange => ({
  ...rest,
  id,
  labels: Object.fromEntries(labels),
})
