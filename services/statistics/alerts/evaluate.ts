/** What a rule finds: from its condition, by queries, to one finding for each group. */
import {
  type AbsenceCondition,
  type AlertQuery,
  type BurnRateCondition,
  type ChangeCondition,
  Comparison,
  type ThresholdCondition,
} from '@site11/proto/grpc/site11/statistics/v1/alerts_service.ts'
import type {
  Aggregation,
  QueryMetricRequest,
  QueryMetricResponse,
} from '@site11/proto/grpc/site11/statistics/v1/metrics_service.ts'
import { durationOf, msOf } from '../resources.ts'
import type { Condition } from './rule.ts'
import type { Seen } from './state.ts'
import { absenceWords, burnWords, changeWords, thresholdWords } from './words.ts'

/** Answers what was measured. @throws ServiceError, as QueryMetric does. */
export type Query = (
  query: Partial<QueryMetricRequest> & { metric: string },
  signal?: AbortSignal,
) => Promise<QueryMetricResponse>

export interface Finding {
  /** Of the group: the label's values by their names. */
  labels: Record<string, string>
  seen: Seen
  value: number
  summary: string
}

const minuteMs = 60_000
export const defaultWindowMs = 5 * minuteMs
const defaultKnownMs = 24 * 60 * minuteMs
const usualWindows: [longMs: number, shortMs: number, factor: number][] = [
  [60 * minuteMs, 5 * minuteMs, 14.4],
  [360 * minuteMs, 30 * minuteMs, 6],
]

/** @returns a finding for each group that there is. @throws what the queries throw. */
export function evaluate(query: Query, condition: Condition, now: Date, signal: AbortSignal): Promise<Finding[]> {
  const reader = readerOf(query, now, signal)
  switch (condition.case) {
    case 'threshold':
      return threshold(reader, condition.value)
    case 'change':
      return change(reader, condition.value)
    case 'absence':
      return absence(reader, condition.value, now)
    case 'burnRate':
      return burnRate(reader, condition.value)
  }
}

/** Values by group: what labels has it, and what is found. */
type Groups = Map<string, { labels: string[]; value: number; lastMs: number }>

interface Reader {
  /** Of a query, with its divisor, in a span that ended so long ago. ms. */
  values(query: AlertQuery, windowMs: number, agoMs?: number): Promise<Groups>
  /** Of the metric alone. */
  plain(query: Asked, windowMs: number, agoMs?: number): Promise<Groups>
}

type Asked = { metric: string; filter: string; aggregation: Aggregation; groupBy: string[] }

function readerOf(query: Query, now: Date, signal: AbortSignal): Reader {
  async function plain({ metric, filter, aggregation, groupBy }: Asked, windowMs: number, agoMs = 0): Promise<Groups> {
    const end = now.getTime() - agoMs
    const answer = await query(
      {
        ...{ metric, filter, aggregation, groupBy },
        ...{ startTime: new Date(end - windowMs), endTime: new Date(end) },
        ...stepOf(windowMs + agoMs),
      },
      signal,
    )
    const stepMs = msOf(answer.step, minuteMs)
    const startMs = (answer.startTime ?? now).getTime()
    const groups: Groups = new Map()
    for (const { labels, total, points } of answer.series) {
      const lastMs = startMs + ((points.at(-1)?.step ?? -1) + 1) * stepMs
      if (points.length > 0) groups.set(JSON.stringify(labels), { labels, value: total, lastMs })
    }
    return groups
  }

  return {
    plain,
    async values(asked, windowMs, agoMs) {
      const [found, divisors] = await Promise.all([
        plain(asked, windowMs, agoMs),
        asked.dividedBy ? plain({ ...asked, ...asked.dividedBy }, windowMs, agoMs) : undefined,
      ])
      if (!divisors) return found
      const atLeast = asked.dividedBy?.atLeast ?? 0
      const shares: Groups = new Map()
      for (const [key, { labels, value, lastMs }] of divisors) {
        if (value === 0 || value < atLeast) continue
        shares.set(key, { labels, value: (found.get(key)?.value ?? 0) / value, lastMs })
      }
      return shares
    },
  }
}

/**
 * Begins with a step that is short, as spans begin with a whole one; and no whole minutes, which are known only once they are over. Of spans
 * that lie farther back there is nothing shorter.
 */
function stepOf(backMs: number) {
  if (backMs > 58 * minuteMs) return {}
  return { step: durationOf(backMs <= 14 * minuteMs ? 5000 : 10_000) }
}

