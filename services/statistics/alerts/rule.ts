/** Alert rules: what they must be, and how they change. Pure. */
import { createHash } from 'node:crypto'
import {
  type AlertQuery,
  AlertRule,
  AlertSeverity,
  AlertState,
} from '@site11/proto/grpc/site11/statistics/v1/alerts_service.ts'
import { type FieldViolation, invalidArgument } from '@site11/runtime/errors.ts'
import { etagOf } from '@site11/runtime/store/etag.ts'
import { filterProblem } from '../dashboards/dashboard.ts'
import { maskedFields, msOf, type Resource } from '../resources.ts'

type Cases = NonNullable<AlertRule['condition']>
/** As in the contract; MongoDB does not take names that begin with a dollar. */
export type Condition = { [C in Cases as C['$case']]: { case: C['$case']; value: C['value'] } }[Cases['$case']]

type Content = Pick<AlertRule, 'title' | 'description' | 'paused' | 'severity' | 'labels' | 'webhooks'>

/** As it is kept. Labels are pairs, as MongoDB takes not every name for a field. */
export interface RuleDocument extends Resource, Omit<Content, 'labels'> {
  labels: [name: string, value: string][]
  condition: Condition
  holdMs: number
  keepMs: number
  intervalMs: number
  owner: string
  /** Counts the changes of what it looks at: alerts of another one begin anew. */
  conditionVersion: number
  /** When it looks next. */
  dueTime: Date
  evaluateTime: Date | null
  /** Since when it has looked without a gap, after there was one: what was not measured meanwhile is not absent. */
  watchTime: Date | null
  evaluationError: string
  errorTime: Date | null
  pending: number
  firing: number
  state: AlertState
}

const defaultIntervalMs = 60_000
/** Labels that every alert has. */
const reserved = ['rule', 'severity']

/** @throws ServiceError INVALID_FIELD naming each place that is not right. */
function requireSound({
  title,
  condition,
  labels,
}: Pick<RuleDocument, 'title' | 'labels'> & { condition: Condition | undefined }) {
  const violations: FieldViolation[] = []
  const wrong = (field: string, description: string) => violations.push({ field: `alert_rule.${field}`, description })
  if (title === '') wrong('title', 'A rule needs a title.')
  const query = condition?.value.query
  if (!condition || !query)
    wrong('condition', 'A rule needs one of threshold, change, absence and burn_rate, with a query.')
  else {
    const place = condition.case === 'burnRate' ? 'burn_rate' : condition.case
    for (const [field, filter] of filtersOf(query)) {
      const problem = filterProblem(filter)
      if (problem) wrong(`${place}.query.${field}`, problem)
    }
    for (const [field, description] of conditionProblems(condition, query)) wrong(`${place}.${field}`, description)
    const taken = labels.find(([name]) => reserved.includes(name) || query.groupBy.includes(name))
    if (taken) wrong('labels', `Every alert has a label ${taken[0]} already.`)
  }
  const [first] = violations
  if (first) throw invalidArgument('INVALID_FIELD', `${first.field}: ${first.description}`, violations)
}

function* filtersOf({ filter, dividedBy }: AlertQuery): Iterable<[string, string]> {
  yield ['filter', filter]
  if (dividedBy) yield ['divided_by.filter', dividedBy.filter]
}

function* conditionProblems(condition: Condition, query: AlertQuery): Iterable<[string, string]> {
  if (condition.case === 'threshold') {
    const { comparison, value, resolveValue = value } = condition.value
    if (comparison === 1 ? resolveValue > value : resolveValue < value)
      yield ['resolve_value', 'It must be on the side of the value where all is well.']
  }
  if (condition.case === 'absence' && query.dividedBy)
    yield ['query.divided_by', 'Only whether there are values matters here.']
  if (condition.case === 'burnRate') {
    if (!query.dividedBy) yield ['query.divided_by', 'It takes all that could fail, as what fails is divided by it.']
    for (const [index, { long, short, factor }] of condition.value.windows.entries()) {
      if (msOf(short, 0) >= msOf(long, 0)) yield [`windows[${index}].short`, 'It must be shorter than the long one.']
      if (factor * (1 - condition.value.objective) > 1)
        yield [`windows[${index}].factor`, 'Even if all failed, the budget would not be used up that fast.']
    }
  }
}

const conditionOf = ({ condition }: AlertRule): Condition | undefined =>
  condition && ({ case: condition.$case, value: condition.value } as Condition)

