/** A process of the bench that does what its parent asks, and tells it what happens. */
import { fork } from 'node:child_process'
import { monitorEventLoopDelay } from 'node:perf_hooks'

/** What a child can be asked, by name; arguments and results are JSON. */
type Handlers = Record<string, (argument: never) => unknown>

type Question = { id: number; name: string; argument: unknown }
type Answer = { id: number; result?: unknown; error?: string }

/** For the child: answers its parent, until that is gone. @returns what tells the parent an event. */
export function answerParent(handlers: Handlers): (event: unknown) => void {
  const tell = (message: Answer | { event: unknown }) => void process.send?.(message)
  process.on('message', async ({ id, name, argument }: Question) => {
    try {
      tell({ id, result: await handlers[name]?.(argument as never) })
    } catch (error) {
      tell({ id, error: error instanceof Error ? error.message : String(error) })
    }
  })
  process.on('disconnect', () => process.exit())
  // The parent ends its children in its own time.
  process.on('SIGINT', () => {})
  return event => tell({ event })
}

export interface Child<H extends Handlers> {
  ask<K extends keyof H & string>(name: K, argument: Parameters<H[K]>[0]): Promise<Awaited<ReturnType<H[K]>>>
  stop(): void
}

/** For the parent: starts a child. What is asked of one that has ended is rejected. */
export function startChild<H extends Handlers>(file: string, onEvent: (event: never) => void): Child<H> {
  const child = fork(file, { execArgv: ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=32'] })
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  let lastId = 0
  let ended: Error | undefined
  child.on('message', (message: Answer | { event: unknown }) => {
    if ('event' in message) return onEvent(message.event as never)
    const { resolve, reject } = waiting.get(message.id) ?? {}
    waiting.delete(message.id)
    if (message.error === undefined) resolve?.(message.result)
    else reject?.(new Error(message.error))
  })
  child.on('exit', code => {
    ended = new Error(`${file} has ended with code ${code}.`)
    for (const { reject } of waiting.values()) reject(ended)
  })
  return {
    ask: (name, argument) =>
      new Promise((resolve, reject) => {
        if (ended) return reject(ended)
        waiting.set(++lastId, { resolve: resolve as (value: unknown) => void, reject })
        child.send({ id: lastId, name, argument } satisfies Question)
      }),
    stop: () => void child.kill(),
  }
}

/** @returns a function that gives how long the event loop of this process was late at most and at p99 since it was asked last. ms. */
export function watchLateness(): () => { p99Ms: number; maxMs: number } {
  const resolutionMs = 10
  const delays = monitorEventLoopDelay({ resolution: resolutionMs })
  delays.enable()
  return () => {
    const late = (ns: number) => Math.max(0, ns / 1e6 - resolutionMs)
    const found = { p99Ms: late(delays.percentile(99)), maxMs: late(delays.max) }
    delays.reset()
    return found
  }
}
