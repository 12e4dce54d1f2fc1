/** What answers about streams have in common, whatever they are about. */
import type { StreamFlaw } from '@site11/proto/grpc/site11/types/v1/stream.ts'
import type { PageTokens } from './page-token.ts'
import type { StreamEvent } from './stream-chain.ts'
import type { Kept, Streams } from './streams.ts'

const defaultPageSize = 50

/**
 * @param kept of the stream, read before. @param pageSize 0 means 50.
 * @returns events of the stream, the newest first. @throws ServiceError INVALID_PAGE_TOKEN.
 */
export async function pageOfStream(
  { streams, tokens }: { streams: Streams; tokens: PageTokens },
  stream: string,
  kept: Pick<Kept, 'pending' | 'removed'> | undefined,
  { pageSize, pageToken }: { pageSize: number; pageToken: string },
): Promise<{ events: StreamEvent[]; nextPageToken: string }> {
  const of = ['stream', stream]
  const before = pageToken ? Number(tokens.open(pageToken, of).value) : Number.MAX_SAFE_INTEGER
  const limit = pageSize || defaultPageSize
  const stored = (await streams.before(stream, before, limit + 1)).filter(
    ({ version }) => version > (kept?.removed?.version ?? 0),
  )
  // What waited when it was read may have moved since: so it is there twice at most, and nowhere missing.
  const waiting = (kept?.pending ?? []).filter(
    ({ version }) => version < before && !stored.some(each => each.version === version),
  )
  const found = [...waiting.toReversed(), ...stored]
  const events = found.slice(0, limit)
  const last = events.at(-1)
  const nextPageToken = found.length > limit && last ? tokens.seal({ value: last.version, id: '' }, of) : ''
  return { events, nextPageToken }
}

/** What was found in the stream of one user. */
export interface Verdict {
  events: number
  flaws: StreamFlaw[]
}

export function summed(verdicts: readonly Verdict[]) {
  const flaws = verdicts.flatMap(each => each.flaws)
  const events = verdicts.reduce((sum, each) => sum + each.events, 0)
  return { valid: flaws.length === 0, users: verdicts.length, events, flaws }
}

/** @returns the same, by one of their fields. */
export async function grouped<T>(found: AsyncIterable<T>, by: (each: T) => string): Promise<Map<string, T[]>> {
  const groups = new Map<string, T[]>()
  for await (const each of found) {
    const of = groups.get(by(each))
    if (of) of.push(each)
    else groups.set(by(each), [each])
  }
  return groups
}
