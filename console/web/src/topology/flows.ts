/** What the traffic itself says: who calls whom, how often, how well, within the last minute. Pure. */
import { figuresOf, type Signals } from '../signals/signals.ts'

/** How one calls another. */
export interface Flow {
  caller: string
  service: string
  /** Requests a second. */
  rate: number
  /** The share of requests that failed by the fault of the service, 0 to 1. */
  errors: number
  /** What 95 of 100 took at most in the worst step, in ms; undefined when only streams ended. */
  p95Ms: number | undefined
}

/** @param signals of callers and services. @returns who calls whom, by the name of both. */
export function flowsOf(signals: Signals): Flow[] {
  return [...signals.series.keys()].map(key => {
    const [caller = '', service = ''] = key.split(' ')
    const { rate, errors = 0, p95 } = figuresOf(signals, key)
    return { caller, service, rate, errors, p95Ms: p95 }
  })
}
