/** What deployments leave for an operator to know or to mend. Pure. */
import { type Finding, Severity } from '@site11/proto/grpc/site11/console/v1/diagnostics_service.ts'
import { type Deployment, isUnderWay } from './deployment.ts'
import { finding, warning } from './envoy-findings.ts'

/** @param deployments the last one first. Of each service the last one counts. */
export function deploymentFindings(deployments: readonly Deployment[]): Finding[] {
  const last = [...Map.groupBy(deployments, ({ service }) => service).values()].flatMap(([newest]) => newest ?? [])
  return last.flatMap(each => (isUnderWay(each) ? [underWay(each)] : each.state === 'failed' ? [failed(each)] : []))
}

function underWay(each: Deployment): Finding {
  const { deployment, service, version, previousVersion, createTime, reason, steps, canaryPercent, state } = each
  const doing = steps.at(-1)
  return finding({
    severity: state === 'rolling_back' ? warning : Severity.SEVERITY_NOTICE,
    code: state === 'rolling_back' ? 'DEPLOYMENT_ROLLING_BACK' : 'DEPLOYMENT_UNDER_WAY',
    subject: `services/${service}`,
    problem:
      state === 'rolling_back'
        ? `${service} ${version} is being rolled back to ${previousVersion} (${deployment}): ${reason}`
        : `${service} ${version} is being deployed in the place of ${previousVersion} (${deployment})${
            state === 'canary' ? `, and ${canaryPercent} % of the requests go to it` : ''
          }.`,
    cause: doing ? `Its last step is ${[doing.action, doing.instance].join(' ').trim()}.` : 'It has just begun.',
    nextStep: `Nothing; it ends by itself. To end it now: npm run mesh -- rollback ${service}.`,
    since: new Date(createTime),
  })
}

function failed({
  deployment,
  service,
  version,
  previousVersion,
  reason,
  weighted,
  extra,
  endTime,
}: Deployment): Finding {
  const left = [
    ...(weighted ? ['requests are still spread by its weights'] : []),
    ...(extra ? [`${extra} still runs beside the others`] : []),
  ]
  return finding({
    severity: warning,
    code: 'DEPLOYMENT_FAILED',
    subject: `services/${service}`,
    problem: `The deployment of ${service} ${version} (${deployment}) could neither be ended nor taken back to ${previousVersion}${
      left.length > 0 ? `: ${left.join(', and ')}` : ''
    }.`,
    cause: reason,
    nextStep: `See npm run mesh -- logs ${service}; then go back, npm run mesh -- rollback ${service}, or deploy another build. Either takes away what was left.`,
    since: endTime === undefined ? undefined : new Date(endTime),
  })
}
