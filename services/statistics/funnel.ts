/** How far subjects come on a way of several steps. Pure. */

/** What a subject did, in the order of time. */
export interface Done {
  event: string
  /** Epoch ms. */
  at: number
}

interface Way {
  /** When each step was taken, epoch ms. */
  times: number[]
}

/**
 * @param untilMs until when the first step may be taken, epoch ms.
 * @returns how long each step took that the subject came to, the first with 0. The way counts that began last, as it has most time left.
 */
export function wayOf(done: readonly Done[], steps: readonly string[], withinMs: number, untilMs: number): number[] {
  /** For each step, the way that came to it. */
  const ways: (Way | undefined)[] = steps.map(() => undefined)
  const first: (Way | undefined)[] = steps.map(() => undefined)
  for (const { event, at } of done) {
    // From the last step on, so that what was done once is one step.
    for (let step = steps.length - 1; step >= 0; step--) {
      if (steps[step] !== event) continue
      const before = step === 0 ? { times: [] } : ways[step - 1]
      if (!before || (step === 0 && at > untilMs) || at - (before.times[0] ?? at) > withinMs) continue
      const way = { times: [...before.times, at] }
      ways[step] = way
      first[step] ??= way
    }
  }
  return first.flatMap((way, step) =>
    way ? [(way.times[step] ?? 0) - (way.times[step - 1] ?? way.times[step] ?? 0)] : [],
  )
}

/** Many subjects together. */
export function createFunnel(steps: number) {
  const took: number[][] = Array.from({ length: steps }, () => [])
  return {
    add(way: readonly number[]) {
      for (const [step, ms] of way.entries()) took[step]?.push(ms)
    },
    /** @returns for each step how many came to it, and the median of what that took, ms. */
    steps: () =>
      took.map(each => ({ subjects: each.length, medianMs: each.sort((a, b) => a - b)[(each.length - 1) >> 1] ?? 0 })),
  }
}
