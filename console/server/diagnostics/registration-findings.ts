/** Instances that are not let in, contracts that are not let through, and instances of one service that are not alike. */
import type { Finding } from '@site11/proto/grpc/site11/console/v1/diagnostics_service.ts'
import type { Instance } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import type { Refusal } from '../registry/refusals.ts'
import { type DiagnosisInput, finding } from './finding.ts'
import { registeredIn } from './service-findings.ts'
import { compare, counted, earliest, listed, sentence, span } from './words.ts'

/** How long a rollout may take. ms. */
const rolloutMs = 10 * 60_000
/** One refusal may be a start that came too early: a place is free once its holder is forgotten. */
const repeatedly = 2

export function registrationFindings(input: DiagnosisInput): Finding[] {
  return [...refusedFindings(input), ...contractFindings(input), ...differingFindings(registeredIn(input), input.nowMs)]
}

/** What a refusal is about, by what it says, and what is to be done. */
const kinds: { about: RegExp; cause: string; nextStep: string }[] = [
  {
    about: /address .* belongs|address .* held/i,
    cause: 'Two processes were given the same address, or an old one still runs where a new one was started.',
    nextStep:
      'Give each instance an address of its own (SITE11_LISTEN, SITE11_ADVERTISE), or end the one that should not run: npm run mesh -- status shows both.',
  },
  {
    about: /name .* held|taken over|started later/i,
    cause: 'Two processes were started under one name; the one that started later has it.',
    nextStep:
      'Give each instance a name of its own (SITE11_INSTANCE), or end the older process: npm run mesh -- status shows both.',
  },
  {
    about: /removed/i,
    cause:
      'An operator removed this instance while its process was running; the process does not know when to stop trying.',
    nextStep: 'End the process. The next one of that name is welcome.',
  },
  {
    about: /contract/i,
    cause: 'Its contract is malformed, or does not go together with those of the other services.',
    nextStep:
      'Correct the contract as the refusal says, then run npm run generate and npm run check before rolling it out again.',
  },
]
const otherKind = {
  cause: 'What the instance says of itself breaks a rule of the registry.',
  nextStep: 'Correct the setting that the refusal names and start the instance again.',
}

function refusedFindings({ refusals }: DiagnosisInput): Finding[] {
  const repeated = refusals.filter(({ count }) => count >= repeatedly)
  const kindOf = ({ reason }: Refusal) => kinds.findIndex(({ about }) => about.test(reason))
  const alike = Map.groupBy(repeated, each => `${each.service} ${kindOf(each)}`)
  return [...alike.values()].map(some => {
    const [first] = some.toSorted((a, b) => b.count - a.count) as [Refusal]
    const others = some.filter(each => each !== first).map(nameOf)
    const { cause, nextStep } = kinds[kindOf(first)] ?? otherKind
    return finding('warning', 'REGISTRATION_REFUSED', {
      subject:
        others.length === 0 && first.instance
          ? `instances/${first.instance}`
          : first.service
            ? `services/${first.service}`
            : 'mesh',
      problem: `${nameOf(first)}${first.service && ` of ${first.service}`}${first.address && ` at ${first.address}`} was refused ${counted(first.count, 'time')}: ${sentence(first.reason)}${
        others.length > 0 ? ` The same kind of reason holds for ${listed(others.sort(compare))}.` : ''
      }`,
      cause,
      nextStep,
      since: earliest(some.map(({ since }) => since)),
    })
  })
}

/** A name that is not valid is not given here. */
const nameOf = ({ instance }: Refusal) => instance || 'An instance without a valid name'

function contractFindings({ services }: DiagnosisInput): Finding[] {
  return [...services].flatMap(([name, { refused, acceptedHash }]) => {
    if (!refused) return []
    return finding(acceptedHash ? 'warning' : 'critical', 'CONTRACT_REFUSED', {
      subject: `services/${name}`,
      problem: `The contract ${refused.contractHash.slice(0, 12)} of ${name} is not in force: ${sentence(refused.reason)} ${
        acceptedHash
          ? `The one that was accepted before (${acceptedHash.slice(0, 12)}) is, so what is new in ${name} cannot be called from outside.`
          : `There is none before it, so ${name} cannot be called from outside.`
      }`,
      cause: 'A part of the contract, such as an HTTP path or a policy, makes configuration that proxies do not take.',
      nextStep: `Correct what the reason names and start ${name} with it; any other contract clears this. Who brought it: npm run mesh -- changes --filter 'subject = "services/${name}"'.`,
    })
  })
}

/** Instances of one service that differ for longer than a rollout takes. */
function differingFindings(instances: Instance[], nowMs: number): Finding[] {
  return [...Map.groupBy(instances, ({ service }) => service)].flatMap(([service, members]) => {
    const contracts = differing(members, ({ contractHash }) => contractHash.slice(0, 12))
    const differ = contracts ?? differing(members, ({ version }) => version)
    if (!differ || nowMs - differ.since.getTime() <= rolloutMs) return []
    const which = [...differ.groups].map(
      ([value, some]) => `${value}: ${listed(some.map(({ instance }) => instance).sort(compare))}`,
    )
    return finding(contracts ? 'warning' : 'notice', contracts ? 'CONTRACTS_DIFFER' : 'VERSIONS_DIFFER', {
      subject: `services/${service}`,
      problem: `Instances of ${service} have had different ${contracts ? 'contracts' : 'versions'} for ${span(nowMs - differ.since.getTime())} (${which.sort(compare).join('; ')}). ${
        contracts ? 'The same call can succeed at one and be UNIMPLEMENTED at another.' : 'Their contract is the same.'
      }`,
      cause: 'A rollout that stopped half way, or an instance that was started from an old build.',
      nextStep: `Finish the rollout: npm run mesh -- restart ${service}; or take the odd ones out: npm run mesh -- remove <instance>.`,
      since: differ.since,
    })
  })
}

/** @returns the members by a value of theirs, and since when there are two at least; undefined when all are alike. */
function differing(members: Instance[], kindOf: (instance: Instance) => string) {
  const groups = Map.groupBy(members, kindOf)
  const firsts = [...groups.values()].map(some => earliest(some.map(({ registerTime }) => registerTime)))
  // The second value to appear made the difference.
  const since = firsts.filter(time => time !== undefined).sort((a, b) => a.getTime() - b.getTime())[1]
  return groups.size > 1 && since ? { groups, since } : undefined
}
