/** What callers notice first: services that nobody serves, and what services stand on. */
import type { Finding } from '@site11/proto/grpc/site11/console/v1/diagnostics_service.ts'
import type { Instance } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import type { Refusal } from '../registry/refusals.ts'
import { type Ailment, ailmentOf, ailments, failingDependencies } from './ailments.ts'
import { isDrained, isLeaving, isServing } from './beliefs.ts'
import { type DiagnosisInput, finding } from './finding.ts'
import { compare, counted, earliest, latest, listed, sentence } from './words.ts'

export function serviceFindings(input: DiagnosisInput): Finding[] {
  const instances = registeredIn(input)
  const byService = Map.groupBy(instances, ({ service }) => service)
  const names = [...new Set([...input.expected, ...input.services.keys()])].sort(compare)
  return [
    ...dependencyFindings(instances, byService),
    ...names.flatMap(name => {
      const members = byService.get(name) ?? []
      if (members.some(isServing)) return []
      return members.length === 0 ? [absent(name, input)] : down(name, members, input.nowMs)
    }),
  ]
}

export const registeredIn = ({ beliefs }: Pick<DiagnosisInput, 'beliefs'>): Instance[] =>
  beliefs.flatMap(({ instance, registered }) => (instance && registered ? [instance] : []))

/** What runs a dependency on one machine, as the commands name it. */
const processes: Record<string, string> = { mongodb: 'mongod', redis: 'redis' }

function dependencyFindings(instances: Instance[], byService: Map<string, Instance[]>): Finding[] {
  const views = instances.flatMap(instance =>
    failingDependencies(instance).map(dependency => ({ instance, dependency })),
  )
  return [...Map.groupBy(views, ({ dependency }) => dependency.name)].map(([name, some]) => {
    if (name === events) return eventsFinding(some)
    const services = [...Map.groupBy(some, ({ instance }) => instance.service)]
    const unserved = services.map(([service]) => service).filter(each => !byService.get(each)?.some(isServing))
    const users = instances.filter(({ dependencies }) => dependencies.some(dependency => dependency.name === name))
    const all = users.length === some.length
    const whom = listed(services.map(([service, { length }]) => `${service} (${counted(length, 'instance')})`))
    const process = processes[name]
    return finding(unserved.length > 0 ? 'critical' : 'warning', 'DEPENDENCY_DOWN', {
      subject: services.length === 1 && !all ? `services/${services[0]?.[0]}` : 'mesh',
      problem: `${name} does not answer ${all ? 'anybody' : `${some.length} of ${users.length} instances that use it`}: ${whom}. ${
        unserved.length > 0 ? `Not served because of it: ${listed(unserved)}.` : 'All services are still served.'
      }`,
      cause: `${sentence(some[0]?.dependency.reason || 'No reason was given')} ${
        all
          ? `Everybody who uses ${name} says so, so ${name} itself is down, overloaded or cut off.`
          : `Others reach ${name}, so the way to it or the credentials of these instances are at fault.`
      }`,
      nextStep:
        process && all
          ? `See whether ${process} runs and what it says: npm run mesh -- status, npm run mesh -- logs ${process}. The services recover by themselves when it is back.`
          : `Try to reach ${name} from where they run, and see npm run mesh -- logs ${some[0]?.instance.instance}. They recover by themselves when it answers.`,
      since: earliest(some.map(({ instance }) => (isServing(instance) ? undefined : instance.healthSince))),
    })
  })
}

/** Of the events that an instance publishes or handles it tells as of a dependency. */
const events = 'events'

function eventsFinding(some: { instance: Instance; dependency: { reason: string } }[]): Finding {
  const reasons = [...new Set(some.map(({ dependency }) => dependency.reason))]
  const services = [...new Set(some.map(({ instance }) => instance.service))]
  return finding('warning', 'EVENTS_BEHIND', {
    subject: services.length === 1 ? `services/${services[0]}` : 'mesh',
    problem: `Events do not arrive in time, as ${listed(some.map(({ instance }) => instance.instance))} ${some.length === 1 ? 'says' : 'say'}: ${sentence(reasons.join('; '))} None is lost: they are kept where they were written.`,
    cause:
      'Redis is away, or a group is behind: no instance of it runs, it is slower than events come, or an event keeps failing. What a group has not acknowledged is kept for it, for ever.',
    nextStep:
      'See how far each group is: /events in the dashboard, or GET /api/v1/events/streams. Start the service that is behind, or more of it; a group that nobody reads for any more is forgotten by DELETE /api/v1/events/streams/<stream>/groups/<group>.',
  })
}