/** @returns the document of a new rule. @throws ServiceError INVALID_FIELD. */
export function newRule(message: AlertRule, owner: string, id: string, now: Date): RuleDocument {
  const title = message.title.trim()
  const condition = conditionOf(message)
  const labels = Object.entries(message.labels)
  requireSound({ title, condition, labels })
  if (!condition) throw new Error('It was looked at.')
  return {
    _id: id,
    title,
    description: message.description,
    paused: message.paused,
    severity: message.severity || AlertSeverity.ALERT_SEVERITY_WARNING,
    labels,
    webhooks: message.webhooks,
    condition,
    holdMs: msOf(message.hold, 0),
    keepMs: msOf(message.keepFiring, 0),
    intervalMs: msOf(message.interval, defaultIntervalMs),
    owner,
    conditionVersion: 1,
    dueTime: now,
    evaluateTime: null,
    watchTime: null,
    evaluationError: '',
    errorTime: null,
    pending: 0,
    firing: 0,
    state: AlertState.ALERT_STATE_INACTIVE,
    version: 1,
    createTime: now,
    updateTime: now,
  }
}

const conditionNames = ['threshold', 'change', 'absence', 'burn_rate']

/** @returns what changes; a rule looks at once after it. @throws ServiceError INVALID_FIELD. */
export function updateOf(
  before: RuleDocument,
  message: AlertRule,
  mask: string[] | undefined,
  now: Date,
): Partial<RuleDocument> {
  const named = mask?.map(path => (conditionNames.includes(path.split('.')[0] ?? '') ? 'condition' : path))
  const fields = maskedFields(named, {
    title: message.title !== '',
    description: message.description !== '',
    paused: message.paused,
    severity: message.severity !== 0,
    condition: message.condition !== undefined,
    hold: message.hold !== undefined,
    keep_firing: message.keepFiring !== undefined,
    interval: message.interval !== undefined,
    labels: Object.keys(message.labels).length > 0,
    webhooks: message.webhooks.length > 0,
  })
  const merged = { ...toRule(before) }
  for (const field of fields) {
    const name = field === 'keep_firing' ? 'keepFiring' : field
    Object.assign(merged, { [name]: message[name] })
  }
  const { title, description, paused, severity, labels, webhooks, condition, holdMs, keepMs, intervalMs } = newRule(
    merged,
    before.owner,
    before._id,
    now,
  )
  const isNew = JSON.stringify(condition) !== JSON.stringify(before.condition)
  return {
    ...{ title, description, paused, severity, labels, webhooks, condition, holdMs, keepMs, intervalMs },
    conditionVersion: before.conditionVersion + (isNew ? 1 : 0),
    dueTime: now,
    // That it rested is no gap.
    ...(before.paused && { evaluateTime: null }),
    ...(paused && {
      state: AlertState.ALERT_STATE_INACTIVE,
      pending: 0,
      firing: 0,
      evaluationError: '',
      errorTime: null,
    }),
  }
}

const duration = (ms: number) => ({ seconds: Math.floor(ms / 1000), nanos: (ms % 1000) * 1e6 })

export const toRule = (document: RuleDocument): AlertRule => {
  const { condition, holdMs, keepMs, intervalMs, version, _id: id, labels, ...rest } = document
  return {
    ...AlertRule.fromPartial({}),
    id,
    title: rest.title,
    description: rest.description,
    paused: rest.paused,
    severity: rest.severity,
    condition: { $case: condition.case, value: condition.value } as Cases,
    hold: duration(holdMs),
    keepFiring: duration(keepMs),
    interval: duration(intervalMs),
    labels: Object.fromEntries(labels),
    webhooks: rest.webhooks,
    state: rest.state,
    pending: rest.pending,
    firing: rest.firing,
    evaluateTime: rest.evaluateTime ?? undefined,
    evaluationError: rest.evaluationError,
    errorTime: rest.errorTime ?? undefined,
    owner: rest.owner,
    createTime: rest.createTime,
    updateTime: rest.updateTime,
    etag: etagOf(version),
  }
}

/** @returns the id of the alert of a group. */
export function alertId(
  { _id, conditionVersion }: Pick<RuleDocument, '_id' | 'conditionVersion'>,
  labels: Record<string, string>,
) {
  const group = JSON.stringify(Object.entries(labels).sort())
  return createHash('sha256').update(`${_id}/${conditionVersion}/${group}`).digest('hex').slice(0, 32)
}
