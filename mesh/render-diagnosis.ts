/** A diagnosis for people: what is wrong first, then what each part of the mesh believes. Pure. */
import { styleText } from 'node:util'
import {
  EndpointStatus,
  type Finding,
  type InstanceBeliefs,
  type ProxyBelief,
  Severity,
} from '@site11/proto/grpc/site11/console/v1/diagnostics_service.ts'
import {
  type Instance,
  InstanceHealth,
  type Proxy as ProxyMessage,
  ProxyProgress,
} from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import { kindOf } from '../console/server/diagnostics/resource-kinds.ts'
import type { EnvoyView } from './envoy-view.ts'
import { type Cell, table, wrap } from './layout.ts'
import { printable } from './render.ts'
import { duration } from './status.ts'

export interface Diagnosis {
  time: Date
  /** The worst first. */
  findings: Finding[]
  /** Empty when the Console does not answer, as are proxies. */
  instances: InstanceBeliefs[]
  proxies: ProxyMessage[]
  envoys: EnvoyView[]
  /** The last lines of the Console's log, when it does not answer. */
  consoleLog: string[]
}

type Style = NonNullable<Cell['style']>
/** Colour, shape and word: nothing is told by colour alone. */
const severities: Record<number, { shape: string; word: string; style: Style }> = {
  [Severity.SEVERITY_CRITICAL]: { shape: '✕', word: 'critical', style: 'red' },
  [Severity.SEVERITY_WARNING]: { shape: '▲', word: 'warning', style: 'yellow' },
  [Severity.SEVERITY_NOTICE]: { shape: '◆', word: 'notice', style: 'cyan' },
}
const unknownSeverity = { shape: '?', word: 'unknown', style: 'dim' } as const

/** More rows nobody reads; those that are not as they should be come first then. */
const mostRows = 40
/** More columns than this are one that counts. */
const mostProxies = 4

/** @param width characters in a line, for sentences; tables are as wide as they are. */
export function renderDiagnosis(diagnosis: Diagnosis, width: number): string {
  const { findings, instances, proxies, envoys, consoleLog, time } = diagnosis
  const parts = [
    header(findings, time),
    ...findings.map(finding => renderFinding(finding, width, time)),
    ...(instances.length > 0 ? [instanceTable(instances, time)] : []),
    ...(proxies.length > 0 ? [proxyTable(proxies, time)] : []),
    ...(proxies.length === 0 && envoys.length > 0 ? [envoyTable(envoys)] : []),
    ...(consoleLog.length > 0 ? [[styleText('dim', 'THE LAST WORDS OF THE CONSOLE'), ...consoleLog].join('\n')] : []),
  ]
  return parts.join('\n\n')
}

function header(findings: Finding[], time: Date): string {
  const clock = styleText('dim', time.toTimeString().slice(0, 8))
  if (findings.length === 0) return `${styleText('green', '● nothing is wrong')}  ${clock}`
  const counts = Object.entries(severities).flatMap(([severity, { word }]) => {
    const count = findings.filter(finding => finding.severity === Number(severity)).length
    // "critical" has no plural.
    const plural = count > 1 && word !== 'critical' ? 's' : ''
    return count > 0 ? [`${count} ${word}${plural}`] : []
  })
  const { shape, style } = looksOf(findings[0])
  const total = `${findings.length} ${findings.length === 1 ? 'finding' : 'findings'}`
  return `${styleText(style, `${shape} ${total}: ${counts.join(', ')}`)}  ${clock}`
}

const looksOf = (finding: Finding | undefined) => severities[finding?.severity ?? 0] ?? unknownSeverity