function absent(name: string, { services, refusals }: DiagnosisInput): Finding {
  const refused = refusals
    .filter(({ service }) => service === name)
    .sort((a, b) => b.last.getTime() - a.last.getTime())[0]
  const emptySinceMs = services.get(name)?.emptySinceMs
  return finding('critical', 'SERVICE_ABSENT', {
    subject: `services/${name}`,
    problem: `${name} has no instance: every call of it fails.`,
    cause: refused
      ? refusedCause(refused)
      : 'Its processes have ended or were stopped, or they cannot reach the Console to register.',
    nextStep: refused
      ? 'Mend what the refusal says; the instance tries again by itself.'
      : `See whether it runs and what it says: npm run mesh -- status, npm run mesh -- logs ${name}. If it was taken away for good: npm run mesh -- forget ${name}.`,
    since: emptySinceMs === undefined ? undefined : new Date(emptySinceMs),
  })
}

const refusedCause = ({ instance, reason }: Refusal) =>
  `${instance || 'An instance'} wants to register and is refused: ${sentence(reason)}`

function down(name: string, members: Instance[], nowMs: number): Finding[] {
  const staying = members.filter(each => !isDrained(each) && !isLeaving(each))
  if (staying.length === 0) return [drained(name, members)]
  const ill = Map.groupBy(staying, each => ailmentOf(each, nowMs) ?? 'other')
  // Told of by the dependency.
  if (ill.size === 1 && ill.has('dependency')) return []
  const groups = [...ill].sort(([, a], [, b]) => b.length - a.length)
  const parts = groups.map(
    ([ailment, some]) => `${listed(some.map(({ instance }) => instance))} ${wordsOf(ailment, some)}`,
  )
  const out = members.length - staying.length
  const [main = 'other'] = groups.find(([ailment]) => ailment !== 'dependency') ?? []
  const { cause, next } = ailments[main as Exclude<Ailment, 'dependency'>]
  return [
    finding('critical', 'SERVICE_DOWN', {
      subject: `services/${name}`,
      problem: `${name} has no healthy instance: every call of it fails. ${sentence(parts.join('; '))}${
        out > 0 ? ` ${counted(out, 'more instance')} drained or leaving.` : ''
      }`,
      cause,
      nextStep: next(staying.length === 1 ? (staying[0]?.instance ?? name) : name),
      // Since the last of them fell nobody serves.
      since: latest(staying.map(({ healthSince }) => healthSince)),
    }),
  ]
}

function wordsOf(ailment: Ailment, some: Instance[]): string {
  if (ailment === 'dependency') return `fails because of ${failingDependencies(some[0] as Instance)[0]?.name}`
  const words = ailments[ailment]
  const reason = ailment === 'other' ? ` (${some[0]?.healthReason})` : ''
  return `${some.length === 1 ? words.one : words.many}${reason}`
}

function drained(name: string, members: Instance[]): Finding {
  const byPeople = members.filter(isDrained)
  const [first] = byPeople
  if (!first) {
    return finding('critical', 'SERVICE_DRAINED', {
      subject: `services/${name}`,
      problem: `All instances of ${name} are leaving (${listed(members.map(({ instance }) => instance))}): every call of it fails.`,
      cause: 'They were stopped, and nothing was started in their place.',
      nextStep: `Start an instance, or wait for the next one: npm run mesh -- status.`,
      since: earliest(members.map(({ drainTime }) => drainTime)),
    })
  }
  return finding('critical', 'SERVICE_DRAINED', {
    subject: `services/${name}`,
    problem: `All instances of ${name} are drained or leaving (${listed(members.map(({ instance }) => instance))}): every call of it fails.`,
    cause: `${listed([...new Set(byPeople.map(({ drainedBy }) => drainedBy))])} drained ${listed(byPeople.map(({ instance }) => instance))}: ${sentence(first.drainReason || 'no reason was given')}`,
    nextStep: `Put one back into service: npm run mesh -- resume ${first.instance}.`,
    since: latest(members.map(({ drainTime }) => drainTime)),
  })
}
