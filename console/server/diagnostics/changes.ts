/** The journal as messages, and the proof that the present state follows from it. */
import type {
  Change as ChangeMessage,
  ListChangesRequest,
  ListChangesResponse,
  VerifyChangesResponse,
  WatchChangesResponse,
} from '@site11/proto/grpc/site11/console/v1/diagnostics_service.ts'
import type { PageTokens } from '@site11/runtime/store/page-token.ts'
import type { Change, Fields, Journal } from '../journal/journal.ts'
import { differing, type Value } from '../journal/replay.ts'
import { listed } from './words.ts'

const defaultPageSize = 50

export async function listChanges(
  { pageSize, pageToken, filter }: ListChangesRequest,
  journal: Pick<Journal, 'list'>,
  tokens: PageTokens,
): Promise<ListChangesResponse> {
  const limit = pageSize || defaultPageSize
  const list = ['changes', filter]
  const before = pageToken ? Number(tokens.open(pageToken, list).id) : undefined
  const found = await journal.list({ filter, limit: limit + 1, ...(before !== undefined && { before }) })
  const page = found.slice(0, limit)
  const last = page.at(-1)
  const more = found.length > limit && last !== undefined
  return {
    changes: page.map(changeMessage),
    nextPageToken: more ? tokens.seal({ value: 0, id: last.id }, list) : '',
  }
}

/** The first message says that the stream is set up: nothing that happens from then on is missing. */
export async function* watchChanges(
  after: number,
  journal: Pick<Journal, 'last' | 'watch'>,
  signal: AbortSignal,
): AsyncIterable<WatchChangesResponse> {
  const changes = journal.watch(after || journal.last(), signal)
  yield { change: undefined }
  for await (const change of changes) yield { change: changeMessage(change) }
}

/**
 * @param present the state as the registry has it, by subject.
 * @throws ServiceError UNAVAILABLE while the journal cannot be stored or read.
 */
export async function verifyChanges(
  journal: Pick<Journal, 'verify' | 'subjects'>,
  present: () => ReadonlyMap<string, Fields>,
): Promise<VerifyChangesResponse> {
  const { subjects: _, ...found } = await journal.verify()
  if (!found.valid) return found
  // What is stored leads to what the journal has at hand, as it has just proved. Both are looked at in one moment.
  const rebuilt = new Map([...journal.subjects()].filter(([subject]) => isState(subject)))
  const differ = differing(rebuilt, present())
  if (differ.length === 0) return found
  const reason = `The changes do not lead to the present state of ${listed(differ)}: it was altered without a change in the journal.`
  return { ...found, valid: false, reason }
}

/** The subjects whose state the registry holds. */
const isState = (subject: string) => /^(instances|services)\//.test(subject)

export function changeMessage(change: Change): ChangeMessage {
  const { id, time, actor, action, subject, fields, reason, durationMs, hash } = change
  return {
    id,
    time,
    actor,
    action,
    subject,
    fields: fields.map(({ field, before, after }) => ({ field, before: textOf(before), after: textOf(after) })),
    reason,
    duration: durationMs === undefined ? undefined : durationOf(durationMs),
    hash,
  }
}

const durationOf = (ms: number) => ({ seconds: Math.floor(ms / 1000), nanos: Math.round((ms % 1000) * 1e6) })

function textOf(value: Value | undefined): string | undefined {
  if (value === undefined || typeof value === 'string') return value
  return value instanceof Date ? value.toISOString() : JSON.stringify(value)
}
