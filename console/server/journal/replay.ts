/** States as flat fields, changes as what differs, and states again by playing changes in order. Pure. */
import { gunzipSync, gzipSync } from 'node:zlib'

export type Value = string | number | boolean | Date
/** Flat. A field that is undefined is not there. */
export type Fields = Record<string, Value | undefined>

export interface FieldChange {
  field: string
  before?: Value
  after?: Value
}

/** What is known of each subject. One without fields is not there. */
export type Subjects = Map<string, Fields>

/** Longer texts are cut: whoever writes them is not always a friend. Characters. */
const maxText = 4000

/** @returns what differs, sorted by field, as it can be stored and read back unchanged. */
export function changedFields(before: Fields = {}, after: Fields = {}): FieldChange[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()
  return names.flatMap(field => {
    const [was, is] = [storable(before[field]), storable(after[field])]
    if (isSame(was, is)) return []
    return [{ field, ...(was !== undefined && { before: was }), ...(is !== undefined && { after: is }) }]
  })
}

/** @returns the text as it can be stored. */
export function storableText(text: string): string {
  return text.slice(0, maxText).toWellFormed()
}

function storable(value: Value | undefined): Value | undefined {
  if (typeof value === 'string') return storableText(value)
  // Neither is a value that compares or comes back as it was.
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? undefined : value
  return value
}

function isSame(a: Value | undefined, b: Value | undefined): boolean {
  return a === b || (a instanceof Date && b instanceof Date && a.getTime() === b.getTime())
}

/** Plays one change. */
export function applyChange(subjects: Subjects, { subject, fields }: { subject: string; fields: FieldChange[] }): void {
  if (fields.length === 0) return
  const next = { ...subjects.get(subject) }
  for (const { field, after } of fields) {
    if (after === undefined) delete next[field]
    else next[field] = after
  }
  if (Object.keys(next).length > 0) subjects.set(subject, next)
  else subjects.delete(subject)
}

/** @returns the subjects that differ, sorted. */
export function differing(a: ReadonlyMap<string, Fields>, b: ReadonlyMap<string, Fields>): string[] {
  const names = [...new Set([...a.keys(), ...b.keys()])].sort()
  return names.filter(name => changedFields(a.get(name), b.get(name)).length > 0)
}

/** @returns the whole state as one value, for a checkpoint. */
export function pack(subjects: ReadonlyMap<string, Fields>): Buffer {
  const plain = [...subjects].map(([subject, fields]) => [
    subject,
    Object.entries(fields).map(([field, value]) => [field, value instanceof Date ? [value.getTime()] : value]),
  ])
  return gzipSync(JSON.stringify(plain), { level: 1 })
}

/** @throws Error when the bytes are not what `pack` made. */
export function unpack(bytes: Uint8Array): Subjects {
  const plain = JSON.parse(gunzipSync(bytes).toString()) as [string, [string, Value | [number]][]][]
  return new Map(
    plain.map(([subject, fields]) => [
      subject,
      Object.fromEntries(fields.map(([field, value]) => [field, Array.isArray(value) ? new Date(value[0]) : value])),
    ]),
  )
}
