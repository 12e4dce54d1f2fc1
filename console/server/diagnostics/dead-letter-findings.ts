/** Events that were given up: somebody has to see to them. */
import type { Finding } from '@site11/proto/grpc/site11/console/v1/diagnostics_service.ts'
import { consoleService } from '../own.ts'
import { type DiagnosisInput, finding } from './finding.ts'
import { counted, earliest, listed } from './words.ts'

export function deadLetterFindings({ deadLetters, services }: DiagnosisInput): Finding[] {
  // A group has the name of the service that subscribes; there may be others.
  const subjectOf = (group: string) => (services.has(group) || group === consoleService ? `services/${group}` : 'mesh')
  return [...Map.groupBy(deadLetters, ({ group }) => subjectOf(group))].map(([subject, some]) => {
    const [first] = some as [(typeof some)[number]]
    const count = some.reduce((sum, each) => sum + each.count, 0)
    const of = listed(some.map(({ stream, group, count }) => `${count} of the stream ${stream} in the group ${group}`))
    const { stream, group } = first
    const alone = count === 1
    return finding('warning', 'DEAD_LETTERS', {
      subject,
      problem: `${counted(count, 'event')} could not be handled${alone ? '' : ', or wait for one of the same subject that could not'}: ${of}. ${alone ? 'It is' : 'They are'} kept, and without effect there.`,
      cause:
        'The group failed at an event as often as it is tried: a fault of its code, or something in the event that it does not expect. Each dead letter says why, and so does the log of the service.',
      nextStep: `Read why: /events?tab=dead&stream=${stream}&group=${group} in the dashboard, or GET /api/v1/events/streams/${stream}/groups/${group}/deadLetters. When the cause is mended, retry them there; what shall have no effect can be skipped.`,
      since: earliest(some.map(({ since }) => since)),
    })
  })
}
