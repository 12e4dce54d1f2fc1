/** Who comes back. Pure. */

const dayMs = 86_400_000
/** Weeks begin on Mondays: the first one of them on 5 January 1970. */
const weekOffsetMs = 4 * dayMs

/** @param periodMs a day or a week. @returns the number of the period that a time is in. */
export const periodAt = (ms: number, periodMs: number): number => Math.floor((ms - offsetOf(periodMs)) / periodMs)
export const periodStart = (period: number, periodMs: number): number => period * periodMs + offsetOf(periodMs)
export const offsetOf = (periodMs: number): number => (periodMs === dayMs ? 0 : weekOffsetMs)

/**
 * @param visits for each subject the periods in which it was there, in any order.
 * @returns for each period from `first` to `last`: how many came first in it, and how many of these were there in the next ones.
 */
export function cohortsOf(visits: Iterable<readonly number[]>, first: number, last: number): number[][] {
  const cohorts = Array.from({ length: last - first + 1 }, (_, index) =>
    new Array<number>(last - first - index + 1).fill(0),
  )
  for (const periods of visits) {
    const began = Math.min(...periods)
    const cohort = cohorts[began - first]
    if (!cohort) continue
    for (const period of new Set(periods)) {
      const after = period - began
      if (after < cohort.length) cohort[after] = (cohort[after] ?? 0) + 1
    }
  }
  return cohorts
}
