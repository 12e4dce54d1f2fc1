/**
 * Replaces the instances of a service by those of another build, one after another, and brings the old ones back when the new ones are
 * not healthy or fail more.
 *
 *     [traffic old=100] [start one beside]  [traffic old=90 new=10, watch, traffic ends]  each: drain, start, proxies  [end the one beside]
 *
 * One beside is started for a canary, and where there is only one instance, so that nothing is refused while that is replaced.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Build } from './builds.ts'
import { isWorse, shareOf, type Tally } from './compare.ts'
import type { Deployment, Step, StepAction } from './deployment.ts'
import { MeshError, reasonOf } from './errors.ts'

export type Weight = { version: string; percent: number }

/** What a deployment does to the mesh. Each rejects with a reason for people. */
export type Effects = {
  /** Ends a process in order: it is sent nothing any more, and finishes what it has. */
  end: (process: string) => Promise<void>
  /** Starts a process of a build where the one of its name was, or beside the others. Resolves when it is healthy. */
  start: (process: string, build: Build, signal: AbortSignal) => Promise<void>
  /** Ends a process in order, for good. */
  remove: (process: string) => Promise<void>
  /** Resolves when every proxy has taken that the process is there; with a sentence on who has not, when that is taking too long. */
  taken: (process: string, signal: AbortSignal) => Promise<string>
  /** How many instances there are of each version. */
  versions: () => Promise<Map<string, number>>
  /** Spreads requests over versions and resolves as `taken`; with no weights, over all instances alike. */
  setTraffic: (weights: Weight[]) => Promise<string>
  /** Why a process is not healthy; empty when it is, or nobody can say. */
  ailment: (process: string) => Promise<string>
  /** What both have answered since the beginning, and how many requests the new version has under way. */
  look: () => Promise<{ newer: Tally; older: Tally; active: number }>
  /** From now on this process is one of the new version, or not any more. */
  mark: (process: string, isNew: boolean) => void
  /** The deployment has come further. */
  changed: () => void
}

export type Plan = {
  deployment: Deployment
  /** The processes to replace. */
  processes: string[]
  /** The process to start beside them, if one is needed. */
  beside: string | undefined
  build: Build
  previous: Build
}

/** How often it is looked at how a canary answers, and how long after each instance without a canary. ms. */
const lookMs = 250
const settleMs = 1000
/** How long is waited for the last answers of a version that is sent nothing any more. ms. */
const lastAnswersMs = 2000

/** Resolves when it is deployed or rolled back, as the deployment then says. Rejects when neither could be done. */
export async function roll(plan: Plan, effects: Effects, signal: AbortSignal): Promise<void> {
  const { deployment } = plan
  const replaced: string[] = []
  try {
    await forward(plan, effects, signal, replaced)
    finish(deployment, 'succeeded', effects)
  } catch (error) {
    // One that is cancelled says so, whatever the step under way has made of it.
    deployment.reason = reasonOf(signal.aborted ? signal.reason : error)
    deployment.state = 'rolling_back'
    effects.changed()
    await backward(plan, effects, replaced)
    finish(deployment, 'rolled_back', effects)
  }
}

function finish(deployment: Deployment, state: Deployment['state'], effects: Effects) {
  deployment.state = state
  deployment.endTime = new Date().toISOString()
  effects.changed()
}

async function forward(plan: Plan, effects: Effects, signal: AbortSignal, replaced: string[]) {
  const { deployment, processes, beside, build } = plan
  const begun: string[] = []
  const begin = async (process: string) => {
    begun.push(process)
    effects.mark(process, true)
    await step(deployment, effects, 'start', process, async () => {
      await effects.start(process, build, signal)
      return `${deployment.service} ${build.version}`
    })
    await step(deployment, effects, 'wait_for_acks', process, async () => {
      const lack = await effects.taken(process, signal)
      if (lack) throw new MeshError(lack)
      return 'every proxy has it'
    })
  }
  const isCanary = deployment.canaryPercent > 0
  if (isCanary) await setTraffic(deployment, effects, await shares(effects, deployment.version, 0))
  if (beside !== undefined) {
    deployment.extra = beside
    await begin(beside)
  }
  if (isCanary) {
    deployment.state = 'canary'
    await setTraffic(deployment, effects, await shares(effects, deployment.version, deployment.canaryPercent))
    await step(deployment, effects, 'watch', '', () => watch(plan, effects, begun, deployment.canaryMs, signal))
    await setTraffic(deployment, effects, [])
    deployment.state = 'running'
  }
  for (const process of processes) {
    signal.throwIfAborted()
    replaced.push(process)
    await step(deployment, effects, 'drain', process, () => effects.end(process))
    await begin(process)
    await watch(plan, effects, begun, settleMs, signal)
  }
  if (beside !== undefined) {
    await step(deployment, effects, 'drain', beside, () => effects.remove(beside))
    delete deployment.extra
  }
}

