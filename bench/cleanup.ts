/** Takes what stops something that was started. */
export type Started = (stop: () => unknown) => void

/** Does something; what it has started is stopped afterwards, the last first, however it ended: with a result, an error, or a signal. */
export async function stoppingAll<T>(act: (started: Started) => Promise<T>): Promise<T> {
  const stops: (() => unknown)[] = []
  let stopped: Promise<void> | undefined
  const stopAll = () => {
    stopped ??= (async () => {
      for (const stop of stops.reverse()) await stop()
    })()
    return stopped
  }
  const interrupted = () => void stopAll().finally(() => process.exit(130))
  const signals = ['SIGINT', 'SIGTERM'] as const
  for (const signal of signals) process.once(signal, interrupted)
  try {
    return await act(stop => stops.push(stop))
  } finally {
    await stopAll()
    for (const signal of signals) process.off(signal, interrupted)
  }
}