async function threshold(reader: Reader, condition: ThresholdCondition): Promise<Finding[]> {
  const { query, window, comparison, value: limit, resolveValue = limit } = condition
  const asked = required(query)
  const found = await reader.values(asked, msOf(window, defaultWindowMs))
  const above = comparison === Comparison.COMPARISON_ABOVE
  const beyond = (value: number, other: number) => (above ? value > other : value < other)
  return findings(asked, found, value => ({
    seen: beyond(value, limit) ? 'holds' : beyond(value, resolveValue) ? 'between' : 'clear',
    summary: thresholdWords(asked, value, above, limit),
  }))
}

async function change(reader: Reader, condition: ChangeCondition): Promise<Finding[]> {
  const { query, window, comparison, percent, atLeast } = condition
  const asked = required(query)
  const windowMs = msOf(window, defaultWindowMs)
  const agoMs = msOf(condition.earlier, windowMs)
  const [present, earlier] = await Promise.all([reader.values(asked, windowMs), reader.values(asked, windowMs, agoMs)])
  const changes: Groups = new Map()
  for (const [key, group] of present) {
    const before = earlier.get(key)?.value ?? 0
    if (before <= 0 || before < atLeast) continue
    changes.set(key, { ...group, value: (group.value / before - 1) * 100 })
  }
  const rising = comparison === Comparison.COMPARISON_ABOVE
  return findings(asked, changes, value => ({
    seen: (rising ? value > percent : value < -percent) ? 'holds' : 'clear',
    summary: changeWords(asked, value, agoMs),
  }))
}

async function absence(reader: Reader, { query, window, known }: AbsenceCondition, now: Date): Promise<Finding[]> {
  const asked = { ...required(query), dividedBy: undefined }
  const windowMs = msOf(window, defaultWindowMs)
  const [present, before] = await Promise.all([
    reader.plain(asked, windowMs),
    reader.plain(asked, Math.max(msOf(known, defaultKnownMs), 2 * windowMs)),
  ])
  const all = new Map([...before, ...present])
  if (asked.groupBy.length === 0 && all.size === 0)
    all.set('[]', { labels: [], value: 0, lastMs: now.getTime() - windowMs })
  const ages: Groups = new Map()
  for (const [key, group] of all) {
    const ageMs = Math.max(0, now.getTime() - group.lastMs)
    // What is there may lie in a step that is not over.
    ages.set(key, { ...group, value: present.has(key) ? ageMs / 1000 : Math.max(ageMs, windowMs) / 1000 })
  }
  return findings(asked, ages, (value, key) => ({
    seen: present.has(key) ? 'clear' : 'holds',
    summary: absenceWords(asked, value),
  }))
}

async function burnRate(reader: Reader, { query, objective, windows }: BurnRateCondition): Promise<Finding[]> {
  const asked = required(query)
  const pairs = windows.length
    ? windows.map(({ long, short, factor }) => [msOf(long, 0), msOf(short, 0), factor] as const)
    : usualWindows
  const spans = new Set([...pairs.map(([long]) => long), ...pairs.map(([, short]) => short)])
  const read = new Map<number, Groups>()
  for (const span of spans) read.set(span, await reader.values(asked, span))
  const rateOf = (span: number, key: string) => {
    const share = read.get(span)?.get(key)?.value
    return share === undefined ? undefined : share / (1 - objective)
  }
  const groups: Groups = new Map()
  for (const of of read.values()) for (const [key, group] of of) groups.set(key, group)
  return [...groups].map(([key, { labels }]) => {
    // Of the pair that is nearest to what it must not reach.
    let [worst, value, spanMs] = [-1, 0, 0]
    for (const [long, short, factor] of pairs) {
      const rate = Math.min(rateOf(long, key) ?? 0, rateOf(short, key) ?? 0)
      if (rate / factor > worst) [worst, value, spanMs] = [rate / factor, rate, long]
    }
    const seen = worst >= 1 ? 'holds' : 'clear'
    return { labels: labelled(asked, labels), seen, value, summary: burnWords(asked, value, objective, spanMs) }
  })
}

function findings(
  query: AlertQuery,
  groups: Groups,
  of: (value: number, key: string) => { seen: Seen; summary: string },
): Finding[] {
  return [...groups].map(([key, { labels, value }]) => ({ labels: labelled(query, labels), value, ...of(value, key) }))
}

const labelled = ({ groupBy }: AlertQuery, values: string[]) =>
  Object.fromEntries(groupBy.map((name, index) => [name, values[index] ?? '']))

function required(query: AlertQuery | undefined): AlertQuery {
  if (!query) throw new Error('The contract requires the query.')
  return query
}
