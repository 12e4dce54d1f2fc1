/** Changes of the journal for people. Pure. */
import { styleText } from 'node:util'
import type { Change, FieldChange } from '@site11/proto/grpc/site11/console/v1/diagnostics_service.ts'
import { wrap } from './layout.ts'
import { printable } from './render.ts'
import { duration } from './status.ts'

const indent = '    '
/** A value longer than this is cut. Characters. */
const longest = 60

/** A line that says when, who and what, and below it the fields before and after, and why. */
export function renderChange(
  { id, time, actor, action, subject, fields, reason, duration: lasted }: Change,
  width: number,
): string {
  const head = [
    styleText('dim', time ? clockOf(time) : ''),
    styleText('dim', `#${id}`),
    styleText('cyan', printable(actor)),
    styleText('bold', printable(action)),
    printable(subject),
    ...(lasted && lasted.seconds > 0 ? [styleText('dim', `after ${duration(lasted.seconds * 1000)}`)] : []),
  ].join('  ')
  const body = fields.map(fieldText).join('; ')
  return [
    head,
    ...(body ? [wrap(body, width, indent)] : []),
    ...(reason ? [wrap(`because ${printable(reason)}`, width, indent)] : []),
  ].join('\n')
}

/** Local time, with the day. */
function clockOf(time: Date): string {
  const two = (value: number) => String(value).padStart(2, '0')
  const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`
  return `${day} ${time.toTimeString().slice(0, 8)}.${String(time.getMilliseconds()).padStart(3, '0')}`
}

function fieldText({ field, before, after }: FieldChange): string {
  if (before === undefined) return `${field} = ${short(after)}`
  return after === undefined ? `${field} was ${short(before)}` : `${field} ${short(before)} → ${short(after)}`
}

function short(value = ''): string {
  if (value === '') return '""'
  // A hash is told from others by its beginning.
  if (/^[0-9a-f]{64}$/.test(value)) return value.slice(0, 12)
  const text = printable(value)
  return text.length > longest ? `${text.slice(0, longest)}...` : text
}

/** A change as a line of JSON, with the names of the contract. */
export function changeJson({ duration: lasted, ...change }: Change): string {
  return JSON.stringify({ ...change, ...(lasted && { duration: `${lasted.seconds + lasted.nanos / 1e9}s` }) })
}
