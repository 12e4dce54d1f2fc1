/** Clocks that differ from the Console's. */
import type { Finding } from '@site11/proto/grpc/site11/console/v1/diagnostics_service.ts'
import type { Instance } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import { consoleService } from '../own.ts'
import { finding } from './finding.ts'
import { counted, grouped, listed, span } from './words.ts'

/** All ms. Tokens are taken up to five seconds before and after their time. */
const offMs = 1000
const tokensFailMs = 5000
/** Clocks this close to each other agree. */
const alikeMs = 1000

export const offsetMs = ({ clockOffset }: Instance) =>
  clockOffset ? clockOffset.seconds * 1000 + clockOffset.nanos / 1e6 : 0

export function clockFindings(all: Instance[]): Finding[] {
  const instances = all.filter(({ service }) => service !== consoleService)
  const off = instances.filter(each => Math.abs(offsetMs(each)) > offMs)
  if (off.length === 0) return []
  const measured = instances.filter(({ clockOffset }) => clockOffset !== undefined)
  const offsets = measured.map(offsetMs)
  const agree = Math.max(...offsets) - Math.min(...offsets) < alikeMs
  // Several clocks that agree with each other and not with ours: ours is the wrong one.
  if (measured.length >= 3 && off.length === measured.length && agree) return [consoleClock(offsets)]
  return grouped(off).map(({ subject, who, one, members }) => {
    const worst = members.reduce((a, b) => (Math.abs(offsetMs(b)) > Math.abs(offsetMs(a)) ? b : a))
    const critical = Math.abs(offsetMs(worst)) > tokensFailMs
    return finding(critical ? 'critical' : 'warning', 'CLOCK_OFF', {
      subject,
      problem: `The ${one ? 'clock' : 'clocks'} of ${who} ${one ? 'is' : 'are'} off: ${listed(members.map(each => `${one ? '' : `${each.instance} `}${told(offsetMs(each))}`))}. ${
        critical
          ? 'More than 5 s is more than tokens allow: valid ones are refused as expired or not valid yet.'
          : 'Beyond 5 s valid tokens would be refused there.'
      }`,
      cause: 'Time is not synchronised on that machine, or a virtual machine was suspended.',
      nextStep: 'Switch time synchronisation on there and look at it: timedatectl, or chronyc tracking.',
    })
  })
}

function consoleClock(offsets: number[]): Finding {
  const middle = offsets.toSorted((a, b) => a - b)[Math.floor(offsets.length / 2)] ?? 0
  const critical = Math.abs(middle) > tokensFailMs
  return finding(critical ? 'critical' : 'warning', 'CLOCK_OFF', {
    subject: `services/${consoleService}`,
    problem: `The Console's own clock seems to be off by ${span(Math.abs(middle))}: all ${counted(offsets.length, 'instance')} agree that it is ${
      middle > 0 ? 'later' : 'earlier'
    } than the Console says. ${critical ? 'Tokens that it signs are refused.' : 'Beyond 5 s its tokens would be refused.'}`,
    cause: "Time is not synchronised on the Console's machine, or it was suspended.",
    nextStep: 'Switch time synchronisation on there and look at it: timedatectl, or chronyc tracking.',
  })
}

const told = (ms: number) => `${span(Math.abs(ms))} ${ms > 0 ? 'ahead' : 'behind'}`
