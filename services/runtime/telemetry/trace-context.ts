/** Where a call is in a trace, as W3C Trace Context tells it from hop to hop. */
import { randomFillSync } from 'node:crypto'
import type { RequestMetadata } from '../unary.ts'

export interface TraceContext {
  /** 32 hexadecimal digits. */
  traceId: string
  /** 16 hexadecimal digits: the span that others are children of; empty when there is none yet. */
  spanId: string
  /** Whether the spans of the trace are to be kept. */
  sampled: boolean
}

/** @returns undefined when the header is none that means something: then there is no trace yet. */
export function parseTraceparent(header: string): TraceContext | undefined {
  const found = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/.exec(header)
  const [, traceId = '', spanId = '', flags = '', more] = found ?? []
  const isOurs = header.startsWith('00')
  // Only versions to come may have more than four parts.
  if (!found || (more !== undefined && isOurs)) return undefined
  // Of these the edge may have passed on what it could not read: whoever wrote it has no say in what is kept.
  return { traceId, spanId, sampled: isOurs && (Number.parseInt(flags, 16) & 1) === 1 }
}

/** @returns the header for what is called now: under its span, or under a new one that nobody keeps. */
export const traceparentOf = ({ traceId, spanId, sampled }: TraceContext): string =>
  `00-${traceId}-${spanId || randomHex(8)}-${sampled ? '01' : '00'}`

/**
 * @returns where a request is in its trace: by W3C `traceparent`, else by the edge's `x-request-id` (a UUID, whose digits make a trace id),
 * else in a new one.
 */
export function traceOf(metadata: RequestMetadata): TraceContext {
  const parent = parseTraceparent(String(metadata.get('traceparent')[0] ?? ''))
  if (parent) return parent
  const requestId = String(metadata.get('x-request-id')[0] ?? '')
    .replaceAll('-', '')
    .toLowerCase()
  return { traceId: /^(?!0{32})[0-9a-f]{32}$/.test(requestId) ? requestId : randomHex(16), spanId: '', sampled: false }
}

/** Asked for in bulk: each time costs more than the bytes. */
const random = Buffer.alloc(4096)
let randomUsed = random.length

export function randomHex(bytes: number): string {
  if (randomUsed + bytes > random.length) {
    randomFillSync(random)
    randomUsed = 0
  }
  randomUsed += bytes
  return random.toString('hex', randomUsed - bytes, randomUsed)
}
