/**
 * What our clients cost, and what the retry budget does to a service that struggles: `node mesh/bootstrap.mjs bench/clients/main.ts`.
 * README.md has the figures.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { closedLoop } from '../load/loops.ts'
import { spreadOf } from '../stats.ts'
import type { Command, Report } from './server.ts'
import { bare, ours, resolved, type Variant, withRetries, withThrottling } from './variants.ts'

const rounds = 7
const concurrency = 32
/** Calls a second, and workers of the service before and after the dip, and in it. */
const rate = 250
const [many, few] = [4, 1]
const say = (text: string) => process.stdout.write(`${text}\n`)
const outcomeOf = (call: Promise<unknown>) => call.then(() => undefined, String)

async function startServer(): Promise<{ address: string; child: ChildProcess }> {
  const child = fork(join(import.meta.dirname, 'server.ts'))
  const [report] = (await once(child, 'message')) as [Report]
  if (!('port' in report)) throw new Error('The server did not say its port.')
  return { address: `127.0.0.1:${report.port}`, child }
}

/** @returns CPU of this process for a call, us. */
async function costOf({ call }: Variant): Promise<number> {
  let before = process.cpuUsage()
  let used = before
  const timing = {
    warmMs: 300,
    measureMs: 1500,
    begin() {
      before = process.cpuUsage()
    },
    end() {
      used = process.cpuUsage(before)
    },
  }
  const { count, failures } = await closedLoop(() => outcomeOf(call()), concurrency, timing)
  if (Object.keys(failures).length > 0) throw new Error(`Calls failed: ${JSON.stringify(failures)}`)
  return (used.user + used.system) / count
}

async function compareCosts() {
  const { address, child } = await startServer()
  const variants = [
    bare('grpc-js', address),
    bare('with a token', address, {}, true),
    resolved('with the resolver', address),
    ours('ours', address),
  ]
  const costs = variants.map((): number[] => [])
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < variants.length; turn++) {
      const index = (turn + round) % variants.length
      costs[index]?.push(await costOf(variants[index] as Variant))
    }
  }
  say(`CPU of the client, us a call at ${concurrency} under way; medians of ${rounds} rounds (lowest-highest)`)
  for (const [index, { name }] of variants.entries()) {
    const { median, min, max } = spreadOf(costs[index] ?? [])
    const ratio = spreadOf((costs[index] ?? []).map((cost, round) => cost / (costs[0]?.[round] ?? cost))).median
    say(
      `  ${name.padEnd(20)} ${median.toFixed(0).padStart(5)} (${min.toFixed(0)}-${max.toFixed(0)})  x ${ratio.toFixed(2)}`,
    )
  }
  for (const { close } of variants) close()
  child.disconnect()
}

/** Calls at a rate for so long. @returns calls a second, attempts that the service saw, right answers; and when the last failed, s. */
async function phase({ call }: Variant, child: ChildProcess, workers: number, seconds: number) {
  const tell = (command: Command) => child.send(command)
  const attempts = async () => {
    tell({ count: true })
    const [report] = (await once(child, 'message')) as [Report]
    return 'attempts' in report ? report.attempts : 0
  }
  tell({ workers })
  const before = await attempts()
  let [calls, right, lastFailure] = [0, 0, 0]
  const began = performance.now()
  while (performance.now() - began < seconds * 1000) {
    for (; calls < ((performance.now() - began) / 1000) * rate; calls++) {
      const sent = (performance.now() - began) / 1000
      void outcomeOf(call()).then(problem => {
        if (problem) lastFailure = Math.max(lastFailure, sent)
        else right++
      })
    }
    await delay(5)
  }
  const seen = (await attempts()) - before
  const perSecond = (count: number) => String(Math.round(count / seconds)).padStart(5)
  return { text: `${perSecond(calls)}${perSecond(seen)}${perSecond(right)}`, lastFailure }
}

async function compareRetries() {
  say(`\nA service with ${many} workers, for 4 s only ${few}: calls, attempts and right answers a second`)
  say(
    `  ${''.padEnd(28)}${['before', 'in the dip', 'after it', 'last failure after'].map(each => each.padEnd(18)).join('')}`,
  )
  const kinds: [string, (address: string) => Variant][] = [
    ['no retries', address => bare('none', address)],
    ['grpc-js, 3 attempts', address => bare('all', address, withRetries)],
    ['grpc-js, 3, its throttling', address => bare('throttled', address, withThrottling)],
    ['ours, budget and breaker', address => ours('struggling', address)],
  ]
  for (const [name, make] of kinds) {
    const { address, child } = await startServer()
    const variant = make(address)
    const parts: Awaited<ReturnType<typeof phase>>[] = []
    for (const [workers, seconds] of [
      [many, 3],
      [few, 4],
      [many, 6],
    ] as const) {
      parts.push(await phase(variant, child, workers, seconds))
    }
    say(`  ${name.padEnd(28)}${parts.map(({ text }) => text.padEnd(18)).join('')}${parts[2]?.lastFailure.toFixed(1)} s`)
    variant.close()
    child.disconnect()
  }
}

if (process.argv[2] !== 'retries') await compareCosts()
await compareRetries()
