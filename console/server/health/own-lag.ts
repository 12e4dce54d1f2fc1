/** How late this process itself is: whoever was kept from listening must not take others for silent. */

export interface OwnLag {
  /** Whether this process did nothing for a while at some time since then. @param sinceMs as of performance.now(). */
  wasLate(sinceMs: number): boolean
  close(): void
}

const tickMs = 100
/** So much later than meant is late. ms. */
const lateMs = 500

export function watchOwnLag(): OwnLag {
  let tickedMs = performance.now()
  let lastLateMs = Number.NEGATIVE_INFINITY
  const timer = setInterval(() => {
    const now = performance.now()
    if (now - tickedMs > tickMs + lateMs) lastLateMs = now
    tickedMs = now
  }, tickMs).unref()
  return {
    wasLate: sinceMs => lastLateMs >= sinceMs || performance.now() - tickedMs > tickMs + lateMs,
    close: () => clearInterval(timer),
  }
}
