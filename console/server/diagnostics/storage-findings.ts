/** What the Console cannot keep or tell apart, and what it cannot make configuration of. */
import type { Finding } from '@site11/proto/grpc/site11/console/v1/diagnostics_service.ts'
import { type DiagnosisInput, finding } from './finding.ts'
import { sentence, span } from './words.ts'

export function storageFindings(input: DiagnosisInput): Finding[] {
  const { journalProblem, controlPlaneProblems, configurationProblems, services, nowMs } = input
  const unsaved = controlPlaneProblems.filter(isSnapshot)
  const shared = controlPlaneProblems.filter(text => !isSnapshot(text))
  // A contract that is not in force is told of by itself.
  const refusals = [...services.values()].flatMap(({ refused }) => (refused ? [refused.reason] : []))
  const others = configurationProblems.filter(text => !refusals.some(reason => text.includes(reason)))
  return [
    ...(journalProblem ? [journalFinding(journalProblem, nowMs)] : []),
    ...(unsaved.length > 0 ? [snapshotFinding(unsaved)] : []),
    ...shared.map(problem =>
      finding('warning', 'NODE_ID_SHARED', {
        subject: 'mesh',
        problem: sentence(problem),
        cause: 'A bootstrap was copied, or a proxy that was replaced still runs.',
        nextStep: 'Give each proxy a node id of its own (SITE11_NODE_ID), or end the one that should not run.',
      }),
    ),
    ...others.map(problem =>
      finding('warning', 'CONFIGURATION_PROBLEM', {
        subject: 'mesh',
        problem: sentence(problem),
        cause:
          'The sentence above names it. What it concerns is left out or kept as it was; all else of the mesh is in force.',
        nextStep:
          'Mend what it names; the Console tries again with the next change. What the Console said of it: npm run mesh -- logs console.',
      }),
    ),
  ]
}

const isSnapshot = (problem: string) => /cannot be saved/.test(problem)
const isFull = (reason: string) => /ENOSPC|EDQUOT|no space|disk.*full|out of disk|quota/i.test(reason)
const isDenied = (reason: string) => /EACCES|EPERM|EROFS|permission|read-only/i.test(reason)

function journalFinding({ reason, since }: { reason: string; since: Date }, nowMs: number): Finding {
  const full = isFull(reason)
  return finding('warning', 'JOURNAL_NOT_SAVED', {
    subject: 'mesh',
    problem: `Changes of the mesh have not been saved for ${span(nowMs - since.getTime())}: ${sentence(reason)} The Console works on and saves them later; if it ends before that, they are lost.`,
    cause: full
      ? 'The disk that mongod writes to is full.'
      : 'mongod is down, has no primary, or cannot be reached by the Console.',
    nextStep: full
      ? 'Make room on the disk of the database (df -h; data/mongod in the home of the mesh). It goes on by itself.'
      : 'See whether mongod runs and what it says: npm run mesh -- status, npm run mesh -- logs mongod. It goes on by itself. Do not restart the Console before.',
    since,
  })
}

function snapshotFinding(problems: readonly string[]): Finding {
  const [first = ''] = problems
  const full = isFull(first)
  return finding('warning', 'SNAPSHOT_NOT_SAVED', {
    subject: 'mesh',
    problem: `${sentence(first)}${problems.length > 1 ? ` The same holds for ${problems.length - 1} more.` : ''}`,
    cause: full
      ? 'The disk is full.'
      : isDenied(first)
        ? 'The Console may not write there.'
        : 'The folder cannot be written to, or the node id cannot be the name of a file.',
    nextStep: full
      ? 'Make room on the disk that SITE11_HOME is on (df -h). It is tried again by itself.'
      : 'Let the Console write to the folder envoy in SITE11_HOME, and give proxies node ids such as envoy-1. It is tried again by itself.',
  })
}