function renderFinding(
  { problem, cause, nextStep, since, subject, code, ...rest }: Finding,
  width: number,
  time: Date,
): string {
  const { shape, word, style } = looksOf({ problem, cause, nextStep, subject, code, ...rest })
  const age = since ? `  since ${since.toTimeString().slice(0, 8)} (${duration(time.getTime() - since.getTime())})` : ''
  const line = (title: string, text: string) =>
    wrap(printable(text), width, ' '.repeat(9), `  ${styleText('dim', title.padEnd(7))}`)
  return [
    `${styleText(style, `${shape} ${word.toUpperCase()}`)}  ${code}  ${printable(subject)}${styleText('dim', age)}`,
    line('what', problem),
    line('why', cause),
    line('do', nextStep),
  ].join('\n')
}

const good = 'green'
const bad = 'red'
const between = 'yellow'

const endpointLooks: Record<number, Cell> = {
  [EndpointStatus.ENDPOINT_STATUS_ABSENT]: { text: '· unknown', style: 'dim' },
  [EndpointStatus.ENDPOINT_STATUS_HEALTHY]: { text: '● healthy', style: good },
  [EndpointStatus.ENDPOINT_STATUS_UNHEALTHY]: { text: '✕ failing', style: bad },
  [EndpointStatus.ENDPOINT_STATUS_DRAINING]: { text: '○ draining', style: between },
}

function instanceTable(instances: InstanceBeliefs[], time: Date): string {
  const nodes = [...new Set(instances.flatMap(({ proxies }) => proxies.map(({ nodeId }) => nodeId)))].sort()
  const apart = nodes.length <= mostProxies
  const shown = worstFirst(instances).slice(0, mostRows)
  const rows = shown.map(beliefs => {
    const { instance, proxies, agreed } = beliefs
    const columns = apart
      ? nodes.map(node =>
          proxyCell(
            proxies.find(({ nodeId }) => nodeId === node),
            time,
          ),
        )
      : [countedCell(proxies)]
    return [
      { text: printable(instance?.instance ?? ''), style: agreed ? undefined : ('bold' as const) },
      registryCell(beliefs, time),
      healthCell(beliefs, time),
      ...columns,
      agreed ? { text: '' } : { text: '≠ they differ', style: between as Style },
    ]
  })
  const titles = ['INSTANCE', 'REGISTRY', 'HEALTH', ...(apart ? nodes : ['PROXIES']), '']
  const notes = shown.flatMap(({ instance, disagreement }) => [
    ...(instance?.healthReason ? [`${instance.instance}: ${instance.healthReason}`] : []),
    ...(disagreement ? [`${instance?.instance}: ${disagreement}`] : []),
  ])
  const left = instances.length - shown.length
  return [
    ...table(titles, rows),
    ...(left > 0 ? [styleText('dim', `and ${left} more: npm run mesh -- diagnose --json has all`)] : []),
    ...notes.map(note => styleText('dim', printable(note))),
  ].join('\n')
}

/** As they are while they are few; otherwise those that are not as they should be come first. */
function worstFirst(instances: InstanceBeliefs[]): InstanceBeliefs[] {
  if (instances.length <= mostRows) return instances
  const rank = ({ agreed, instance, registered }: InstanceBeliefs) =>
    !agreed || !registered
      ? 0
      : instance?.health !== InstanceHealth.INSTANCE_HEALTH_HEALTHY
        ? 1
        : instance.draining
          ? 2
          : 3
  return instances.toSorted((a, b) => rank(a) - rank(b))
}

const age = (since: Date | undefined, time: Date) => (since ? ` ${duration(time.getTime() - since.getTime())}` : '')
const cell = ({ text, style }: Cell, since: Date | undefined, time: Date): Cell => ({
  text: text + age(since, time),
  style,
})

function registryCell({ instance, registered }: InstanceBeliefs, time: Date): Cell {
  if (!instance || !registered) return { text: '· unknown', style: 'dim' }
  const { drainedBy, draining, drainTime, attached, seenTime, registerTime } = instance
  if (drainedBy) return cell({ text: '○ drained', style: between }, drainTime, time)
  if (draining) return cell({ text: '○ leaving', style: between }, drainTime, time)
  if (!attached) return cell({ text: '◌ detached', style: between }, seenTime, time)
  return cell({ text: '● attached', style: good }, registerTime, time)
}

