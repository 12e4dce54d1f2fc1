/** A thousand simulated instances and ten simulated proxies before one Console. */
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Started } from '../cleanup.ts'
import { residentMiB } from '../process-usage.ts'
import { differencesOf, untilAgreed } from './agreement.ts'
import { type Changes, type Member, makeChanges, type Way } from './changes.ts'
import { startChild } from './child.ts'
import type { BareConsole } from './console.ts'
import { connectConsole } from './console-api.ts'
import type { Variant } from './envoy-api.ts'
import type { InstanceHandlers } from './instances-process.ts'
import { type Latencies, latenciesOf } from './latencies.ts'
import type { ProxyHandlers, Turn } from './proxies-process.ts'
import { type Restart, restarting } from './restart.ts'
import { measured, type Simulation, type Traffic } from './simulation.ts'
import { createTracker } from './tracker.ts'
import { measureUsage, type Usage } from './usage.ts'

export interface ManyOptions {
  instances: number
  services: number
  proxies: number
  changesPerSecond: number
  seconds: number
  variants: Variant[]
  flapping: boolean
  restart: boolean
  say(text: string): void
}

export interface Run {
  what: string
  usage: Usage
  traffic: Traffic
  changes: Changes
  /** By kind, and of all: until each proxy that answers at once has the change. */
  prompt: Record<string, Latencies>
  /** Until the slow proxy has it, of all kinds. */
  slow: Latencies
  /** How many responses the proxy that never answers was sent in all; absent where there is none. */
  stuckResponses?: number
  /** What proxies and peers have at the end that the registry has not, or the other way round. Empty when nothing was lost. */
  differences: string[]
  /** Changes of the flapping half that one proxy was sent, a second. */
  flapsSent?: number
}

export interface ManyReport {
  instances: number
  services: number
  proxies: number
  startMiB: number
  ramp: { seconds: number; untilAllServeSeconds: number; cpuShare: number; peakMiB: number }
  idle: { usage: Usage; traffic: Traffic }
  runs: Run[]
  restart?: Restart
}

const rampPerSecond = 100
const idleSeconds = 15
/** Of the instances, those whose health changes in the mix: apart, as an instance that falls often is slower to be believed. */
const failingShare = 0.6
const quietChangesPerSecond = 10

/** @param started is handed what must be stopped in any case. */
export async function measureMany(console: BareConsole, options: ManyOptions, started: Started): Promise<ManyReport> {
  const { instances: count, services, proxies: proxyCount, variants, say } = options
  const tracker = createTracker(proxyCount)
  started(tracker.close)
  const onTurns = [tracker.take]
  const instances = startChild<InstanceHandlers>(join(import.meta.dirname, 'instances-process.ts'), () => {})
  started(instances.stop)
  const proxies = startChild<ProxyHandlers>(join(import.meta.dirname, 'proxies-process.ts'), (turns: Turn[]) => {
    for (const take of onTurns) take(turns)
  })
  started(proxies.stop)
  const api = connectConsole(console)
  started(api.close)
  const simulation: Simulation = { console, api, instances, proxies, tracker, onTurns }
  const { grpc, joinToken, trust } = console

  await delay(2000)
  const startMiB = residentMiB(console.pid())
  const [first = 'sotw'] = variants
  await proxies.ask('start', { console: grpc, joinToken, trust, count: proxyCount, variant: first })
  say(`attaching ${count} instances, ${rampPerSecond} a second`)
  const attach = { console: grpc, joinToken, trust, instances: count, services, perSecond: rampPerSecond }
  const attached = await measureUsage(console, async () => {
    const { ports, tookMs } = await instances.ask('start', attach)
    return { ports, tookMs, agreedMs: await untilAgreed(simulation, 60_000, count) }
  })
  const { ports, tookMs, agreedMs } = attached.result
  const { cpuShare, peakMiB } = attached.usage
  const members = ports.map(([name, port]) => ({ name, port }))
  const ramp = { seconds: tookMs / 1000, untilAllServeSeconds: (tookMs + agreedMs) / 1000, cpuShare, peakMiB }

  say(`idle for ${idleSeconds} s`)
  await delay(3000)
  const idle = await measured(simulation, () => delay(idleSeconds * 1000))

  const runs: Run[] = []
  const ways = waysOf(simulation, members)
  for (const variant of variants) {
    if (variant !== first) {
      await proxies.ask('stop', undefined)
      await proxies.ask('start', { console: grpc, joinToken, trust, count: proxyCount, variant })
      await untilAgreed(simulation, 10_000)
    }
    say(`${options.changesPerSecond} changes a second for ${options.seconds} s, ${variant}`)
    runs.push(await changing(simulation, ways, options, variant))
  }
  if (options.flapping) {
    say(`half of the instances flap for ${options.seconds} s`)
    runs.push(await flapping(simulation, members, ways, options))
  }
  const report = { instances: count, services, proxies: proxyCount, startMiB, ramp, idle, runs }
  if (!options.restart) return report
  say('killing the Console')
  return { ...report, restart: await restarting(simulation, count) }
}

