/** The commands for deployments, which the supervisor carries out, and for traffic. */
import { resolve } from 'node:path'
import { styleText } from 'node:util'
import type { GetTrafficResponse, TrafficWeight } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import type { ConsoleClient } from './console-client.ts'
import { askControl, watchControl } from './control.ts'
import { type Deployment, isUnderWay, type RolledBack, renderState, renderStep } from './deployment.ts'
import { MeshError } from './errors.ts'
import { table } from './layout.ts'
import { printable } from './render.ts'

type Show = (line: string) => void

export type DeployArguments = {
  service: string
  version: string
  from: string | undefined
  canary: number
  seconds: number
}

/** Begins a deployment and shows how it goes on, until it has ended or this is interrupted, which it does not mind. @returns the exit code. */
export async function deploy(socket: string, wanted: DeployArguments, json: boolean, show: Show): Promise<number> {
  const { service, version, from, canary, seconds } = wanted
  // npm runs scripts in the folder of the project; a path is meant from where the operator is.
  const folder = from === undefined ? {} : { from: resolve(process.env.INIT_CWD ?? process.cwd(), from) }
  const body = { service, version, ...folder, canaryPercent: canary, canaryMs: Math.round(seconds * 1000) }
  return await showUntilEnd(socket, (await askControl(socket, '/deploy', body)) as Deployment, json, show)
}

/** Goes back, and shows it as `deploy` does. */
export async function rollBack(socket: string, service: string, json: boolean, show: Show): Promise<number> {
  const { deployment, cancelled } = (await askControl(socket, '/rollback', { service })) as RolledBack
  return await showUntilEnd(socket, deployment, json, show, cancelled ? 'rolled_back' : 'succeeded')
}

async function showUntilEnd(
  socket: string,
  { deployment: id }: Deployment,
  json: boolean,
  show: Show,
  wanted: Deployment['state'] = 'succeeded',
): Promise<number> {
  const interrupted = new AbortController()
  process.once('SIGINT', () => interrupted.abort())
  let shown = 0
  let state = ''
  for await (const each of watchControl(socket, '/watch-deployment', { deployment: id }, interrupted.signal)) {
    const deployment = each as Deployment
    const done = deployment.steps.filter(({ endTime }) => endTime !== undefined)
    if (json) {
      if (!isUnderWay(deployment)) show(JSON.stringify(deployment))
    } else {
      for (const step of done.slice(shown)) show(renderStep(step))
      if (deployment.state !== state) show(renderState(deployment))
    }
    shown = done.length
    state = deployment.state
    if (!isUnderWay(deployment)) return state === wanted ? 0 : 1
  }
  if (!interrupted.signal.aborted) throw new MeshError(`The mesh has ended in the middle of the deployment ${id}.`)
  process.stderr.write(
    `${id} goes on without this command. Look: npm run mesh -- deployments. End it: npm run mesh -- rollback <service>\n`,
  )
  return 130
}

export async function listDeployments(socket: string, service: string, json: boolean, show: Show): Promise<void> {
  const deployments = (await askControl(socket, '/deployments', { service })) as Deployment[]
  if (json) return show(JSON.stringify(deployments))
  if (deployments.length === 0) return show('Nothing has been deployed here yet.')
  for (const each of deployments) {
    show(
      `${styleText('dim', new Date(each.createTime).toLocaleString())}  ${each.deployment}  by ${printable(each.actor)}`,
    )
    show(`  ${renderState(each).replaceAll('\n', '\n  ')}`)
  }
}

type TrafficArguments = { service: string; weights: string[]; reset: boolean; json: boolean }

/** Shows how requests are spread over versions, or says so and waits until every proxy does it; 1 when one does not. */
export async function traffic(
  client: ConsoleClient,
  { service, weights, reset, json }: TrafficArguments,
  show: Show,
): Promise<number> {
  if (reset && weights.length > 0) throw new MeshError('Either weights or --reset, not both.')
  let waiting: { nodeId: string; reason: string }[] = []
  if (reset || weights.length > 0) {
    const { change } = await client.setTraffic(service, weightsFrom(weights))
    waiting = (await client.waitForAcks(change, 10)).waiting
  }
  const now = await client.traffic(service)
  show(json ? JSON.stringify({ service, ...now, waiting }) : renderTraffic(service, now))
  for (const { nodeId, reason } of waiting) {
    if (!json) show(`${styleText('yellow', '◌')} ${printable(nodeId)} has not taken it: ${printable(reason)}`)
  }
  return waiting.length > 0 ? 1 : 0
}

/** Reads `0.1.0=90 0.2.0=10`. Whether these are versions, and 100 together, is for the Console to say. */
export function weightsFrom(texts: readonly string[]): TrafficWeight[] {
  return texts.map(text => {
    const [, version, percent] = /^([^=]+)=(\d{1,3})$/.exec(text) ?? []
    if (version === undefined) {
      throw new MeshError(`"${text}" is not understood: write <version>=<percent>, for example 0.1.0=90 0.2.0=10`)
    }
    return { version, percent: Number(percent) }
  })
}

function renderTraffic(service: string, { weights, versions }: GetTrafficResponse): string {
  const known = new Map(weights.map(({ version, percent }) => [version, `${percent} %`]))
  const absent = weights.filter(({ version }) => !versions.some(each => each.version === version))
  const rows = [
    ...versions.map(({ version, instances, serving }) => [version, known.get(version) ?? '', instances, serving]),
    ...absent.map(({ version, percent }) => [version, `${percent} %`, 0, 0]),
  ]
  const share = weights.length > 0 ? (text: string) => text || '0 %' : () => 'by instance'
  const cells = rows.map(([version, percent, instances, serving]) =>
    [String(version), share(String(percent)), String(instances), String(serving)].map(text => ({ text })),
  )
  return [`${service}:`, ...table(['VERSION', 'REQUESTS', 'INSTANCES', 'SERVING'], cells)].join('\n')
}
