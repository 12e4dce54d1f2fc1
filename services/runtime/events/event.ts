/** Events, as they wait in the document of what they happened to, and as they travel. */
import { randomUUID } from 'node:crypto'
import { Event } from '@site11/proto/grpc/site11/types/v1/event.ts'
import type { Binary } from 'mongodb'
import { spanUnderway } from '../telemetry/tracing.ts'

export { Event }

/** An event in the outbox of an aggregate: the array `outbox` of its document. What follows from the document is left out. */
export interface OutboxEntry {
  id: string
  type: string
  /** The version of the aggregate after it. */
  sequence: number
  time: Date
  /** 32 hexadecimal digits; empty when it belongs to no trace. */
  traceId: string
  /** The span in which it came to be, and its flags, as in `traceparent`; only where spans are sent. */
  parent?: string
  data: Uint8Array | Binary
}

/** What an aggregate with events has. The field stays inside the service; leave it out when reading. */
export interface Outboxed {
  _id: string
  outbox?: OutboxEntry[]
}

/** What ts-proto makes of a message. */
export interface Codec<T> {
  encode(message: T): { finish(): Uint8Array }
  decode(bytes: Uint8Array): T
}

/** @param type the full name of the message, such as `site11.users.v1.UserCreated`. @returns the entry to write with the change. */
export function outboxEntry<T>(
  type: string,
  codec: Codec<T>,
  message: T,
  { sequence, time, traceId }: Pick<OutboxEntry, 'sequence' | 'time' | 'traceId'>,
): OutboxEntry {
  const span = spanUnderway(traceId)
  const parent = span && { parent: `${span.spanId}-${span.sampled ? '01' : '00'}` }
  return { id: randomUUID(), type, sequence, time, traceId, ...parent, data: codec.encode(message).finish() }
}

/** @param kind what the aggregate is, such as `users`. @returns the event as it travels. */
export function eventBytes(entry: OutboxEntry, stream: string, kind: string, aggregate: string): Buffer {
  const { id, type, sequence, time, traceId, parent, data } = entry
  const event: Event = {
    id,
    source: `/services/${stream}`,
    type,
    subject: `${kind}/${aggregate}`,
    time,
    // Where it came to be in no span, the parent is the event, by the first digits of its id.
    traceparent: traceId && `00-${traceId}-${parent ?? `${id.replaceAll('-', '').slice(0, 16)}-00`}`,
    sequence,
    data: Buffer.from('buffer' in data && 'sub_type' in data ? data.buffer : (data as Uint8Array)),
  }
  return Buffer.from(Event.encode(event).finish())
}

/** @throws Error when the bytes are no event. */
export function readEvent(bytes: Uint8Array): Event {
  const event = Event.decode(bytes)
  if (!event.id || !event.type || !event.subject) throw new Error('it has no id, type or subject')
  return event
}
