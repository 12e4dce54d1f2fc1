/** Findings: what they are made from, how they are made and ordered. */
import {
  type Finding,
  type InstanceBeliefs,
  Severity,
} from '@site11/proto/grpc/site11/console/v1/diagnostics_service.ts'
import type { Proxy as ProxyMessage } from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import type { SeenLetters } from '@site11/runtime/events/look.ts'
import type { Change } from '../journal/journal.ts'
import type { Refusal } from '../registry/refusals.ts'
import type { KnownService } from '../registry/registry.ts'
import { compare } from './words.ts'

/** Every kind of finding: causes before what follows from them, which is the order among those of one severity. */
const codes = [
  'DEPENDENCY_DOWN',
  'NO_PROXY',
  'SERVICE_ABSENT',
  'SERVICE_DOWN',
  'SERVICE_DRAINED',
  'PROXY_REFUSES',
  'CONTRACT_REFUSED',
  'PROXY_SILENT',
  'PROXY_BEHIND',
  'PROXY_STALE',
  'PROXY_LACKS',
  'BREAKER_OPEN',
  'EVENTS_BEHIND',
  'DEAD_LETTERS',
  'CLOCK_OFF',
  'JOURNAL_NOT_SAVED',
  'SNAPSHOT_NOT_SAVED',
  'NODE_ID_SHARED',
  'CONFIGURATION_PROBLEM',
  'REGISTRATION_REFUSED',
  'INSTANCE_UNREACHABLE',
  'INSTANCE_NOT_SERVING',
  'INSTANCE_FAILING',
  'INSTANCE_EJECTED',
  'INSTANCE_DETACHED',
  'INSTANCE_FLAPPING',
  'LEAVING_LONG',
  'CONTRACTS_DIFFER',
  'VERSIONS_DIFFER',
  'DRAINED_LONG',
  'MORE',
] as const
type Code = (typeof codes)[number]

const severities = {
  critical: Severity.SEVERITY_CRITICAL,
  warning: Severity.SEVERITY_WARNING,
  notice: Severity.SEVERITY_NOTICE,
}

/** More than this many nobody reads; the rest is counted. */
const most = 100

export type ServiceFacts = Pick<KnownService, 'emptySinceMs' | 'acceptedHash' | 'refused'>
export type NamedChange = Pick<Change, 'id' | 'actor' | 'action' | 'subject' | 'reason'>

export interface DiagnosisInput {
  /** All instances, the Console among them. */
  beliefs: readonly InstanceBeliefs[]
  services: ReadonlyMap<string, ServiceFacts>
  /** Services that must be there even if they were never seen. */
  expected: readonly string[]
  proxies: readonly ProxyMessage[]
  /** The changes that refused configuration came from. */
  changes: readonly NamedChange[]
  refusals: readonly Refusal[]
  /** The groups that have some. */
  deadLetters: readonly SeenLetters[]
  journalProblem: { reason: string; since: Date } | undefined
  /** What is wrong with the control plane itself. */
  controlPlaneProblems: readonly string[]
  /** What else is wrong with what proxies are given. */
  configurationProblems: readonly string[]
  nowMs: number
}

interface Parts {
  subject: string
  /** One or two sentences each. */
  problem: string
  cause: string
  nextStep: string
  since?: Date | undefined
  changes?: number[]
}

export const finding = (severity: keyof typeof severities, code: Code, parts: Parts): Finding => ({
  severity: severities[severity],
  code,
  since: undefined,
  changes: [],
  ...parts,
})

/** @returns the findings with the worst first, at most a hundred, the last one counting those left out. */
export function worstFirst(findings: readonly Finding[]): Finding[] {
  const rank = ({ code }: Finding) => codes.indexOf(code as Code)
  const sorted = findings.toSorted(
    (a, b) => a.severity - b.severity || rank(a) - rank(b) || compare(a.subject, b.subject),
  )
  if (sorted.length <= most) return sorted
  const more = sorted.length - most + 1
  return [
    ...sorted.slice(0, most - 1),
    finding('notice', 'MORE', {
      subject: 'mesh',
      problem: `${more} more findings are not shown, none of them worse than those above.`,
      cause: 'So many at once mostly have a common cause, which stands at the top.',
      nextStep: 'Mend what stands at the top, then look again.',
    }),
  ]
}
