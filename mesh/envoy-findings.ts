/** What the Envoys themselves show to be wrong, which the Console cannot know. Pure. */
import {
  EndpointStatus,
  type Finding,
  type InstanceBeliefs,
  Severity,
} from '@site11/proto/grpc/site11/console/v1/diagnostics_service.ts'
import type { EnvoyView } from './envoy-view.ts'

export const critical = Severity.SEVERITY_CRITICAL
export const warning = Severity.SEVERITY_WARNING

export const finding = (parts: Omit<Finding, 'since' | 'changes'> & Partial<Finding>): Finding => ({
  since: undefined,
  changes: [],
  ...parts,
})

/**
 * @param connected the node ids of the proxies that the Console sees.
 * @returns findings on Envoys that hang, are not connected, or do not do what they have accepted.
 */
export function envoyFindings(
  views: readonly EnvoyView[],
  connected: ReadonlySet<string>,
  beliefs: readonly InstanceBeliefs[],
): Finding[] {
  return views.flatMap(view => {
    const { nodeId } = view
    // One that neither answers nor is connected does not run.
    if (view.problem !== '') return connected.has(nodeId) ? [silent(view)] : []
    if (!connected.has(nodeId)) return [unconnected(view)]
    return [...(view.state === 'LIVE' ? [] : [notReady(view)]), ...ejected(view), ...lacking(view, beliefs)]
  })
}

const silent = ({ nodeId, problem }: EnvoyView) =>
  finding({
    severity: critical,
    code: 'ENVOY_SILENT',
    subject: `proxies/${nodeId}`,
    problem: `${nodeId} is connected to the Console, but does not answer at its admin page (${problem}): it serves nothing, or hangs.`,
    cause: problem.includes('ECONNREFUSED')
      ? 'Its process has ended, and the Console has not noticed yet.'
      : 'The process is frozen (SIGSTOP, swapping) or overloaded: requests through it hang as well.',
    nextStep: `See npm run mesh -- logs ${nodeId} and what the machine does; if it does not recover: npm run mesh -- restart ${nodeId}.`,
  })

const unconnected = ({ nodeId, admin, services }: EnvoyView) =>
  finding({
    severity: warning,
    code: 'ENVOY_UNCONNECTED',
    subject: `proxies/${nodeId}`,
    problem: `${nodeId} runs (admin page ${admin}) and holds ${services.size} services, but is not connected to the Console: it serves what it had and takes no changes.`,
    cause:
      "It cannot reach the Console's gRPC port, or shows another join token; right after a start of the Console it may be on its way back.",
    nextStep: `Look again in a few seconds; if it stays so: npm run mesh -- logs ${nodeId}.`,
  })

const notReady = ({ nodeId, state }: EnvoyView) =>
  finding({
    severity: critical,
    code: 'ENVOY_NOT_READY',
    subject: `proxies/${nodeId}`,
    problem: `${nodeId} is not ready: it says ${state}.`,
    cause: 'It has not got all of its first configuration, is shutting down, or was told to fail its health check.',
    nextStep: `npm run mesh -- logs ${nodeId} says what it waits for.`,
  })

function ejected({ nodeId, services }: EnvoyView): Finding[] {
  return [...services].flatMap(([service, endpoints]) => {
    const out = [...endpoints]
      .filter(([, { ejected: out, status }]) => out && status === 'healthy')
      .map(([name]) => name)
    if (out.length === 0) return []
    const left = [...endpoints.values()].filter(endpoint => !endpoint.ejected && endpoint.status === 'healthy').length
    return [
      finding({
        severity: left === 0 ? critical : warning,
        code: 'ENVOY_EJECTED',
        subject: out.length === 1 ? `instances/${out[0]}` : `services/${service}`,
        problem: `${nodeId} has ejected ${out.join(', ')} and sends nothing there, although it was told that ${out.length === 1 ? 'it is' : 'they are'} healthy; ${left} of ${endpoints.size} instances of ${service} are left.`,
        cause:
          'Requests to it failed, one after the other or most of them: connections refused or reset, no answers, or 5xx. The health check asks for less than requests do.',
        nextStep: `Read what fails there: npm run mesh -- logs ${out[0]}. Envoy takes it back by itself within 30 s and ejects it again if it still fails; to have it out for good: npm run mesh -- drain ${out[0]}.`,
      }),
    ]
  })
}

/** What it has accepted and yet does not hold, or not as healthy. */
function lacking({ nodeId, services }: EnvoyView, beliefs: readonly InstanceBeliefs[]): Finding[] {
  const missing = beliefs.flatMap(({ instance, proxies }) => {
    const accepted = proxies.find(belief => belief.nodeId === nodeId)?.status === EndpointStatus.ENDPOINT_STATUS_HEALTHY
    const holds = services.get(instance?.service ?? '')?.get(instance?.instance ?? '')
    return accepted && instance && holds?.status !== 'healthy' ? [{ instance, holds }] : []
  })
  return [...Map.groupBy(missing, ({ instance }) => instance.service)].map(([service, some]) => {
    const names = some.map(({ instance }) => instance.instance)
    const left = [...(services.get(service)?.values() ?? [])].some(
      ({ status, ejected: out }) => status === 'healthy' && !out,
    )
    return finding({
      severity: left ? warning : critical,
      code: 'ENVOY_LACKS',
      subject: names.length === 1 ? `instances/${names[0]}` : `services/${service}`,
      problem: `${nodeId} has accepted ${names.join(', ')} as healthy, but ${services.has(service) ? 'does not use it so' : `has no cluster ${service}`}: ${some
        .map(({ instance, holds }) => `${instance.instance} is ${holds?.status ?? 'missing'}`)
        .join(', ')}.`,
      cause: 'Its cluster is still warming, or what it was given does not mean what was meant.',
      nextStep: `If that stays so for more than a few seconds: npm run mesh -- restart ${nodeId}, which makes it fetch everything anew; keep npm run mesh -- diagnose --json for a report.`,
    })
  })
}
