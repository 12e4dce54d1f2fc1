/** Work that follows changes: soon after each, and not too often, so that many changes are followed together. */

export interface Follower {
  /** Does it soon, unless that is on its way already. */
  soon(): void
  now(): void
  close(): void
}

/** @param everyMs the least time from one beginning to the next. */
export function createFollower(work: () => void, everyMs: number): Follower {
  let waiting: NodeJS.Timeout | undefined
  let beganMs = Number.NEGATIVE_INFINITY
  const now = () => {
    waiting = undefined
    beganMs = performance.now()
    work()
  }
  return {
    now,
    soon() {
      waiting ??= setTimeout(now, Math.max(0, beganMs + everyMs - performance.now()))
    },
    close: () => clearTimeout(waiting),
  }
}
