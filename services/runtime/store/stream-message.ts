/** What of streams is the same in all contracts. */
import { type StreamFlaw, StreamFlawKind } from '@site11/proto/grpc/site11/types/v1/stream.ts'
import type { Flaw, FlawKind } from './stream-chain.ts'

const kinds: Record<FlawKind, StreamFlawKind> = {
  ALTERED: StreamFlawKind.STREAM_FLAW_KIND_ALTERED,
  MISSING: StreamFlawKind.STREAM_FLAW_KIND_MISSING,
  INSERTED: StreamFlawKind.STREAM_FLAW_KIND_INSERTED,
  HEAD_ALTERED: StreamFlawKind.STREAM_FLAW_KIND_HEAD_ALTERED,
  HEAD_MISSING: StreamFlawKind.STREAM_FLAW_KIND_HEAD_MISSING,
  STATE_DIFFERS: StreamFlawKind.STREAM_FLAW_KIND_STATE_DIFFERS,
}

/** @param fields that differ from what the events lead to. */
export const flawMessage = (userId: string, { kind, version }: Flaw, fields: string[] = []): StreamFlaw => ({
  userId,
  version,
  kind: kinds[kind],
  fields,
})
