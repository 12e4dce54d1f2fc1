/**
 * The metrics of the whole mesh as one page: every instance is asked over the stream that it is attached by, every proxy of this machine
 * over its admin port. What does not answer in time is shown as `site11_up 0`, and nothing of it that is older.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import type { Log } from '@site11/runtime/log.ts'
import { labelText } from '@site11/runtime/telemetry/exposition.ts'
import { counter } from '@site11/runtime/telemetry/metrics.ts'
import type { Instance } from '../registry/model.ts'
import { familiesOf, mergePages } from './pages.ts'

export interface CollectOptions {
  instances(): Iterable<Pick<Instance, 'service' | 'instance' | 'version'>>
  /** Asks an instance for its page. @returns false when it has no stream. */
  ask(instance: string, number: number): boolean
  /** The pages of proxies, by their names. */
  proxies(): ReadonlyMap<string, () => Promise<string>>
  /** The page of the Console itself. */
  own: { page(): string; instance: string; version: string }
  log: Log
}

export interface Collector {
  /** Takes what an instance has answered. */
  received(instance: string, number: number, page: Buffer): void
  /** The page of the mesh, as of now. */
  page(): Promise<string>
}

/** How many are asked at a time, how long each may take, and all together. ms. */
const atOnce = 32
const answerMs = 2000
const allMs = 8000
/** Of a page, unpacked. */
const mostBytes = 8 * 1024 * 1024

const failures = counter({
  name: 'site11.metrics.failures',
  description: 'Pages of metrics that were not answered, or could not be read',
  unit: '{page}',
  labels: ['of'],
})

interface Target {
  service: string
  instance: string
  version: string
  read(): Promise<string>
}

export function createCollector({ instances, ask, proxies, own, log }: CollectOptions): Collector {
  const asked = new Map<string, { number: number; resolve(page: Buffer): void }>()
  let number = 0
  let underway: Promise<string> | undefined

  async function readInstance(instance: string): Promise<string> {
    const mine = ++number
    const { promise, resolve } = Promise.withResolvers<Buffer>()
    asked.set(instance, { number: mine, resolve })
    try {
      if (!ask(instance, mine)) throw new Error('it is not attached')
      const page = await promise
      return String(await promisify(gunzip)(page, { maxOutputLength: mostBytes }))
    } finally {
      if (asked.get(instance)?.number === mine) asked.delete(instance)
    }
  }

  async function collect(): Promise<string> {
    const ending = AbortSignal.timeout(allMs)
    const targets: Target[] = [
      ...[...instances()].map(({ service, instance, version }) => ({
        service,
        instance,
        version,
        read: () => readInstance(instance),
      })),
      ...[...proxies()].map(([instance, read]) => ({ service: 'envoy', instance, version: '', read })),
    ]
    const pages = new Map<Target, ReturnType<typeof familiesOf>>()
    const waiting = targets.values()
    const work = async () => {
      for (const target of waiting) {
        try {
          if (ending.aborted) throw new Error('others took too long')
          pages.set(target, familiesOf(await withinAnswer(target.read())))
        } catch (error) {
          failures.add(1, target.instance)
          log.debug({ instance: target.instance, reason: String(error) }, 'metrics could not be read')
        }
      }
    }
    await Promise.all(Array.from({ length: atOnce }, work))
    const up = [
      '# HELP site11_up Whether the process has answered with its metrics.',
      '# TYPE site11_up gauge',
      upLine({ service: 'console', instance: own.instance, version: own.version }, true),
      ...targets.map(target => upLine(target, pages.has(target))),
    ].join('\n')
    // The Console's own last, which counts the failures.
    return mergePages([...targets.flatMap(target => pages.get(target) ?? []), familiesOf(own.page()), familiesOf(up)])
  }

  return {
    received(instance, number, page) {
      const question = asked.get(instance)
      // What was asked before, and is answered too late, is of no use.
      if (question?.number === number) question.resolve(page)
    },
    page() {
      underway ??= collect().finally(() => {
        underway = undefined
      })
      return underway
    },
  }
}

const upLine = ({ service, instance, version }: Omit<Target, 'read'>, isUp: boolean) =>
  `site11_up${labelText({ service, instance, version })} ${isUp ? 1 : 0}`

async function withinAnswer(page: Promise<string>): Promise<string> {
  const ending = new AbortController()
  const late = wait(answerMs, undefined, { signal: ending.signal }).then(() => {
    throw new Error('no answer in time')
  })
  try {
    return await Promise.race([page, late])
  } finally {
    ending.abort()
    late.catch(() => {})
    page.catch(() => {})
  }
}
