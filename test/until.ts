import { setTimeout as delay } from 'node:timers/promises'

/**
 * Waits for a condition, asking again every 100 ms.
 * @returns what `condition` gave once that is neither false nor undefined.
 * @throws Error naming `what` and the last reason, after `timeoutMs`.
 */
export async function until<T>(
  what: string,
  condition: () => Promise<T> | T,
  timeoutMs = 30_000,
): Promise<Exclude<T, false | undefined>> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    let reason: unknown
    try {
      const value = await condition()
      if (value !== false && value !== undefined) return value as Exclude<T, false | undefined>
      reason = 'not yet'
    } catch (error) {
      reason = error
    }
    if (Date.now() > deadline) throw new Error(`${what}: not within ${timeoutMs / 1000} s (${reason})`)
    await delay(100)
  }
}
