/** What is wrong with the calls of services to each other: circuit breakers that hold calls back, and instances that are passed over. */
import type { Finding } from '@site11/proto/grpc/site11/console/v1/diagnostics_service.ts'
import { type CallHealth, CallState, type Instance } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import { isServing } from './beliefs.ts'
import { type DiagnosisInput, finding } from './finding.ts'
import { registeredIn } from './service-findings.ts'
import { counted, earliest, grouped, listed, sentence, span } from './words.ts'

export function callFindings(input: DiagnosisInput): Finding[] {
  const instances = registeredIn(input)
  // What one said that is no longer heard is of no account.
  const views = instances.filter(({ attached }) => attached).flatMap(from => from.calls.map(call => ({ from, call })))
  return [...breakerFindings(views, instances, input.nowMs), ...ejectionFindings(views, instances)]
}

interface View {
  from: Instance
  call: CallHealth
}

function breakerFindings(views: View[], instances: Instance[], nowMs: number): Finding[] {
  const held = views.filter(({ call }) => call.state !== CallState.CALL_STATE_CLOSED)
  return [...Map.groupBy(held, ({ call }) => `${call.service} ${call.method}`).values()].flatMap(some => {
    const [first] = some as [View]
    const { service, method } = first.call
    const members = instances.filter(each => each.service === service)
    const serving = members.filter(isServing)
    const what = method || service
    return grouped(some.map(({ from }) => from)).map(group => {
      const { subject, who, one, name } = group
      const own = some.filter(({ from }) => group.members.includes(from))
      const callers = new Set(group.members.map(each => each.service))
      const others = instances.filter(each => callers.has(each.service) && isServing(each))
      const all = others.every(each => group.members.includes(each))
      const since = earliest(own.map(({ call }) => call.since))
      const reason = own.find(({ call }) => call.reason)?.call.reason || 'no reason was given'
      return finding(all ? 'critical' : 'warning', 'BREAKER_OPEN', {
        subject,
        problem: `${who} ${one ? 'holds' : 'hold'} calls to ${what} back${
          since ? ` for ${span(nowMs - since.getTime())}` : ''
        }: what needs them fails at once with DEPENDENCY_UNAVAILABLE. A few calls are let through each second to see whether they succeed.`,
        cause: `Too many of its calls failed or were not answered in time, the last one like this: ${sentence(reason)} ${
          serving.length === 0
            ? `${service} has no healthy instance.`
            : method
              ? `Other methods of ${service} work, so what this one needs is at fault.`
              : `${counted(serving.length, 'instance')} of ${service} pass${serving.length === 1 ? 'es' : ''} the health check all the same: overloaded, slow, or not to be reached from there.`
        }`,
        nextStep: `See how ${service} fares: npm run mesh -- status, npm run mesh -- logs ${members.length === 1 ? members[0]?.instance : service}${
          name && !one ? `; and how the callers see it: npm run mesh -- logs ${name}` : ''
        }. Calls go through by themselves a second after it works again.`,
        since,
      })
    })
  })
}

function ejectionFindings(views: View[], instances: Instance[]): Finding[] {
  const ejections = views.flatMap(({ from, call }) => call.ejected.map(address => ({ from, call, address })))
  return [...Map.groupBy(ejections, ({ address }) => address)].map(([address, some]) => {
    const service = some[0]?.call.service ?? ''
    const found = instances.find(each => each.address === address && each.service === service)
    const who = found?.instance ?? address
    const callers = listed(some.map(({ from }) => from.instance))
    return finding('warning', 'INSTANCE_EJECTED', {
      subject: found ? `instances/${found.instance}` : `services/${service}`,
      problem: `${callers} ${some.length === 1 ? 'passes' : 'pass'} over ${who}${found ? ` (${address})` : ''}: several calls in a row failed there. Others of ${service} are called instead.`,
      cause: `The last failure: ${sentence(some.find(({ call }) => call.reason)?.call.reason || 'no reason was given')} The health check does not see it: it hangs, is overloaded, or cannot be reached from there.`,
      nextStep: `See what it says: npm run mesh -- logs ${who}. Take it out while you look: npm run mesh -- drain ${found?.instance ?? '<instance>'}. It is tried again every few seconds.`,
    })
  })
}
