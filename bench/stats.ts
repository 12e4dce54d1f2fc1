/** The few statistics of the bench. */

/** @returns the value below which the part `q` (0 to 1) of the values lies, nearest rank. `sorted` is ascending; 0 when empty. */
export function quantile(sorted: ArrayLike<number>, q: number): number {
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? 0
}

/** A measure over the rounds. */
export interface Spread {
  median: number
  min: number
  max: number
}

/** @returns median and range of the rounds. The median of an even number is the mean of the two in the middle. */
export function spreadOf(values: number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = ((sorted[(sorted.length - 1) >> 1] ?? 0) + (sorted[sorted.length >> 1] ?? 0)) / 2
  return { median: middle, min: sorted[0] ?? 0, max: sorted.at(-1) ?? 0 }
}
