/** Finds out what is wrong: asks the Console and every Envoy of this machine, and does without the Console when it is away. */
import { setTimeout as delay } from 'node:timers/promises'
import {
  EndpointStatus,
  type Finding,
  type InstanceBeliefs,
  Severity,
} from '@site11/proto/grpc/site11/console/v1/diagnostics_service.ts'
import {
  DiscoveryVariant,
  InstanceHealth,
  type Proxy as ProxyMessage,
  ProxyProgress,
} from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import { ConsoleAway, type ConsoleClient } from './console-client.ts'
import type { Deployment } from './deployment.ts'
import { deploymentFindings } from './deployment-findings.ts'
import { envoyFindings } from './envoy-findings.ts'
import { askEnvoy, type EnvoyView, knownEnvoys } from './envoy-view.ts'
import type { Home } from './home.ts'
import { localFindings } from './local-findings.ts'
import type { ProcessStatus } from './process.ts'
import { lastLines, renderLine } from './read-logs.ts'
import type { Diagnosis } from './render-diagnosis.ts'

/** What Envoy lacks must be lacking for longer than a change is under way. ms. */
const againMs = 700
const consoleLines = 12

/**
 * @param processes what the supervisor says of them; asked for only when the Console is away.
 * @param deployments what it has deployed, the last one first.
 */
export async function diagnose(
  client: ConsoleClient,
  home: Home,
  processes: () => Promise<ProcessStatus[]>,
  deployments: () => Promise<Deployment[]>,
): Promise<Diagnosis> {
  const [diagnosis, deployed] = await Promise.all([withOrWithoutConsole(client, home, processes), deployments()])
  return { ...diagnosis, findings: inOrder([...diagnosis.findings, ...deploymentFindings(deployed)]) }
}

async function withOrWithoutConsole(
  client: ConsoleClient,
  home: Home,
  processes: () => Promise<ProcessStatus[]>,
): Promise<Diagnosis> {
  try {
    return await withConsole(client, home)
  } catch (error) {
    if (!(error instanceof ConsoleAway)) throw error
    const [running, envoys] = await Promise.all([processes(), viewsOf(home)])
    return {
      time: new Date(),
      findings: inOrder(localFindings(error.why, running, envoys)),
      instances: [],
      proxies: [],
      envoys,
      consoleLog: lastLines(home.logs, 'console', consoleLines).map(line => renderLine('console', line)),
    }
  }
}

async function withConsole(client: ConsoleClient, home: Home): Promise<Diagnosis> {
  const look = () => Promise.all([client.beliefs(), client.proxies(), viewsOf(home)])
  const [{ findings, checkTime }, first] = await Promise.all([client.diagnose(), look()])
  // Of two looks at things that change, what only one has seen was on its way.
  const suspected = found(first)
  const second = suspected.length > 0 ? await delay(againMs).then(look) : first
  const codes = new Set(suspected.map(keyOf))
  const [instances, proxies, envoys] = second
  const own = suspected.length > 0 ? found(second).filter(finding => codes.has(keyOf(finding))) : []
  return {
    time: checkTime ?? new Date(),
    findings: inOrder([...findings, ...own]),
    instances,
    proxies,
    envoys,
    consoleLog: [],
  }
}

const viewsOf = (home: Home): Promise<EnvoyView[]> => Promise.all(knownEnvoys(home.envoy).map(askEnvoy))

const found = ([beliefs, proxies, views]: [InstanceBeliefs[], ProxyMessage[], EnvoyView[]]) =>
  envoyFindings(views, new Set(proxies.map(({ nodeId }) => nodeId)), beliefs)

const keyOf = ({ code, subject }: Finding) => `${code} ${subject}`

/** The worst first; otherwise as they are. */
const inOrder = (findings: Finding[]) => findings.toSorted((a, b) => a.severity - b.severity)

export const isCritical = ({ severity }: Finding) => severity === Severity.SEVERITY_CRITICAL

/** The whole diagnosis for programs: what enums mean as words. */
export function diagnosisJson({ time, findings, instances, proxies, envoys, consoleLog }: Diagnosis): object {
  return {
    time,
    findings: findings.map(each => ({ ...each, severity: word(Severity, each.severity) })),
    instances: instances.map(({ instance, proxies: beliefs, ...rest }) => ({
      ...rest,
      instance: instance && { ...instance, health: word(InstanceHealth, instance.health) },
      proxies: beliefs.map(belief => ({ ...belief, status: word(EndpointStatus, belief.status) })),
    })),
    proxies: proxies.map(each => ({
      ...each,
      variant: word(DiscoveryVariant, each.variant),
      progress: word(ProxyProgress, each.progress),
    })),
    envoys: envoys.map(({ services, ...rest }) => ({
      ...rest,
      services: Object.fromEntries([...services].map(([name, of]) => [name, Object.fromEntries(of)])),
    })),
    consoleLog,
  }
}

/** "healthy" of INSTANCE_HEALTH_HEALTHY: without what all names of the enum begin with. */
function word(names: Record<string, number>, value: number): string {
  const all = Object.keys(names).filter(name => name !== 'UNRECOGNIZED')
  const [first = ''] = all
  const shared = first.slice(0, first.length - 'UNSPECIFIED'.length)
  return (all.find(name => names[name] === value) ?? '').slice(shared.length).toLowerCase()
}
