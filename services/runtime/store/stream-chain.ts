/**
 * The chain that holds a stream of events together: each event carries the hash of the one before, and a hash of its own that nobody can
 * make without the key; the head, kept apart from the events, says which is the last. Pure.
 */
import { createHmac, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'

export type Value = string | number | boolean | null | readonly string[]
export type Fields = Readonly<Record<string, Value>>

/** What has happened. It is kept for long, so it has ids and digests, and nothing that tells who somebody is. */
export interface NewEvent {
  /** What, such as `ROLES_CHANGED`. */
  type: string
  time: Date
  /** Who: `users/<id>` or `services/<name>`; empty when it is not known. */
  actor: string
  /** 32 hexadecimal digits; empty when it belongs to no trace. */
  traceId: string
  /** The fields of the state that it changed, as they were and as they are. */
  before: Fields
  after: Fields
}

/** An event in its place. */
export interface StreamEvent extends NewEvent {
  stream: string
  /** Its place: 1, 2, 3 and so on. */
  version: number
  previousHash: string
  hash: string
}

export interface Place {
  version: number
  hash: string
}

/** What the next event of a stream follows on. Sealed, so that nobody without the key can move it back to an earlier event. */
export interface Head extends Place {
  /** The last event that was removed for its age, if any was. */
  removed?: Place
  seal: string
}

export type FlawKind = 'ALTERED' | 'MISSING' | 'INSERTED' | 'HEAD_ALTERED' | 'HEAD_MISSING' | 'STATE_DIFFERS'

/** The first thing that is wrong in a stream, and where. */
export interface Flaw {
  kind: FlawKind
  version: number
}

const origin: Place = { version: 0, hash: '' }

/** @param secret the same for all instances. @param purpose what the streams are for: keys of different ones have nothing in common. */
export function streamKey(secret: string | Buffer, purpose: string): KeyObject {
  return createSecretKey(new Uint8Array(hkdfSync('sha256', secret, '', `site11 streams of ${purpose} v1`, 32)))
}

/** @param head of the stream; undefined for a new one. @returns the events in their places, and the head after them. */
export function continued(
  key: KeyObject,
  stream: string,
  head: Head | undefined,
  events: readonly NewEvent[],
): { head: Head; entries: StreamEvent[] } {
  let last: Place = head ?? origin
  const entries = events.map(event => {
    const placed = { ...event, stream, version: last.version + 1, previousHash: last.hash }
    last = { version: placed.version, hash: hashOf(key, placed) }
    return { ...placed, hash: last.hash }
  })
  return { head: sealed(key, stream, last, head?.removed), entries }
}

/** @returns the head of a stream whose first events, up to this one, are removed. */
export function shortened(key: KeyObject, stream: string, head: Head, { version, hash }: Place): Head {
  return sealed(key, stream, head, { version, hash })
}

/** @returns the state that the events lead to. */
export function replay(events: readonly Pick<NewEvent, 'after'>[]): Fields {
  return Object.assign({}, ...events.map(({ after }) => after))
}

/** @returns the names of the fields that differ, sorted. */
export function differingFields(one: Fields, other: Fields): string[] {
  const names = [...new Set([...Object.keys(one), ...Object.keys(other)])].sort()
  return names.filter(name => JSON.stringify(one[name]) !== JSON.stringify(other[name]))
}

/**
 * Checks all events that a stream has, in their order, and its head. Nothing of them is trusted: they may be of any shape.
 * @param head undefined when it is gone.
 * @returns the first thing that is wrong, or undefined.
 */
export function flawOf(
  key: KeyObject,
  stream: string,
  head: Head | undefined,
  events: readonly StreamEvent[],
): Flaw | undefined {
  let last: Place = head?.removed ?? origin
  for (const event of events) {
    const expected = last.version + 1
    if (event.version !== expected)
      return { kind: event.version > expected ? 'MISSING' : 'INSERTED', version: expected }
    if (event.previousHash !== last.hash || event.stream !== stream || event.hash !== safeHashOf(key, event))
      return { kind: 'ALTERED', version: expected }
    if (head && event.version > head.version) return { kind: 'INSERTED', version: expected }
    last = { version: event.version, hash: event.hash }
  }
  if (!head) return events.length > 0 ? { kind: 'HEAD_MISSING', version: last.version } : undefined
  if (last.version < head.version) return { kind: 'MISSING', version: last.version + 1 }
  if (last.hash !== head.hash || sealed(key, stream, head, head.removed).seal !== head.seal)
    return { kind: 'HEAD_ALTERED', version: head.version }
  return undefined
}

function sealed(key: KeyObject, stream: string, { version, hash }: Place, removed: Place | undefined): Head {
  const content = ['head', stream, version, hash, removed?.version ?? 0, removed?.hash ?? '']
  const seal = createHmac('sha256', key).update(JSON.stringify(content)).digest('base64url')
  return { version, hash, ...(removed && { removed }), seal }
}

/** The content byte for byte: a list in fixed order, fields by their names. */
function hashOf(key: KeyObject, event: Omit<StreamEvent, 'hash'>): string {
  const { stream, version, type, time, actor, traceId, before, after, previousHash } = event
  const content = ['event', stream, version, type, time.getTime(), actor, traceId, sorted(before), sorted(after)]
  return createHmac('sha256', key)
    .update(JSON.stringify([...content, previousHash]))
    .digest('base64url')
}

const sorted = (fields: Fields) => Object.entries(fields).sort(([one], [other]) => (one < other ? -1 : 1))

function safeHashOf(key: KeyObject, event: StreamEvent): string | undefined {
  try {
    return hashOf(key, event)
  } catch {
    // Of a shape that was never written.
    return undefined
  }
}
