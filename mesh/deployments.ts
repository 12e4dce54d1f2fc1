/**
 * The deployments of a mesh: one at a time of each service, kept in a file, so that one that was cut short is known afterwards. They live
 * in the supervisor: neither the command that asked for one nor the Console need stay for it.
 */
import { type Build, buildIn, consoleName, findBuild } from './builds.ts'
import { type Deployment, isUnderWay, type RolledBack, renderState } from './deployment.ts'
import { MeshError, Refused, reasonOf } from './errors.ts'
import { writePrivate } from './files.ts'
import { type Kept, readDeployments } from './kept-deployments.ts'
import type { Level } from './logs.ts'
import { type Effects, roll } from './roll.ts'

/** What is to be deployed, and who wants it. */
export type Wanted = {
  service: string
  version: string
  /** A checkout of the project; without one it is found by the version. */
  from: string | undefined
  canaryPercent: number
  canaryMs: number
  actor: string
}

export type DeploymentsOptions = {
  /** Where they are kept. */
  file: string
  /** The checkout that the mesh was started from. */
  root: string
  /** What can be deployed. */
  services: string[]
  /** The processes of a service, in order. */
  processesOf: (service: string) => string[]
  effectsFor: (service: string, changed: () => void) => Promise<Effects & { close: () => void }>
  /** Whether requests are spread by weights. */
  isWeighted: (service: string) => Promise<boolean>
  say: (level: Level, msg: string, fields?: Record<string, unknown>) => void
  /** Fires when the mesh stops: what is under way then is cut short. */
  stopping: AbortSignal
}

export type Deployments = ReturnType<typeof createDeployments>

const kept = 100
const defaultCanaryMs = 30_000
export const mostCanaryMs = 3_600_000

