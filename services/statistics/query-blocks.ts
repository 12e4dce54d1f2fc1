/** The blocks that answer a question, in the order of its steps: from rollups, or from the last hour in memory. */
import { status } from '@grpc/grpc-js'
import type { Aggregation } from '@site11/proto/grpc/site11/statistics/v1/metrics_service.ts'
import { ServiceError } from '@site11/runtime/errors.ts'
import { storeError } from '@site11/runtime/store/store-error.ts'
import type { FindCursor } from 'mongodb'
import { type Block, keysIn, type Packed, visitBlock } from './block.ts'
import type { MetricInfo } from './catalogue.ts'
import type { QueryDeps } from './query.ts'
import { needsBuckets, type Readable } from './query-groups.ts'
import { partsOf, type Span } from './query-plan.ts'
import { requestBlocks } from './request-blocks.ts'
import { packedOf, type RollupDocument } from './rollup-store.ts'

export interface StepBlock {
  step: number
  block: Readable
  /** What it takes to keep it. */
  bytes: number
  /** @returns the same, for who keeps it. */
  kept(): Readable
}

/** Reads them; each call reads anew. */
export type Blocks = () => AsyncIterable<StepBlock>

/** What the last hour in memory has, of single seconds. */
const ofSeconds = new Set(['requests', 'request.duration'])
const metricIn = (info: MetricInfo) => info.partOf?.metric ?? info.name
export const inMemory = (info: MetricInfo): boolean => ofSeconds.has(metricIn(info))

/** So much is kept at most of what is to be read a second time. */
const maxKeptBytes = 24 * 2 ** 20
/** Of a key, about. */
const keyBytes = 150

/** @returns what the database or the memory has of a span. @throws ServiceError DEPENDENCY_UNAVAILABLE, OVERLOADED, from the iteration. */
export function blocksIn(
  deps: QueryDeps,
  info: MetricInfo,
  span: Span,
  aggregation: Aggregation,
  signal: AbortSignal | undefined,
): Blocks {
  return span.stepS % 60 === 0
    ? () => storedBlocks(deps, info, span, aggregation, signal)
    : () => memoryBlocks(deps, info, span)
}

/** @returns the same blocks: from the second time on out of memory, unless they are too large for that. */
export function readOnce(blocks: Blocks): Blocks {
  let kept: StepBlock[] | undefined
  return async function* () {
    if (kept) return yield* kept
    let found: StepBlock[] = []
    let bytes = 0
    let keys: readonly string[] = []
    for await (const each of blocks()) {
      bytes += each.bytes
      if (each.block.keys !== keys) bytes += each.block.keys.length * keyBytes
      keys = each.block.keys
      if (bytes > maxKeptBytes) found = []
      else found.push({ ...each, block: each.kept() })
      yield each
    }
    if (bytes <= maxKeptBytes) kept = found
  }
}

async function* storedBlocks(
  { rollups, now }: QueryDeps,
  info: MetricInfo,
  span: Span,
  aggregation: Aggregation,
  signal: AbortSignal | undefined,
): AsyncGenerator<StepBlock> {
  const metric = metricIn(info)
  const projection = needsBuckets(aggregation) ? {} : { buckets: 0 as const }
  // What rollup-store.ts has written is UTF-8: to look for what is not takes longer than all else.
  const options = { projection, batchSize: 120, enableUtf8Validation: false, ...(signal && { signal }) }
  const keysOf = sharedKeys()
  try {
    for (const { level, from, to } of partsOf(span, now() / 1000)) {
      const at = { $gte: new Date(from * 1000), $lt: new Date(to * 1000) }
      for await (const document of readAhead(rollups[level].find({ metric, at }, options).sort({ at: 1 }))) {
        const step = Math.floor((Number(document.at) / 1000 - span.start) / span.stepS)
        if (document.kind === info.kind) yield { step, ...readableOf(document, keysOf) }
      }
    }
  } catch (error) {
    if (signal?.aborted) throw ended()
    throw storeError(error)
  }
}

/** @returns the documents of a cursor, of which the next batch is on its way while one is worked at. */
async function* readAhead<T>(cursor: FindCursor<T>): AsyncGenerator<T> {
  try {
    for (let more = cursor.hasNext(); await more; ) {
      const documents = cursor.readBufferedDocuments()
      more = cursor.hasNext()
      // Nobody may be there any more to see it fail.
      more.catch(() => {})
      yield* documents
    }
  } finally {
    await cursor.close()
  }
}

/** @returns a function that gives blocks with the same series the same array of keys, as most that follow each other have. */
function sharedKeys(): (keys: string) => readonly string[] {
  let last = ''
  let split = keysIn(last)
  return keys => {
    if (keys !== last) split = keysIn(keys)
    last = keys
    return split
  }
}

function readableOf(document: RollupDocument, keysOf: (keys: string) => readonly string[]) {
  const { keys, ...packed } = packedOf(document)
  const readable = (bytes: Pick<Packed, 'stats' | 'buckets'>): Readable => {
    const all = { ...packed, ...bytes }
    return { ...all, keys: keysOf(keys), visit: series => visitBlock(all, series) }
  }
  const { stats, buckets } = packed
  return {
    block: readable(packed),
    bytes: stats.byteLength + buckets.byteLength + 1000,
    // Copies: those of the document are parts of a whole answer of the database, which they would keep alive.
    kept: () => readable({ stats: new Uint8Array(stats), buckets: new Uint8Array(buckets) }),
  }
}

async function* memoryBlocks(
  { history }: QueryDeps,
  info: MetricInfo,
  { start, end, stepS }: Span,
): AsyncGenerator<StepBlock> {
  for (let from = start, step = 0; from < end; from += stepS, step++) {
    const made = requestBlocks(from)
    for (const slice of history.between(from, from + stepS)) made.add(slice)
    const block = made.blocks().find(({ metric }) => metric === metricIn(info))
    if (!block) continue
    const keys = [...block.series.keys()]
    const readable = { ...block, keys, visit: visitUnpacked(block) }
    // Far more than packed: a map of buckets for each series.
    yield { step, block: readable, bytes: keys.length * 4000, kept: () => readable }
  }
}

const visitUnpacked =
  ({ series }: Block): Readable['visit'] =>
  take => {
    let index = 0
    for (const stat of series.values()) {
      const sink = take(index++, stat)
      if (sink) for (const [bucket, count] of stat.buckets) sink.add(bucket, count)
    }
  }

const ended = () =>
  new ServiceError(status.DEADLINE_EXCEEDED, 'The time was over before all of it was read. Ask for a shorter span.', {
    reason: 'OVERLOADED',
  })
