/**
 * How many retries calls to a service may cause altogether: a part of the calls, and a few each second, so that those of a service that
 * is seldom called are retried as well. Without it, retries multiply the load of a service that cannot bear it already. Pure.
 */

export interface RetryBudget {
  readonly tokens: number
  readonly ms: number
}

/** Retries for each call. */
export const retryRatio = 0.2
/** Retries a second that are always possible. */
export const retriesPerSecond = 1
/** So many can be saved up. */
export const maxTokens = 10

export const fullBudget = (nowMs: number): RetryBudget => ({ tokens: maxTokens, ms: nowMs })

/** @returns the budget after a call that was no retry. */
export function afterCall({ tokens, ms }: RetryBudget, nowMs: number): RetryBudget {
  const earned = retryRatio + (Math.max(0, nowMs - ms) / 1000) * retriesPerSecond
  return { tokens: Math.min(maxTokens, tokens + earned), ms: nowMs }
}

/** @returns the budget after a retry; undefined when it does not suffice for one. */
export function afterRetry({ tokens, ms }: RetryBudget): RetryBudget | undefined {
  return tokens >= 1 ? { tokens: tokens - 1, ms } : undefined
}
