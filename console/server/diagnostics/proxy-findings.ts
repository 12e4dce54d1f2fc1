/** What is wrong between the Console and those who take their configuration from it. */
import {
  EndpointStatus,
  type Finding,
  type InstanceBeliefs,
} from '@site11/proto/grpc/site11/console/v1/diagnostics_service.ts'
import {
  type Proxy as ProxyMessage,
  ProxyProgress,
  type ProxyResourceType,
} from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import { isServing, mistakeOf } from './beliefs.ts'
import { type DiagnosisInput, finding, type NamedChange } from './finding.ts'
import { kindOf } from './resource-kinds.ts'
import { compare, counted, earliest, latest, listed, sentence, span } from './words.ts'

/** How long a proxy may take to answer. ms. */
const silentMs = 5000
/** How long it may lack something although it answers. ms. */
const behindMs = 30_000
/** How long it may believe otherwise than the registry: longer than any change takes. ms. */
const disagreeMs = 2000

export function proxyFindings(input: DiagnosisInput): Finding[] {
  if (input.proxies.length === 0) return [noProxy]
  return [
    ...refusalFindings(input),
    ...silentFindings(input),
    ...behindFindings(input),
    ...mistakeFindings(input, 'stale'),
    ...mistakeFindings(input, 'lacks'),
  ]
}

const noProxy = finding('critical', 'NO_PROXY', {
  subject: 'mesh',
  problem:
    'No proxy is connected. One that still runs goes on with what it had and takes no changes; without one nothing reaches the services from outside.',
  cause: "Envoy does not run, cannot reach the Console's gRPC port, or shows another join token than this mesh has.",
  nextStep: 'See whether it runs and what it says: npm run mesh -- status, npm run mesh -- logs envoy.',
})

/** How the commands call what runs these proxies. */
const processOf = (nodes: string[]) => (nodes.length === 1 ? nodes[0] : 'envoy')

const subjectOf = (nodes: string[]) => (nodes.length === 1 ? `proxies/${nodes[0]}` : 'mesh')

function refusalFindings({ proxies, changes }: DiagnosisInput): Finding[] {
  const refused = proxies.flatMap(({ nodeId, types }) =>
    types.filter(({ nackedVersion }) => nackedVersion !== '').map(type => ({ nodeId, type })),
  )
  const same = Map.groupBy(refused, ({ type }) => `${type.typeUrl} ${type.nackReason}`)
  return [...same.values()].map(some => {
    const nodes = some.map(({ nodeId }) => nodeId)
    const { type } = some[0] as { type: ProxyResourceType }
    // Refused by one that never accepted any, it is missing there altogether.
    const without = some.filter(({ type: { ackedVersion } }) => ackedVersion === '').map(({ nodeId }) => nodeId)
    const ids = [...new Set(some.flatMap(({ type: { nackChanges } }) => nackChanges))].sort((a, b) => a - b)
    const what = type.nackedResources.length > 0 ? ` (${listed(type.nackedResources)})` : ''
    return finding(without.length > 0 ? 'critical' : 'warning', 'PROXY_REFUSES', {
      subject: subjectOf(nodes),
      problem: `${listed(nodes)}${proxies.length > 1 ? ` (${nodes.length} of ${proxies.length} proxies)` : ''} refused ${kindOf(type.typeUrl)}${what}: ${sentence(type.nackReason)} ${
        without.length > 0
          ? `${listed(without)} never accepted any before, so it has none.`
          : 'What was accepted last stays in force and traffic goes on, but later changes of these are held back too.'
      }`,
      ...explained(ids, changes),
      since: earliest(some.map(each => each.type.nackedTime)),
      changes: ids,
    })
  })
}

/** Of several changes that went out together, those that make configuration come first. */
const suspects = ['service.contract', 'instance.registered', 'instance.returned', 'key.rotated']

