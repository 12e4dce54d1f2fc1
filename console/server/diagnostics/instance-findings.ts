/** What is wrong with instances of services that are served by others. Those of a service that nobody serves are told of there. */
import type { Finding } from '@site11/proto/grpc/site11/console/v1/diagnostics_service.ts'
import type { Instance } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import { type Ailment, ailmentOf, ailments, isUnheard } from './ailments.ts'
import { isDrained, isLeaving, isServing } from './beliefs.ts'
import { clockFindings } from './clock-findings.ts'
import { type DiagnosisInput, finding } from './finding.ts'
import { registeredIn } from './service-findings.ts'
import { earliest, grouped, listed, sentence, span } from './words.ts'

/** All ms. */
const startingMs = 30_000
const leavingMs = 30_000
const drainedMs = 60 * 60_000
/** So many changes of health within five minutes are no longer a restart or two. */
const flaps = 4

export function instanceFindings(input: DiagnosisInput): Finding[] {
  const instances = registeredIn(input)
  const { nowMs } = input
  return [
    ...illFindings(instances, nowMs),
    ...detachedFindings(instances, nowMs),
    ...flappingFindings(instances),
    ...leavingFindings(instances, nowMs),
    ...drainedFindings(instances, nowMs),
    ...clockFindings(instances),
  ]
}

const ageMs = (since: Date | undefined, nowMs: number) => (since ? nowMs - since.getTime() : 0)

const codes = {
  gone: 'INSTANCE_UNREACHABLE',
  frozen: 'INSTANCE_UNREACHABLE',
  unreachable: 'INSTANCE_UNREACHABLE',
  notServing: 'INSTANCE_NOT_SERVING',
  starting: 'INSTANCE_FAILING',
  other: 'INSTANCE_FAILING',
} as const

function illFindings(instances: Instance[], nowMs: number): Finding[] {
  const served = new Set(instances.filter(isServing).map(({ service }) => service))
  const ill = instances.flatMap(instance => {
    if (!served.has(instance.service) || isDrained(instance) || isLeaving(instance)) return []
    const ailment = ailmentOf(instance, nowMs)
    if (ailment === undefined || ailment === 'dependency') return []
    if (ailment === 'starting' && ageMs(instance.registerTime, nowMs) < startingMs) return []
    return [{ instance, ailment }]
  })
  return [...Map.groupBy(ill, ({ ailment }) => ailment)].flatMap(([ailment, some]) =>
    grouped(some.map(({ instance }) => instance)).map(({ subject, who, one, name, members }) => {
      const { one: does, many: do_, cause, next } = ailments[ailment as Exclude<Ailment, 'dependency'>]
      const [first] = members
      const detail = one ? ` (address ${first?.address}; ${first?.healthReason || 'no reason given'})` : ''
      return finding('warning', codes[ailment], {
        subject,
        problem: `${who} ${one ? does : do_}${detail}. Others of ${one ? first?.service : 'the same services'} serve meanwhile.`,
        cause,
        nextStep: next(name),
        since: earliest(members.map(({ healthSince }) => healthSince)),
      })
    }),
  )
}

function detachedFindings(instances: Instance[], nowMs: number): Finding[] {
  const detached = instances.filter(
    each => !each.attached && !isLeaving(each) && isUnheard(each, nowMs) && ailmentOf(each, nowMs) !== 'gone',
  )
  return grouped(detached).map(({ subject, who, one, name, members }) => {
    const until = earliest(members.map(({ leaseExpireTime }) => leaseExpireTime))
    return finding('warning', 'INSTANCE_DETACHED', {
      subject,
      problem: `${who} ${one ? 'is' : 'are'} not attached to the Console. ${
        until && until.getTime() > nowMs
          ? `${one ? 'It keeps its place' : 'They keep their places'} for another ${span(until.getTime() - nowMs)}${one ? '' : ' or more'}; without a sign of life it is forgotten then.`
          : ''
      }`.trim(),
      cause: `The stream broke and does not come back: the process was killed, the Console's gRPC port cannot be reached from there, or its join token is no longer right.`,
      nextStep: `See whether it runs and why it cannot attach: npm run mesh -- status, npm run mesh -- logs${name && ` ${name}`}.`,
      since: earliest(members.map(({ seenTime }) => seenTime)),
    })
  })
}

function flappingFindings(instances: Instance[]): Finding[] {
  const flapping = instances.filter(({ healthChanges }) => healthChanges >= flaps)
  return grouped(flapping).map(({ subject, who, one, name, members }) => {
    const most = Math.max(...members.map(({ healthChanges }) => healthChanges))
    return finding('warning', 'INSTANCE_FLAPPING', {
      subject,
      problem: `${who} ${one ? 'goes' : 'go'} back and forth between healthy and failing: ${one ? '' : 'up to '}${most} changes within five minutes. Each return needs more successes in a row the more often it fell.`,
      cause:
        'Overload, a dependency that comes and goes, a process that crashes soon after its start, or a time limit close to what the work takes.',
      nextStep: `${
        name && one
          ? `The reason of each change: npm run mesh -- changes --filter 'subject = "instances/${name}"'.`
          : `The reason of each change: npm run mesh -- changes --filter 'action = "instance.health"'.`
      } Give it room, or take it out while you look: npm run mesh -- drain ${one ? name : '<instance>'}.`,
    })
  })
}

function leavingFindings(instances: Instance[], nowMs: number): Finding[] {
  const leaving = instances.filter(each => isLeaving(each) && ageMs(each.drainTime, nowMs) > leavingMs)
  return grouped(leaving).map(({ subject, who, one, name, members }) =>
    finding('warning', 'LEAVING_LONG', {
      subject,
      problem: `${who} ${one ? 'wants' : 'want'} to leave for more than ${span(leavingMs)} and ${one ? 'is' : 'are'} still there, without requests.`,
      cause: 'Calls or streams that do not end hold it up, or its shutdown hangs.',
      nextStep: `See what it waits for: npm run mesh -- logs${name && ` ${name}`}. It can be ended without harm, as nothing is sent there: npm run mesh -- remove ${one ? name : '<instance>'}, then end its process.`,
      since: earliest(members.map(({ drainTime }) => drainTime)),
    }),
  )
}

function drainedFindings(instances: Instance[], nowMs: number): Finding[] {
  const drained = instances.filter(each => isDrained(each) && ageMs(each.drainTime, nowMs) > drainedMs)
  const same = Map.groupBy(drained, ({ drainedBy, drainReason }) => JSON.stringify([drainedBy, drainReason]))
  return [...same.values()].flatMap(some =>
    grouped(some).map(({ subject, who, one, members }) => {
      const since = earliest(members.map(({ drainTime }) => drainTime))
      const names = members.map(({ instance }) => instance)
      const { drainedBy = '', drainReason = '' } = members[0] ?? {}
      return finding('notice', 'DRAINED_LONG', {
        subject,
        problem: `${who} ${one ? 'has' : 'have'} been out of service for ${span(ageMs(since, nowMs))}.`,
        cause: `${drainedBy} drained ${one ? 'it' : 'them'}: ${sentence(drainReason || 'no reason was given')}`,
        nextStep: `If that is done, put ${one ? 'it' : 'each'} back: npm run mesh -- resume ${listed(names, 1)}. Otherwise nothing needs to be done.`,
        since,
      })
    }),
  )
}
