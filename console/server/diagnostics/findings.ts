/** Everything that is wrong with the mesh, the likely cause, and what to do next. Pure. */
import type { Finding } from '@site11/proto/grpc/site11/console/v1/diagnostics_service.ts'
import { callFindings } from './call-findings.ts'
import { deadLetterFindings } from './dead-letter-findings.ts'
import { type DiagnosisInput, worstFirst } from './finding.ts'
import { instanceFindings } from './instance-findings.ts'
import { proxyFindings } from './proxy-findings.ts'
import { registrationFindings } from './registration-findings.ts'
import { serviceFindings } from './service-findings.ts'
import { storageFindings } from './storage-findings.ts'

/** @returns the findings, the worst first. The same trouble of many is one finding that names some and counts the rest. */
export function findingsOf(input: DiagnosisInput): Finding[] {
  return worstFirst([
    ...serviceFindings(input),
    ...proxyFindings(input),
    ...instanceFindings(input),
    ...callFindings(input),
    ...deadLetterFindings(input),
    ...registrationFindings(input),
    ...storageFindings(input),
  ])
}