/** The new version must be gone when this resolves, and whatever else can be done is. */
async function backward({ deployment, beside, previous }: Plan, effects: Effects, replaced: string[]) {
  const { version } = deployment
  // The failures end with this, and not only when the old instances are back.
  const others = await effects.versions().catch(() => new Map<string, number>())
  if (version !== deployment.previousVersion && others.size > 1 && others.has(version)) {
    await setTraffic(deployment, effects, await shares(effects, version, 0)).catch(() => {})
    // What the proxies have counted of an instance goes with it.
    const deadline = Date.now() + lastAnswersMs
    while ((await look(deployment, effects)).active > 0 && Date.now() < deadline) await delay(lookMs)
  }
  for (const process of replaced) {
    await step(deployment, effects, 'drain', process, () => effects.end(process))
    effects.mark(process, false)
    await step(deployment, effects, 'start', process, async () => {
      await effects.start(process, previous, new AbortController().signal)
      return `${deployment.service} ${previous.version}`
    })
    // Whoever has not taken it must not keep the new version here.
    await step(deployment, effects, 'wait_for_acks', process, async () => {
      const lack = await effects.taken(process, AbortSignal.timeout(10_000))
      return lack || 'every proxy has it'
    })
  }
  if (beside !== undefined && deployment.extra === beside) {
    await step(deployment, effects, 'drain', beside, () => effects.remove(beside))
    delete deployment.extra
  }
  if (deployment.weighted) await setTraffic(deployment, effects, [])
}

async function setTraffic(deployment: Deployment, effects: Effects, weights: Weight[]) {
  await step(deployment, effects, 'set_traffic', '', async () => {
    if (weights.length > 0) deployment.weighted = true
    const lack = await effects.setTraffic(weights)
    if (weights.length === 0) deployment.weighted = false
    const shown = weights.map(({ version, percent }) => `${version}=${percent}`).join(' ') || 'all instances alike'
    return lack ? `${shown}; ${lack}` : shown
  })
}

/** @returns weights that give the version so many percent, and the others the rest by how many instances they have. */
export async function shares(effects: Pick<Effects, 'versions'>, version: string, percent: number): Promise<Weight[]> {
  const others = [...(await effects.versions())].filter(([other]) => other !== version)
  const instances = others.reduce((sum, [, count]) => sum + count, 0)
  let rest = 100 - percent
  const weights = others.map(([other, count], index) => {
    const share = index === others.length - 1 ? rest : Math.round(((100 - percent) * count) / instances)
    rest -= share
    return { version: other, percent: share }
  })
  return [...weights, ...(percent > 0 ? [{ version, percent }] : [])].filter(weight => weight.percent > 0)
}

/** Looks for so long at how the new ones are and answer. Throws when that is worse than the old ones. */
async function watch(plan: Plan, effects: Effects, begun: string[], ms: number, signal: AbortSignal): Promise<string> {
  const { deployment } = plan
  const deadline = Date.now() + ms
  for (;;) {
    const isLast = Date.now() >= deadline
    const counted = await look(deployment, effects)
    const ailments = await Promise.all(begun.map(effects.ailment))
    const ailment = ailments.find(Boolean)
    if (ailment) throw new MeshError(ailment)
    if (isWorse(counted.newer, counted.older, isLast ? 'atTheEnd' : 'meanwhile')) {
      throw new MeshError(`The new instances fail more: ${inWords(deployment, counted)}.`)
    }
    if (isLast) return inWords(deployment, counted)
    await delay(lookMs, undefined, { signal }).catch(() => {})
    signal.throwIfAborted()
  }
}

async function look(deployment: Deployment, effects: Effects) {
  const counted = await effects.look()
  deployment.requests = counted.newer.requests
  deployment.failedRequests = counted.newer.failed
  return counted
}

function inWords({ version, previousVersion }: Deployment, { newer, older }: { newer: Tally; older: Tally }): string {
  const text = (tally: Tally) => `${tally.failed} of ${tally.requests} (${(shareOf(tally) * 100).toFixed(1)} %)`
  const [first, second] = version === previousVersion ? ['new', 'old'] : [version, previousVersion]
  return `${first} failed ${text(newer)}, ${second} ${text(older)}`
}

async function step(
  deployment: Deployment,
  { changed }: Effects,
  action: StepAction,
  instance: string,
  work: () => Promise<unknown>,
) {
  const own: Step = { startTime: new Date().toISOString(), instance, action, note: '' }
  deployment.steps.push(own)
  changed()
  try {
    const said = await work()
    if (typeof said === 'string') own.note = said
  } catch (error) {
    own.note = reasonOf(error)
    throw error
  } finally {
    own.endTime = new Date().toISOString()
    changed()
  }
}