function explained(ids: number[], changes: readonly NamedChange[]): { cause: string; nextStep: string } {
  const rank = ({ action }: NamedChange) => (suspects.includes(action) ? suspects.indexOf(action) : suspects.length)
  const known = changes.filter(({ id }) => ids.includes(id)).sort((a, b) => rank(a) - rank(b) || b.id - a.id)
  const [first] = known
  if (!first) {
    const range =
      ids.length > 0 ? ` It came with ${ids.length === 1 ? 'change' : 'changes'} ${listed(ids.map(String))}.` : ''
    return {
      cause: `Which change it came from is not known: it was so when the Console started, or the journal cannot be read now.${range}`,
      nextStep:
        'Look at what changed lately: npm run mesh -- changes. Undo what fits the reason; proxies get what is then true at once.',
    }
  }
  const told = known
    .slice(0, 3)
    .map(
      ({ id, action, subject, actor, reason }) =>
        `change ${id}, ${action} of ${subject} by ${actor}${reason && ` (${reason})`}`,
    )
  const more = ids.length - told.length
  const name = first.subject.split('/')[1] ?? first.subject
  return {
    cause: `It came with ${told.join('; ')}${more > 0 ? ` and ${counted(more, 'other change')}` : ''}.`,
    nextStep: `See it with: npm run mesh -- changes --filter 'id = ${first.id}'. ${undoing(first, name)}`,
  }
}

function undoing({ action }: NamedChange, name: string): string {
  if (action === 'service.contract')
    return `Then correct the contract of ${name} and start an instance with it, or start the previous version again.`
  if (action.startsWith('instance.'))
    return `Then correct what ${name} says of itself and restart it, or take it out: npm run mesh -- remove ${name}.`
  return 'Then undo it: proxies get what is then true at once.'
}

/** @returns the types that were sent and not answered, the one that waits longest first. */
const unanswered = ({ types }: ProxyMessage) =>
  types
    .filter(
      ({ sentVersion, ackedVersion, nackedVersion }) =>
        sentVersion !== '' && sentVersion !== ackedVersion && sentVersion !== nackedVersion,
    )
    .sort((a, b) => (a.sentTime?.getTime() ?? 0) - (b.sentTime?.getTime() ?? 0))

const waitsSince = (proxy: ProxyMessage) => unanswered(proxy)[0]?.sentTime

const isSilent = (proxy: ProxyMessage, nowMs: number) => {
  const since = waitsSince(proxy)
  return since !== undefined && nowMs - since.getTime() > silentMs
}

function silentFindings({ proxies, nowMs }: DiagnosisInput): Finding[] {
  const silent = proxies.filter(proxy => isSilent(proxy, nowMs))
  if (silent.length === 0) return []
  const nodes = silent.map(({ nodeId }) => nodeId)
  const since = earliest(silent.map(waitsSince))
  const what = [...new Set(silent.flatMap(unanswered).map(({ typeUrl }) => kindOf(typeUrl)))].sort(compare)
  const many = nodes.length > 1
  return [
    finding('warning', 'PROXY_SILENT', {
      subject: subjectOf(nodes),
      problem: `${listed(nodes)}${many ? ` (${nodes.length} of ${proxies.length} proxies)` : ''} ${
        many ? 'have' : 'has'
      } not answered for ${span(nowMs - (since?.getTime() ?? nowMs))} to the ${listed(what)} that ${
        many ? 'they were' : 'it was'
      } sent. What ${many ? 'they' : 'it'} accepted before stays in force there.`,
      cause:
        many && nodes.length === proxies.length
          ? 'None of them answers, so the network between them and the Console, or the machine they share, is the likely cause.'
          : 'The process is frozen (SIGSTOP, swapping) or overloaded, or the network drops what goes between: its stream is open, but nothing comes.',
      nextStep: `See whether it serves at all: npm run mesh -- diagnose asks Envoy itself, npm run mesh -- logs ${processOf(nodes)} shows what it said. If it hangs: npm run mesh -- restart ${processOf(nodes)}.`,
      since,
    }),
  ]
}

