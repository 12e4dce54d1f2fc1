/**
 * What our clients cost, and what the retry budget does to a service that struggles: `npm run bench -- clients`. README.md has the
 * figures.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { createTestAuthority } from '@site11/runtime/test-identity.ts'
import { closedLoop } from '../load/loops.ts'
import { spreadOf } from '../stats.ts'
import type { Command, Report } from './server.ts'
import { bare, ours, resolved, type Variant, withRetries, withThrottling } from './variants.ts'

const concurrency = 32
/** Calls a second, and workers of the service before and after the dip, and in it. */
const rate = 250
const [many, few] = [4, 1]
const say = (text: string) => process.stdout.write(`${text}\n`)
const outcomeOf = (call: Promise<unknown>) => call.then(() => undefined, String)

async function startServer(): Promise<{ address: string; tlsAddress: string; child: ChildProcess }> {
  const child = fork(join(import.meta.dirname, 'server.ts'))
  const [report] = (await once(child, 'message')) as [Report]
  if (!('port' in report)) throw new Error('The server did not say its port.')
  return { address: `127.0.0.1:${report.port}`, tlsAddress: `127.0.0.1:${report.tlsPort}`, child }
}

/** @returns of this process, for a call: CPU with many under way, us; and how long one alone takes, the 50th and 99th of a hundred, ms. */
async function costOf({ call }: Variant): Promise<Cost> {
  let before = process.cpuUsage()
  let used = before
  const timing = (warmMs: number, measureMs: number) => ({
    warmMs,
    measureMs,
    begin() {
      before = process.cpuUsage()
    },
    end() {
      used = process.cpuUsage(before)
    },
  })
  const send = () => outcomeOf(call())
  const alone = await closedLoop(send, 1, timing(100, 500))
  const many = await closedLoop(send, concurrency, timing(200, 1000))
  for (const { failures } of [alone, many])
    if (Object.keys(failures).length > 0) throw new Error(`Calls failed: ${JSON.stringify(failures)}`)
  return { us: (used.user + used.system) / many.count, p50Ms: alone.p50Ms, p99Ms: alone.p99Ms }
}

interface Cost {
  us: number
  p50Ms: number
  p99Ms: number
}

async function compareCosts(rounds: number) {
  const { address, tlsAddress, child } = await startServer()
  const authority = createTestAuthority()
  const { certificateChain: chain, privateKey } = authority.certificate({ service: 'users', instance: 'users-1' })
  child.send({ identity: { chain, privateKey, trust: authority.bundle } } satisfies Command)
  const identity = authority.identity({ service: 'console', instance: 'console-1' })
  const variants = [
    bare('grpc-js', address),
    bare('with a token', address, { hasToken: true }),
    resolved('with the resolver', address),
    bare('with mTLS', tlsAddress, { identity }),
    resolved('with all three', tlsAddress, { identity, hasToken: true }),
    ours('ours without TLS', address),
    ours('ours', tlsAddress, identity),
  ]
  const costs = variants.map((): Cost[] => [])
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < variants.length; turn++) {
      const index = (turn + round) % variants.length
      costs[index]?.push(await costOf(variants[index] as Variant))
    }
  }
  say(`Medians of ${rounds} rounds (lowest-highest); x: of grpc-js in the same round`)
  say(`  ${''.padEnd(20)} ${'client CPU a call, us'.padEnd(30)} ${'one alone, p50 ms'.padEnd(30)} p99 ms`)
  for (const [index, { name }] of variants.entries()) {
    const column = (key: keyof Cost, digits: number) => {
      const own = (costs[index] ?? []).map(cost => cost[key])
      const { median, min, max } = spreadOf(own)
      const ratio = spreadOf(own.map((cost, round) => cost / (costs[0]?.[round]?.[key] ?? cost))).median
      const spread = `${median.toFixed(digits)} (${min.toFixed(digits)}-${max.toFixed(digits)})`
      return `${spread.padEnd(20)} x ${ratio.toFixed(2)}`.padEnd(30)
    }
    say(`  ${name.padEnd(20)} ${column('us', 0)} ${column('p50Ms', 2)} ${column('p99Ms', 2)}`.trimEnd())
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

const help = `npm run bench -- clients [options]

  --only costs,retries   what our clients cost beside grpc-js as it is; what retries do to a service that struggles
  --rounds 7             costs: how often each is measured
  --help`

/** @returns the exit code. */
export async function benchClients(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string', default: 'costs,retries' },
      rounds: { type: 'string', default: '7' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    say(help)
    return 0
  }
  const only = values.only.split(',')
  const unknown = only.filter(name => name !== 'costs' && name !== 'retries')
  if (unknown.length > 0) throw new Error(`--only: there is no ${unknown.join(', ')}, but costs, retries.`)
  const rounds = Number(values.rounds)
  if (!(Number.isInteger(rounds) && rounds > 0 && rounds <= 1000))
    throw new Error(`--rounds must be a whole number from 1 to 1000, not ${values.rounds}.`)
  say(
    `${cpus().length} x ${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}`,
  )
  if (only.includes('costs')) await compareCosts(rounds)
  if (only.includes('retries')) await compareRetries()
  return 0
}
