/** Which steps answer a question, and from what is kept they are put together. Pure. */
import { status } from '@grpc/grpc-js'
import { invalidArgument, ServiceError } from '@site11/runtime/errors.ts'
import { coarseS, fineS, historyS } from './history.ts'
import { type Level, levels } from './rollup-store.ts'

export interface Span {
  /** Epoch s: where the first step begins and the last one ends. */
  start: number
  end: number
  stepS: number
}

export interface Wanted {
  /** Epoch s. */
  start: number
  end: number
  stepS: number | undefined
  /** How much earlier the other span is that is asked for as well; 0 for none. s. */
  compareS: number
  /** Whether single seconds of the last hour are in memory. */
  isInMemory: boolean
}

const maxSteps = 1500
/** About so many steps where nobody says how long they are. */
const usualSteps = 120
const niceSteps = [1, 10, 30, 60, 300, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86_400, 7 * 86_400, 30 * 86_400]

/**
 * @returns the span in whole steps: these are as long as was asked, or as long as what is kept of that age.
 * @throws ServiceError INVALID_FIELD, TOO_MANY_STEPS.
 */
export function planSpan({ start, end, stepS, compareS, isInMemory }: Wanted, nowS: number): Span {
  if (end <= start) throw badField('end_time', 'It ends before it begins: end_time must be after start_time.')
  const finest = finestOf(nowS - start + compareS, isInMemory)
  // One more, as a span whose ends lie within steps touches one more: it is not to get other steps for that.
  const wanted = stepS ?? nice((end - start) / (usualSteps + 1))
  const step = Math.ceil(Math.max(1, wanted) / finest) * finest
  const span = { start: Math.floor(start / step) * step, end: Math.ceil(end / step) * step, stepS: step }
  const steps = (span.end - span.start) / step
  if (steps <= maxSteps) return span
  const fits = Math.ceil(nice((end - start) / (maxSteps - 2)) / finest) * finest
  const message = `That would be ${steps} steps of ${step} s, and ${maxSteps} is the most. Ask for a step of ${fits} s or more, or for a shorter span.`
  throw new ServiceError(status.INVALID_ARGUMENT, message, {
    reason: 'TOO_MANY_STEPS',
    metadata: { steps: String(steps), max_steps: String(maxSteps), step_seconds: String(fits) },
    violations: [{ field: 'step', description: message }],
  })
}

export const badField = (field: string, description: string) =>
  invalidArgument('INVALID_FIELD', description, [{ field, description }])

const nice = (stepS: number) => niceSteps.find(each => each >= stepS) ?? Math.ceil(stepS / 86_400) * 86_400

/** @returns the shortest step that all of that age is kept in. s. */
function finestOf(ageS: number, isInMemory: boolean): number {
  if (isInMemory && ageS <= fineS) return 1
  if (isInMemory && ageS <= historyS) return coarseS
  // With room for the step that the span begins in.
  if (ageS <= levels.minutes.keptS - levels.hours.length) return 60
  return ageS <= levels.hours.keptS - levels.days.length ? 3600 : 86_400
}

export interface Part {
  level: Level
  /** Epoch s. */
  from: number
  to: number
}

/** An hour or a day is made soon after it is over; until then it is put together from its parts. s. */
const makingS = 600

/** @returns from which rollups a span is read, in order of time. */
export function partsOf({ start, end, stepS }: Span, nowS: number): Part[] {
  const overAt = (length: number) => Math.floor((nowS - makingS) / length) * length
  const from = (level: Level) => (stepS % levels[level].length === 0 ? overAt(levels[level].length) : start)
  const days = Math.min(end, Math.max(start, from('days')))
  const hours = Math.min(end, Math.max(days, from('hours')))
  const parts: Part[] = [
    { level: 'days', from: start, to: days },
    { level: 'hours', from: days, to: hours },
    { level: 'minutes', from: hours, to: end },
  ]
  return parts.filter(part => part.from < part.to)
}