function healthCell({ instance, registered }: InstanceBeliefs, time: Date): Cell {
  if (!instance || !registered) return { text: '-' }
  return cell(healthLooks(instance), instance.healthSince, time)
}

function healthLooks({ health }: Instance): Cell {
  if (health === InstanceHealth.INSTANCE_HEALTH_HEALTHY) return { text: '● healthy', style: good }
  if (health === InstanceHealth.INSTANCE_HEALTH_FAILING) return { text: '✕ failing', style: bad }
  return { text: '◌ starting', style: 'cyan' }
}

const endpointCell = (status: number): Cell => endpointLooks[status] ?? { text: '?' }
const proxyCell = (belief: ProxyBelief | undefined, time: Date): Cell =>
  belief ? cell(endpointCell(belief.status), belief.since, time) : { text: '-' }

/** "9 healthy, 1 unknown". */
function countedCell(proxies: ProxyBelief[]): Cell {
  const groups = [...Map.groupBy(proxies, ({ status }) => status)].sort(([, a], [, b]) => b.length - a.length)
  const parts = groups.map(([status, some]) => `${some.length} ${endpointCell(status).text.slice(2)}`)
  return { text: parts.join(', ') || '-' }
}

const progresses: Record<number, Cell> = {
  [ProxyProgress.PROXY_PROGRESS_ACCEPTED]: { text: '● has all', style: good },
  [ProxyProgress.PROXY_PROGRESS_REFUSED]: { text: '✕ refuses', style: bad },
  [ProxyProgress.PROXY_PROGRESS_WAITING]: { text: '◌ behind', style: between },
}

/** A version is a hash: its beginning tells it from others. */
const short = (version: string) => version.slice(0, 8) || '-'

function proxyTable(proxies: ProxyMessage[], time: Date): string {
  const rows = proxies.flatMap(({ nodeId, client, types, progress, progressSince, takenChange }) => {
    const state = cell(progresses[progress] ?? { text: '?' }, progressSince, time)
    const first: Cell[] = [{ text: printable(nodeId) }, state, { text: takenChange > 0 ? `#${takenChange}` : '-' }]
    const columns = (types.length > 0 ? types : [undefined]).map(type => {
      if (!type) return [{ text: 'nothing' }, { text: '-' }, { text: '-' }, { text: '-' }]
      const { typeUrl, sentVersion, ackedVersion, nackedVersion } = type
      return [
        { text: kindOf(typeUrl) },
        { text: short(sentVersion) },
        { text: short(ackedVersion), style: ackedVersion === sentVersion ? undefined : (between as Style) },
        { text: nackedVersion ? `✕ ${short(nackedVersion)}` : '-', style: nackedVersion ? (bad as Style) : undefined },
      ]
    })
    return columns.map((rest, index) => [
      ...(index === 0 ? first : [{ text: index === 1 ? `  ${printable(client)}` : '' }, { text: '' }, { text: '' }]),
      ...rest,
    ])
  })
  return table(['PROXY', 'PROGRESS', 'CHANGE', 'TYPE', 'SENT', 'ACKED', 'NACKED'], rows).join('\n')
}

/** What the Envoys hold, when the Console cannot be asked. */
function envoyTable(envoys: EnvoyView[]): string {
  const rows = envoys.map(({ nodeId, state, problem, services, admin }): Cell[] => {
    const held = [...services].map(([service, endpoints]) => {
      const healthy = [...endpoints.values()].filter(({ status, ejected }) => status === 'healthy' && !ejected).length
      return `${service} ${healthy} of ${endpoints.size}`
    })
    return [
      { text: nodeId },
      problem
        ? { text: '✕ no answer', style: bad }
        : { text: `${state === 'LIVE' ? '●' : '◌'} ${printable(state)}`, style: state === 'LIVE' ? good : between },
      { text: admin },
      { text: held.join(', ') || '-' },
    ]
  })
  return table(['ENVOY', 'STATE', 'ADMIN', 'HEALTHY INSTANCES'], rows).join('\n')
}