function behindFindings({ proxies, nowMs }: DiagnosisInput): Finding[] {
  const behind = proxies.filter(proxy => {
    const { progress, progressSince, types } = proxy
    if (progress !== ProxyProgress.PROXY_PROGRESS_WAITING || isSilent(proxy, nowMs)) return false
    // One that answers all the time keeps up with changes that never end.
    const heard = latest([
      progressSince,
      ...types.flatMap(({ sentTime, ackedTime, nackedTime }) => [sentTime, ackedTime, nackedTime]),
    ])
    return heard !== undefined && nowMs - heard.getTime() > behindMs
  })
  return behind.map(({ nodeId, types, progressSince, takenChange }) =>
    finding('warning', 'PROXY_BEHIND', {
      subject: `proxies/${nodeId}`,
      problem: `${nodeId} lacks a part of the configuration although it has answered to all it was sent. The last change it has taken whole is ${takenChange || 'none'}.`,
      cause:
        types.length === 0
          ? 'It is connected, but asks for nothing.'
          : `It has not asked for what is to follow: it asks for ${listed(types.map(({ typeUrl }) => kindOf(typeUrl)))}. It is still warming what it has, or its bootstrap asks for less than there is.`,
      nextStep: `Its log says what it warms or waits for: npm run mesh -- logs ${nodeId}. Opening its stream anew helps when it is stuck: npm run mesh -- restart ${nodeId}.`,
      since: progressSince,
    }),
  )
}

/** One finding for each proxy that sends requests where it should not, or does not where it should. */
function mistakeFindings({ proxies, beliefs, nowMs }: DiagnosisInput, wanted: 'stale' | 'lacks'): Finding[] {
  return proxies.flatMap(proxy => {
    const { nodeId } = proxy
    const wrong = beliefs.flatMap(each => {
      const belief = each.proxies.find(one => one.nodeId === nodeId)
      if (!belief || mistakeOf(each, belief) !== wanted) return []
      const since = latest([belief.since, sinceInRegistry(each) ?? proxy.progressSince, proxy.connectTime])
      return since && nowMs - since.getTime() > disagreeMs ? [{ each, since }] : []
    })
    if (wrong.length === 0) return []
    const names = listed(wrong.map(({ each }) => each.instance?.instance ?? '').sort(compare))
    const cutOff = [...new Set(wrong.map(({ each }) => each.instance?.service ?? ''))].filter(service =>
      isCutOff(
        nodeId,
        beliefs.filter(({ instance }) => instance?.service === service),
      ),
    )
    const stale = wanted === 'stale'
    return [
      finding(cutOff.length > 0 ? 'critical' : 'warning', stale ? 'PROXY_STALE' : 'PROXY_LACKS', {
        subject: `proxies/${nodeId}`,
        problem: `${nodeId} ${
          stale
            ? `still sends requests to ${counted(wrong.length, 'instance')} that should have none (${names})`
            : `sends no requests to ${counted(wrong.length, 'instance')} that could serve them (${names})`
        }. ${cutOff.length > 0 ? `Through it ${listed(cutOff)} cannot be reached at all.` : 'It reaches others of the same services.'}`,
        cause: whyMistaken(proxy, nowMs),
        nextStep: `What each believes: npm run mesh -- diagnose, or the instances page of the dashboard. If ${nodeId} does not follow: npm run mesh -- restart ${nodeId}, which makes it fetch everything anew.`,
        since: earliest(wrong.map(({ since }) => since)),
      }),
    ]
  })
}

/** When the registry came to believe what it does; of an instance that it does not have that is not known. */
function sinceInRegistry({ instance, registered }: InstanceBeliefs): Date | undefined {
  if (!registered || !instance) return undefined
  return instance.drainTime ?? latest([instance.healthSince, instance.registerTime])
}

/** Whether the proxy sends requests of a service that could be served to nobody who serves it. */
function isCutOff(nodeId: string, members: readonly InstanceBeliefs[]): boolean {
  const serving = members.filter(({ instance, registered }) => registered && instance && isServing(instance))
  const reached = serving.some(({ proxies }) =>
    proxies.some(belief => belief.nodeId === nodeId && belief.status === EndpointStatus.ENDPOINT_STATUS_HEALTHY),
  )
  return serving.length > 0 && !reached
}

function whyMistaken(proxy: ProxyMessage, nowMs: number): string {
  const { nodeId, progress } = proxy
  if (isSilent(proxy, nowMs)) return `${nodeId} does not answer, and so has not taken what changed since.`
  if (progress === ProxyProgress.PROXY_PROGRESS_REFUSED)
    return `${nodeId} refuses a part of the configuration and keeps what it had.`
  if (progress === ProxyProgress.PROXY_PROGRESS_WAITING)
    return `${nodeId} has not taken all of the present configuration yet.`
  return `${nodeId} has taken all that was published, so what was published is not what the registry has: a service or an instance was left out, for which another finding gives the reason.`
}