type Ways = ReturnType<typeof waysOf>

/** The instances are taken in turn, so that each is left alone as long as can be. */
function waysOf({ api, instances }: Simulation, members: Member[]) {
  const failing = Math.floor(members.length * failingShare)
  const others = members.slice(failing)
  const setServing = (serving: boolean) => (name: string) => instances.ask('setServing', { name, serving })
  const operator: Way = {
    out: 'drain',
    back: 'resume',
    share: 0.5,
    members: others,
    goOut: api.drain,
    comeBack: api.resume,
  }
  const life: Way = {
    ...{ out: 'leave', back: 'come', share: 0.3, members: others },
    goOut: name => instances.ask('leave', name),
    comeBack: name => instances.ask('come', name),
  }
  const sickness: Way = {
    ...{ out: 'fail', back: 'recover', share: 0.2, members: members.slice(0, failing) },
    goOut: setServing(false),
    comeBack: setServing(true),
  }
  return { operator, life, sickness }
}

async function changing(simulation: Simulation, ways: Ways, options: ManyOptions, variant: Variant): Promise<Run> {
  const { tracker, proxies } = simulation
  const { changesPerSecond: perSecond, seconds } = options
  const { result: changes, ...rest } = await measured(simulation, () =>
    makeChanges(Object.values(ways), { perSecond, seconds, tracker }),
  )
  const { stuckResponses } = await proxies.ask('received', undefined)
  await untilAgreed(simulation, 10_000)
  await proxies.ask('unstick', undefined)
  await untilAgreed(simulation, 5_000)
  const differences = await differencesOf(simulation, true)
  return {
    what: `${perSecond} changes a second, ${variant}`,
    ...rest,
    ...arrivals(changes),
    stuckResponses,
    differences,
  }
}

async function flapping(
  simulation: Simulation,
  members: Member[],
  { operator }: Ways,
  options: ManyOptions,
): Promise<Run> {
  const { tracker, instances, onTurns } = simulation
  const half = members.slice(0, Math.floor(members.length / 2))
  const flapPorts = new Set(half.map(({ port }) => port))
  let flapsSent = 0
  onTurns.push(turns => {
    for (const [proxy, port] of turns) if (proxy === 0 && flapPorts.has(port)) flapsSent++
  })
  const { seconds } = options
  const { result: changes, ...rest } = await measured(simulation, async () => {
    const names = half.map(({ name }) => name)
    const [made] = await Promise.all([
      makeChanges([{ ...operator, share: 1 }], { perSecond: quietChangesPerSecond, seconds, tracker }),
      instances.ask('flap', { names, seconds }),
    ])
    return made
  })
  await untilAgreed(simulation, 60_000, members.length)
  const differences = await differencesOf(simulation, true)
  const what = `${half.length} of ${members.length} flap each second, ${quietChangesPerSecond} changes a second of others`
  return {
    ...{ what, ...rest, ...arrivals(changes), differences },
    flapsSent: flapsSent / rest.usage.seconds,
  }
}

function arrivals(changes: Changes): Pick<Run, 'changes' | 'prompt' | 'slow'> {
  const kinds = Object.entries(Object.groupBy(changes.made, ({ kind }) => kind))
  const byKind = kinds.map(([kind, made = []]) => [kind, latenciesOf(made.map(({ promptMs }) => promptMs))])
  const all = latenciesOf(changes.made.map(({ promptMs }) => promptMs))
  return {
    changes,
    prompt: { all, ...Object.fromEntries(byKind) },
    slow: latenciesOf(changes.made.map(({ slowMs }) => slowMs)),
  }
}
