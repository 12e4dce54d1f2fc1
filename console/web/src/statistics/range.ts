/** Spans of time, as they are chosen and as they are asked for: pure. All times in epoch ms. */
const hour = 3_600_000
const day = 24 * hour

export const ranges = {
  '15m': 900_000,
  '1h': hour,
  '6h': 6 * hour,
  '24h': day,
  '7d': 7 * day,
  '30d': 30 * day,
  '90d': 90 * day,
  '1y': 365 * day,
} as const
export type RangeName = keyof typeof ranges
export const rangeNames = Object.keys(ranges) as RangeName[]
export const defaultRange: RangeName = '1h'

/** How much earlier the span is that one compares with; `before` is the span right before. */
export const comparisons = { before: 0, '1d': day, '7d': 7 * day, '30d': 30 * day } as const
export type ComparisonName = keyof typeof comparisons
export const comparisonNames = Object.keys(comparisons) as ComparisonName[]

/** The last so many hours, or, with `from` and `to`, these and no others. */
export interface SpanChoice {
  range: RangeName
  from?: number | undefined
  to?: number | undefined
}

export interface Span {
  start: number
  end: number
}

export const isFixed = (choice: SpanChoice): choice is SpanChoice & { from: number; to: number } =>
  choice.from !== undefined && choice.to !== undefined

export const lengthOf = (choice: SpanChoice): number =>
  isFixed(choice) ? choice.to - choice.from : ranges[choice.range]

export const spanOf = (choice: SpanChoice, now: number): Span =>
  isFixed(choice) ? { start: choice.from, end: choice.to } : { start: now - ranges[choice.range], end: now }

export const comparisonMs = (name: ComparisonName, choice: SpanChoice): number =>
  name === 'before' ? lengthOf(choice) : comparisons[name]

/** Lengths of steps that people name, s. */
export const steps = [10, 60, 300, 900, 3600, 21_600, 86_400, 604_800] as const
const mostSteps = 1500

/** @returns the steps that make a chart of a span: two at the least, and no more than may be asked for. */
export const stepsFor = (choice: SpanChoice): number[] =>
  steps.filter(step => lengthOf(choice) / (step * 1000) <= mostSteps && lengthOf(choice) / (step * 1000) >= 2)

/**
 * @returns a step for queries that share one chart, which must have steps alike, s: at least a minute, as that is what every metric is
 * kept in.
 */
export function sharedStep(choice: SpanChoice): number {
  // A span that is a moment longer than a round one has its steps.
  const wanted = lengthOf(choice) / 1000 / 121
  return [60, 300, 600, 1800, 3600, 10_800, 21_600, 43_200, 86_400, 604_800].find(step => step >= wanted) ?? 604_800
}

/** @returns how long until the next step is over and can be asked for, ms. */
export function untilNextStep(stepMs: number, now: number): number {
  const period = Math.min(Math.max(stepMs, 5_000), 300_000)
  // A moment for what is under way when the step ends.
  return period - (now % period) + 800
}

/** @returns the span about a point, half or twice as long. */
export function zoomed({ start, end }: Span, at: number, factor: number, now: number): Span {
  const length = Math.max((end - start) * factor, 60_000)
  const share = (at - start) / (end - start)
  const from = at - length * share
  const to = Math.min(from + length, now)
  return { start: Math.round(from), end: Math.round(Math.max(to, from + 60_000)) }
}
