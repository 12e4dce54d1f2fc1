/** What a deployment does to the mesh of this machine: by the supervisor, the Console and the Envoys. */
import { setTimeout as delay } from 'node:timers/promises'
import { InstanceHealth } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import { type Build, consoleName } from './builds.ts'
import { type ConsoleClient, Unavailable } from './console-client.ts'
import { countedBy, createCounts } from './counts.ts'
import { askEnvoy, knownEnvoys } from './envoy-view.ts'
import { MeshError } from './errors.ts'
import type { ProcessSpec } from './process.ts'
import { listedAs } from './ready.ts'
import type { Effects } from './roll.ts'
import type { Supervisor } from './supervisor.ts'

export type EffectsOptions = {
  supervisor: Pick<Supervisor, 'halt' | 'launch' | 'remove' | 'statuses'>
  client: ConsoleClient
  /** Of the processes of this service. */
  service: string
  specOf: (process: string, build: Build) => Promise<ProcessSpec>
  /** Folder of the Envoys' bootstraps. */
  envoyFolder: string
  /** The Console's /health. */
  healthUrl: string
  changed: () => void
}

/** How long a new instance may take to become healthy, and the proxies to have it. ms. */
const startMs = 30_000
const takenMs = 15_000
/** How long is waited for a Console that is away. ms. */
const awayMs = 30_000
const pauseMs = 50

export async function createEffects(options: EffectsOptions): Promise<Effects & { close: () => void }> {
  const { supervisor, client, service, envoyFolder, healthUrl, changed } = options
  const counts = createCounts()
  const instanceOf = (process: string) => (process === consoleName ? `${consoleName}-1` : process)
  /** Who was well and connected before the Console is replaced. */
  const before = service === consoleName ? await patiently(() => whoIsThere(client)) : undefined

  return {
    changed,
    close: () => client.close(),
    mark: (process, isNew) => counts.mark(instanceOf(process), isNew),
    end: process => supervisor.halt(process),
    remove: process => supervisor.remove(process),

    async start(process, build, signal) {
      const late = new AbortController()
      const timer = setTimeout(
        () =>
          late.abort(
            new MeshError(`${process} (${service} ${build.version}) is not healthy after ${startMs / 1000} s`),
          ),
        startMs,
      )
      try {
        await supervisor.launch(service, await options.specOf(process, build), AbortSignal.any([signal, late.signal]))
      } finally {
        clearTimeout(timer)
      }
    },

    async taken(process, signal) {
      const deadline = Date.now() + takenMs
      for (;;) {
        const lack = before ? await absent(client, before) : await unaware(instanceOf(process))
        if (!lack || Date.now() > deadline || signal.aborted) return lack
        await delay(pauseMs)
      }
    },

    async versions() {
      const instances = await patiently(() => client.instances(service))
      const groups = Map.groupBy(instances, ({ version }) => version)
      return new Map([...groups].map(([version, own]) => [version, own.length]))
    },

    async setTraffic(weights) {
      const { change } = await patiently(() => client.setTraffic(service, weights))
      const { waiting } = await patiently(() => client.waitForAcks(change, 10))
      return waiting.map(({ nodeId, reason }) => `${nodeId} has not taken it: ${reason}`).join('; ')
    },

    async ailment(process) {
      const status = supervisor.statuses().find(({ name }) => name === process)
      if (!status) return `${process} is gone.`
      if (status.restarts > 0) return `${process} ended by itself and was started again.`
      if (status.state !== 'healthy') return `${process} is ${status.state}: ${status.reason ?? 'no reason is known'}.`
      // A Console that does not answer says nothing against the instance.
      const listed = await listedAs(healthUrl, instanceOf(process)).catch(() => 'healthy')
      return listed === 'failing' ? `The Console lists ${process} as failing.` : ''
    },

    async look() {
      counts.add(await countedBy(envoyFolder, service))
      return { newer: counts.newer(), older: counts.older(), active: counts.active() }
    },
  }

  /** Which proxies do not have the instance. Asked of themselves, too: what they have accepted they may not use yet. */
  async function unaware(instance: string): Promise<string> {
    const [{ waiting }, views] = await Promise.all([
      patiently(() => client.waitForAcks(0, 5)),
      Promise.all(knownEnvoys(envoyFolder).map(askEnvoy)),
    ])
    const refusing = waiting.map(({ nodeId, reason }) => `${nodeId} has not taken ${instance}: ${reason}`)
    const lacking = views.filter(({ problem, services }) => {
      const status = services.get(service)?.get(instance)?.status
      // One that an operator has drained is out of service, whoever replaces it.
      return problem === '' && status !== 'healthy' && status !== 'draining'
    })
    return [...refusing, ...lacking.map(({ nodeId }) => `${nodeId} does not use ${instance} yet`)].join('; ')
  }
}

type There = { instances: string[]; proxies: string[] }

async function whoIsThere(client: ConsoleClient): Promise<There> {
  const [instances, proxies] = await Promise.all([client.instances(''), client.proxies()])
  const healthy = instances.filter(({ health }) => health === InstanceHealth.INSTANCE_HEALTH_HEALTHY)
  return { instances: healthy.map(({ instance }) => instance), proxies: proxies.map(({ nodeId }) => nodeId) }
}

/** Who has not come back to the Console. */
async function absent(client: ConsoleClient, before: There): Promise<string> {
  const now = await patiently(() => whoIsThere(client))
  const instances = before.instances.filter(name => !now.instances.includes(name))
  const proxies = before.proxies.filter(name => !now.proxies.includes(name))
  const missing = [...instances, ...proxies]
  if (missing.length > 0) return `The Console has not heard again of ${missing.join(', ')}`
  const { waiting } = await patiently(() => client.waitForAcks(0, 5))
  return waiting.map(({ nodeId, reason }) => `${nodeId} has not taken what the Console sent: ${reason}`).join('; ')
}

/** Asks the Console again while it is away: it is started again by itself. */
async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + awayMs
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof Unavailable) || Date.now() > deadline) throw error
    }
    await delay(200)
  }
}
