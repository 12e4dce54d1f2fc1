/** Whether a new version fails more than the old one. Pure. */

/** What a version has answered. */
export type Tally = { requests: number; failed: number }

/**
 * Looked at again and again, so that chance has many tries: rarer than one in a thousand, and at least three failures. At the end once
 * more, when there is nothing further to wait for.
 */
const limits = {
  meanwhile: { chance: 0.001, failures: 3 },
  atTheEnd: { chance: 0.01, failures: 2 },
}
/** With very many requests the smallest difference is no chance any more, and still of no concern: as a share. */
const negligible = 0.005

/** @returns whether the newer one fails more, and that is hardly chance. Few requests, or failures of both, are no reason. */
export function isWorse(newer: Tally, older: Tally, when: keyof typeof limits): boolean {
  const { chance, failures } = limits[when]
  if (newer.failed < failures || shareOf(newer) - shareOf(older) < negligible) return false
  return chanceOf(newer, older) < chance
}

export const shareOf = ({ requests, failed }: Tally): number => (requests === 0 ? 0 : failed / requests)

/** @returns how probable so many failures of the first, or more, were if both failed alike (Fisher's exact test, one-sided). */
export function chanceOf(first: Tally, second: Tally): number {
  const requests = first.requests + second.requests
  const failed = first.failed + second.failed
  const all = logChoose(requests, first.requests)
  let chance = 0
  for (let own = first.failed; own <= Math.min(failed, first.requests); own++) {
    const others = first.requests - own
    if (others > requests - failed) continue
    chance += Math.exp(logChoose(failed, own) + logChoose(requests - failed, others) - all)
  }
  return Math.min(1, chance)
}

/** @returns the logarithm of the number of ways to take k of n. */
const logChoose = (n: number, k: number) => logFactorial(n) - logFactorial(k) - logFactorial(n - k)

/** By Stirling's series where it is exact enough. */
function logFactorial(n: number): number {
  if (n < 16) {
    let product = 1
    for (let factor = 2; factor <= n; factor++) product *= factor
    return Math.log(product)
  }
  return n * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI * n) + 1 / (12 * n) - 1 / (360 * n ** 3)
}