/** @throws MeshError when the file is damaged. */
export function createDeployments(options: DeploymentsOptions) {
  const { file, root, services, say, stopping } = options
  const { deployments, inUse } = readDeployments(file)
  /** What a mesh that was killed had under way: its processes have ended, and those of now are of the build before. */
  const cutShort = deployments.filter(isUnderWay)
  for (const each of cutShort) each.state = 'rolling_back'
  const cancelling = new Map<string, AbortController>()
  const listeners = new Set<(deployment: Deployment) => void>()

  /** @param deployment what is new. */
  function changed(deployment: Deployment) {
    // The next start says how it ended.
    if (stopping.aborted) return
    const ended = deployments.filter(each => !isUnderWay(each))
    for (const old of ended.slice(kept)) deployments.splice(deployments.indexOf(old), 1)
    try {
      writePrivate(file, JSON.stringify({ deployments, inUse } satisfies Kept, null, 2))
    } catch (error) {
      say('warn', `${file} could not be written: ${reasonOf(error)}`)
    }
    for (const listener of listeners) listener(deployment)
  }

  const underWay = (service: string) => deployments.find(each => each.service === service && isUnderWay(each))
  const checkoutOf = (service: string) => inUse[service] ?? root

  /** @throws Refused when the service is not known, or is being deployed. */
  function requireIdle(service: string) {
    const current = underWay(service)
    if (!current) return
    throw new Refused(
      'state',
      `${service} is being deployed (${current.deployment}, ${current.version}). Wait for its end, or end it: npm run mesh -- rollback ${service}`,
    )
  }

  function requireKnown(service: string) {
    if (services.includes(service)) return
    throw new Refused('unknown', `There is no service "${service}". There are: ${services.join(', ')}.`)
  }

  /** @returns the deployment, which has begun. @throws Refused. */
  async function create(wanted: Wanted): Promise<Deployment> {
    const { service, canaryPercent, actor } = wanted
    requireKnown(service)
    requireIdle(service)
    const current = checkoutOf(service)
    const known = deployments.flatMap(each => (each.service === service ? [each.checkout, each.previousCheckout] : []))
    const build = findBuild({ ...wanted, checkouts: [...new Set([current, root, ...known])] })
    if (canaryPercent > 0 && service === consoleName) {
      throw new Refused('invalid', 'The Console has one instance, and so no canary: deploy it without.')
    }
    const last = deployments.find(each => each.service === service)
    const left = last?.state === 'failed' ? last : undefined
    const processesNow = () => options.processesOf(service).filter(process => process !== left?.extra)
    if (processesNow().length === 0) throw new Refused('state', `${service} has no instance to replace.`)
    const effects = await options.effectsFor(service, () => {})
    let deployment: Deployment
    try {
      // Another may have come meanwhile.
      const versions = await effects.versions()
      requireIdle(service)
      const previousVersion = left?.previousVersion ?? mostOf(versions) ?? buildIn(current, service)?.version ?? ''
      if (canaryPercent > 0 && versions.has(build.version)) {
        throw new Refused(
          'invalid',
          `Instances of ${service} have ${build.version} already, and requests can only be spread over versions that differ: give the new one a version of its own in its package.json.`,
        )
      }
      const weighted = await options.isWeighted(service)
      if (weighted && !left) {
        throw new Refused(
          'state',
          `The requests to ${service} are spread by weights, which a deployment would change. End them: npm run mesh -- traffic ${service} --reset`,
        )
      }
      requireIdle(service)
      deployment = {
        deployment: `${service}-${Date.now().toString(36)}`,
        service,
        version: build.version,
        previousVersion,
        checkout: build.checkout,
        previousCheckout: current,
        canaryPercent,
        canaryMs: canaryPercent > 0 ? wanted.canaryMs || defaultCanaryMs : 0,
        state: 'running',
        reason: '',
        actor,
        createTime: new Date().toISOString(),
        steps: [],
        requests: 0,
        failedRequests: 0,
        weighted,
      }
    } catch (error) {
      effects.close()
      throw error
    }
    deployments.unshift(deployment)
    changed(deployment)
    const { deployment: id, version, previousVersion } = deployment
    say('info', `deploying ${service} ${version} in the place of ${previousVersion}`, { deployment: id, actor })
    void run(deployment, processesNow(), build, left, { ...effects, changed: () => changed(deployment) })
    return deployment
  }

  async function run(
    deployment: Deployment,
    processes: string[],
    build: Build,
    left: Deployment | undefined,
    effects: Effects & { close: () => void },
  ) {
    const { service, previousVersion: version, previousCheckout: checkout, canaryPercent } = deployment
    const cancel = new AbortController()
    cancelling.set(deployment.deployment, cancel)
    const needsOne = service !== consoleName && (canaryPercent > 0 || processes.length === 1)
    const beside = needsOne ? `${service}-${processes.length + 1}` : undefined
    try {
      if (left?.extra !== undefined && options.processesOf(service).includes(left.extra))
        await effects.remove(left.extra)
      if (deployment.weighted) {
        await effects.setTraffic([])
        deployment.weighted = false
      }
      if (left) delete left.extra
      const folder = buildIn(checkout, service)?.folder ?? build.folder
      await effects.look()
      await roll(
        { deployment, processes, beside, build, previous: { checkout, folder, version } },
        effects,
        cancel.signal,
      )
      if (deployment.state === 'succeeded') use(service, build.checkout)
    } catch (error) {
      const why = deployment.reason ? `${deployment.reason}\nThen, as the old version came back: ` : ''
      deployment.reason = `${why}${reasonOf(error)}`
      deployment.state = 'failed'
      deployment.endTime = new Date().toISOString()
    } finally {
      cancelling.delete(deployment.deployment)
      effects.close()
      changed(deployment)
      if (!stopping.aborted) {
        const { state, deployment: id, reason, requests, failedRequests } = deployment
        const level = state === 'succeeded' ? 'info' : 'error'
        say(level, `${service} ${deployment.version}: ${state}`, { deployment: id, reason, requests, failedRequests })
      }
    }
  }

  function use(service: string, checkout: string) {
    if (checkout === root) delete inUse[service]
    else inUse[service] = checkout
  }

  const find = (id: string) => {
    const found = deployments.find(({ deployment }) => deployment === id)
    if (!found) throw new Refused('unknown', `There is no deployment ${id}.`)
    return found
  }

  /** Has it rolled back. @throws Refused when it has ended. */
  function cancel(id: string, actor: string): Deployment {
    const found = find(id)
    if (!isUnderWay(found)) throw new Refused('state', `The deployment ${id} has ended: ${found.state}.`)
    cancelling.get(id)?.abort(new MeshError(`It was cancelled by ${actor}.`))
    return found
  }

  /** Every change of the deployments that are chosen, the present state first, until the signal. */
  async function* follow(chosen: (deployment: Deployment) => boolean, signal: AbortSignal): AsyncGenerator<Deployment> {
    const waiting = new Set(deployments.filter(chosen).toReversed())
    let wake = () => {}
    const listener = (deployment: Deployment) => {
      if (!chosen(deployment)) return
      waiting.add(deployment)
      wake()
    }
    const stop = () => wake()
    listeners.add(listener)
    signal.addEventListener('abort', stop)
    try {
      while (!signal.aborted) {
        const [next] = waiting
        if (next) {
          waiting.delete(next)
          yield next
        } else {
          await new Promise<void>(resolve => {
            wake = resolve
            if (signal.aborted || waiting.size > 0) resolve()
          })
        }
      }
    } finally {
      listeners.delete(listener)
      signal.removeEventListener('abort', stop)
    }
  }

  return {
    create,
    cancel,
    requireIdle,
    requireKnown,
    list: (service = '') => deployments.filter(each => !service || each.service === service),
    follow,
    /** One deployment until it has ended. */
    async *watch(id: string, signal: AbortSignal): AsyncGenerator<Deployment> {
      const wanted = find(id)
      for await (const each of follow(one => one === wanted, signal)) {
        yield each
        if (!isUnderWay(each)) return
      }
    },
    /**
     * Goes back: ends what is under way, or deploys what was there before.
     * @returns the deployment, and whether it was cancelled. @throws Refused when there is nothing to go back to.
     */
    async rollBack(service: string, actor: string): Promise<RolledBack> {
      requireKnown(service)
      const [last] = deployments.filter(each => each.service === service)
      if (last && isUnderWay(last)) return { deployment: cancel(last.deployment, actor), cancelled: true }
      const from = last?.state === 'failed' ? checkoutOf(service) : last?.previousCheckout
      if (from === undefined || (from === checkoutOf(service) && last?.state !== 'failed')) {
        throw new Refused('state', `There is no other build of ${service} to go back to.`)
      }
      const deployment = await create({ service, version: '', from, canaryPercent: 0, canaryMs: 0, actor })
      return { deployment, cancelled: false }
    },
    /** The folder that a service is started from; undefined when it is that of the mesh itself. */
    folderOf(service: string): string | undefined {
      const checkout = inUse[service]
      if (checkout === undefined) return undefined
      try {
        const build = buildIn(checkout, service)
        if (build) return build.folder
      } catch {
        // As good as gone.
      }
      say('warn', `${service} was deployed from ${checkout}, where it is not any more: it is started from ${root}`)
      delete inUse[service]
      return undefined
    },
    /** Once the mesh is up: takes back what a mesh that was killed had under way. */
    async mend() {
      for (const deployment of cutShort) {
        try {
          if (deployment.weighted) {
            const effects = await options.effectsFor(deployment.service, () => {})
            await effects.setTraffic([]).finally(effects.close)
            deployment.weighted = false
          }
          delete deployment.extra
          deployment.state = 'rolled_back'
        } catch (error) {
          deployment.state = 'failed'
          say('warn', `what was left of a deployment could not be taken back: ${reasonOf(error)}`)
        }
        deployment.reason = `${deployment.reason ? `${deployment.reason}\n` : ''}The mesh was stopped or killed in the middle of it, and started again with the version before.`
        deployment.endTime = new Date().toISOString()
        say('warn', renderState(deployment))
        changed(deployment)
      }
    },
  }
}

/** The version that most instances have. */
const mostOf = (versions: ReadonlyMap<string, number>): string | undefined =>
  [...versions].sort(([, a], [, b]) => b - a)[0]?.[0]
