/** What commands and the Console may ask of a running mesh besides its status: deployments, single instances, logs, settings. */
import { join } from 'node:path'
import { buildIn, consoleName } from './builds.ts'
import type { ControlHandlers } from './control.ts'
import { createDeployments, type Deployments, mostCanaryMs } from './deployments.ts'
import { MeshError, Refused } from './errors.ts'
import { type Home, root } from './home.ts'
import { type Level, levels } from './logs.ts'
import type { ProcessSpec } from './process.ts'
import { mostReplicas } from './services.ts'
import type { Supervisor } from './supervisor.ts'
import { visibleSettings } from './visible-settings.ts'
import { watchLogs } from './watch-logs.ts'

type DeployOptions = {
  supervisor: Supervisor
  home: Home
  edgePort: number
  /** The Console's own /health. */
  healthUrl: string
  services: string[]
  /** A process of a service, of the build in this folder. */
  specOf: (service: string, process: string, folder: string) => Promise<ProcessSpec>
  stopping: AbortSignal
}

/** The deployments of this mesh. @throws MeshError when those of before cannot be read. */
export function deploymentsOf(options: DeployOptions): Deployments {
  const { supervisor, home, edgePort, healthUrl, services, specOf, stopping } = options
  /** Loaded when one is wanted: the client of the Console costs memory. */
  const consoleClient = async () => (await import('./console-commands.ts')).consoleOf(home, edgePort)
  return createDeployments({
    file: home.deployments,
    root,
    services: [...services, consoleName],
    processesOf: supervisor.membersOf,
    async effectsFor(service, changed) {
      const [client, { createEffects }] = await Promise.all([consoleClient(), import('./deploy-effects.ts')])
      return createEffects({
        supervisor,
        client,
        service,
        specOf: (process, { folder }) => specOf(service, process, folder),
        envoyFolder: home.envoy,
        healthUrl,
        changed,
      })
    },
    async isWeighted(service) {
      if (service === consoleName) return false
      const client = await consoleClient()
      try {
        return (await client.traffic(service)).weights.length > 0
      } finally {
        client.close()
      }
    },
    say: supervisor.say,
    stopping,
  })
}

type HandlerOptions = {
  supervisor: Supervisor
  deployments: Deployments
  home: Home
  /** What has instances that operators may scale and restart by name. */
  services: string[]
}

export function operationHandlers({ supervisor, deployments, home, services }: HandlerOptions): ControlHandlers {
  return {
    '/deploy': async body => {
      const from = typeof body.from === 'string' ? body.from : undefined
      const canaryPercent = Number(body.canaryPercent ?? 0)
      const canaryMs = Number(body.canaryMs ?? 0)
      if (!Number.isInteger(canaryPercent) || canaryPercent < 0 || canaryPercent > 99) {
        throw new Refused('invalid', 'The share of a canary is a whole number from 1 to 99, in percent.')
      }
      if (!(canaryMs >= 0 && canaryMs <= mostCanaryMs)) {
        throw new Refused('invalid', `A canary is watched for at most ${mostCanaryMs / 1000} s.`)
      }
      const version = textOf(body.version)
      return await deployments.create({
        service: textOf(body.service),
        version,
        from,
        canaryPercent,
        canaryMs,
        actor: actorOf(body),
      })
    },
    '/rollback': async body => await deployments.rollBack(textOf(body.service), actorOf(body)),
    '/cancel-deployment': async body => deployments.cancel(textOf(body.deployment), actorOf(body)),
    '/deployments': async body => deployments.list(textOf(body.service)),
    '/watch-deployment': ({ deployment }, signal) => deployments.watch(textOf(deployment), signal),
    '/follow-deployments': (_, signal) => deployments.follow(() => true, signal),
    '/restart-instance': async body => {
      const instance = textOf(body.instance)
      const service = services.find(name => supervisor.membersOf(name).includes(instance))
      if (service === undefined) throw new Refused('unknown', `There is no instance "${instance}" of a service here.`)
      deployments.requireIdle(service)
      await supervisor.restart(instance)
    },
    '/scale-service': async body => {
      const service = textOf(body.service)
      const instances = Number(body.instances)
      if (!services.includes(service)) {
        throw new Refused('unknown', `There is no service "${service}". There are: ${services.join(', ') || 'none'}.`)
      }
      if (!Number.isInteger(instances) || instances < 1 || instances > mostReplicas) {
        throw new Refused('invalid', `A service has 1 to ${mostReplicas} instances on one machine.`)
      }
      deployments.requireIdle(service)
      await supervisor.scale(new Map([[service, instances]]))
      return { instances: supervisor.membersOf(service).sort() }
    },
    '/watch-logs': (body, signal) => {
      const { processes, level, search, lines } = body
      return watchLogs(
        home.logs,
        {
          processes: Array.isArray(processes) ? processes.map(String) : [],
          level: levels.find((known): known is Level => known === level),
          search: textOf(search),
          lines: Number(lines) || 200,
        },
        signal,
      )
    },
    '/settings': async body => {
      const process = textOf(body.process)
      const spec = supervisor.specOf(process)
      if (!spec) throw new Refused('unknown', `There is no process "${process}".`)
      return { settings: visibleSettings(spec.env) }
    },
  }
}

/** The folder that a service is started from. */
export function folderOf(deployments: Deployments, service: string): string {
  const folder = deployments.folderOf(service) ?? buildIn(root, service)?.folder
  if (folder === undefined)
    throw new MeshError(`There is no ${service} in ${root}: ${join(root, 'services')} is damaged.`)
  return folder
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

/** Whoever can open the socket is the operator, or the Console on behalf of a user. */
const actorOf = ({ actor }: Record<string, unknown>): string => textOf(actor) || 'operator'
