/**
 * Looks by the rules, again and again, in one instance of Statistics at a time (by a lease), and tells the webhooks. All it knows is in the
 * database: who takes over goes on where the other one was.
 */
import { AlertState } from '@site11/proto/grpc/site11/statistics/v1/alerts_service.ts'
import type { Log } from '@site11/runtime/log.ts'
import { msOf } from '../resources.ts'
import { type AlertDocument, type Outcome, outcomeOf, outcomeWithout } from './alert.ts'
import { defaultWindowMs, evaluate, type Query } from './evaluate.ts'
import { alertId, type Condition, type RuleDocument } from './rule.ts'
import type { SilenceDocument } from './silence.ts'
import type { AlertStore } from './store.ts'

export interface EvaluatorDeps {
  store: AlertStore
  query: Query
  /** Is told of alerts that have an event for others. */
  written(alert: string): void
  now(): Date
  log: Log
}

const { ALERT_STATE_FIRING: firing, ALERT_STATE_PENDING: pending, ALERT_STATE_INACTIVE: inactive } = AlertState
const evaluationMs = 20_000
const gapMs = 60_000
const atOnce = 4

/** Looks by all rules that are due, until `signal` ends it. @throws what the database says. */
export async function evaluateDue(deps: EvaluatorDeps, signal: AbortSignal): Promise<void> {
  const { store, now } = deps
  const { rules, silences, alerts } = store.collections
  const at = now()
  const [due, active] = await Promise.all([
    rules.find({ paused: false, dueTime: { $lte: at } }).toArray(),
    silences.find({ until: { $gt: at } }).toArray(),
  ])
  const waiting = due.values()
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (const rule of waiting) {
        if (signal.aborted) return
        await look(deps, rule, active, signal)
      }
    }),
  )
  // What no rule looks after any more: it was deleted, rests, or looks at something else since.
  const living = await rules.find({ paused: false }, { projection: { conditionVersion: 1 } }).toArray()
  const lives = new Set(living.map(({ _id }) => _id))
  for (const alert of await alerts.find({ state: { $in: [pending, firing] } }).toArray()) {
    if (!lives.has(alert.rule)) await settle(deps, outcomeWithout(alert, undefined, active, now()))
  }
}

async function look(
  deps: EvaluatorDeps,
  rule: RuleDocument,
  silences: SilenceDocument[],
  signal: AbortSignal,
): Promise<void> {
  const { store, query, now, log } = deps
  const { rules, alerts } = store.collections
  const evaluateTime = now()
  const dueTime = new Date(evaluateTime.getTime() + rule.intervalMs)
  // Whoever has changed it meanwhile wants it to be looked at once more.
  const which = { _id: rule._id, version: rule.version }
  const watchTime = isGap(rule, evaluateTime) ? evaluateTime : rule.watchTime
  if (isTooSoon(rule.condition, watchTime, evaluateTime)) {
    await rules.updateOne(which, { $set: { evaluateTime, dueTime, watchTime } })
    return
  }
  let findings: Awaited<ReturnType<typeof evaluate>>
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(evaluationMs)])
    findings = await evaluate(query, rule.condition, evaluateTime, limit)
  } catch (error) {
    if (signal.aborted) return
    const evaluationError = (error instanceof Error ? error.message : String(error)).slice(0, 500)
    if (rule.evaluationError === '') log.warn({ rule: rule._id, reason: evaluationError }, 'a rule cannot look')
    const errorTime = rule.errorTime ?? evaluateTime
    await rules.updateOne(which, { $set: { evaluateTime, dueTime, watchTime, evaluationError, errorTime } })
    return
  }
  const known = await alerts.find({ rule: rule._id, expireTime: { $not: { $lte: evaluateTime } } }).toArray()
  const before = new Map(known.map(alert => [alert._id, alert]))
  const states: AlertState[] = []
  for (const finding of findings) {
    const id = alertId(rule, finding.labels)
    const outcome = outcomeOf(rule, finding, before.get(id), silences, evaluateTime)
    before.delete(id)
    if (!outcome) continue
    states.push(outcome.after.state)
    await settle(deps, outcome)
  }
  for (const alert of before.values()) {
    if (alert.state !== pending && alert.state !== firing) continue
    const isOwn = alert._id === alertId(rule, groupOf(rule, alert))
    const outcome = outcomeWithout(alert, isOwn ? rule : undefined, silences, evaluateTime)
    states.push(outcome.after.state)
    await settle(deps, outcome)
  }
  const count = (state: AlertState) => states.filter(each => each === state).length
  const state = [firing, pending].find(each => states.includes(each)) ?? inactive
  const summary = { state, firing: count(firing), pending: count(pending) }
  await rules.updateOne(which, {
    $set: { evaluateTime, dueTime, watchTime, evaluationError: '', errorTime: null, ...summary },
  })
}

/** Whether nobody has looked for a while: then perhaps nobody has measured either. */
const isGap = ({ evaluateTime, intervalMs }: RuleDocument, now: Date) =>
  evaluateTime !== null && now.getTime() - evaluateTime.getTime() > Math.max(3 * intervalMs, gapMs)

/** An absence cannot be told from a gap that lies in its window. */
function isTooSoon(condition: Condition, watchTime: Date | null, now: Date): boolean {
  if (condition.case !== 'absence' || !watchTime) return false
  return now.getTime() - watchTime.getTime() < msOf(condition.value.window, defaultWindowMs)
}

/** The labels of an alert that its group has. */
const groupOf = (rule: RuleDocument, { labels }: AlertDocument) => {
  const groupBy = rule.condition.value.query?.groupBy ?? []
  return Object.fromEntries(labels.filter(([name]) => groupBy.includes(name)))
}

async function settle({ store, written, log }: EvaluatorDeps, outcome: Outcome): Promise<void> {
  const { before, after, change, tell, events } = outcome
  const isSame =
    before?.value === after.value &&
    before.silence === after.silence &&
    before.clearTime?.getTime() === after.clearTime?.getTime()
  if (!change && !tell && (isSame || (after.state !== pending && after.state !== firing))) return
  if (!(await store.write(outcome))) {
    log.info({ alert: after._id }, 'another instance has looked at the same time')
    return
  }
  if (events.length > 0) written(after._id)
  if (change) log.info({ alert: after._id, rule: after.rule, state: after.state }, 'an alert has changed')
}
