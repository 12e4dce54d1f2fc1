/** Users as CSV (RFC 4180) that Excel and its like open rightly: in UTF-8 with its mark, and without running anything in it. */
import { type Timestamp, timestampDate } from '@bufbuild/protobuf/wkt'
import { type User, UserState } from '@site11/proto/es/site11/users/v1/user_pb.ts'

const time = (timestamp: Timestamp | undefined) => (timestamp ? timestampDate(timestamp).toISOString() : '')

/** By the names of the contract, so that a program can read it back. */
const columns: [name: string, value: (user: User) => string][] = [
  ['id', ({ id }) => id],
  ['email', ({ email }) => email],
  ['display_name', ({ displayName }) => displayName],
  ['state', ({ state }) => (state === UserState.DISABLED ? 'DISABLED' : 'ACTIVE')],
  ['roles', ({ roles }) => roles.join(' ')],
  ['email_verified', ({ emailVerified }) => String(emailVerified)],
  ['locale', ({ locale }) => locale],
  ['time_zone', ({ timeZone }) => timeZone],
  ['disabled_reason', ({ disabledReason }) => disabledReason],
  ['disabled_until', ({ disabledUntil }) => time(disabledUntil)],
  ['create_time', ({ createTime }) => time(createTime)],
  ['update_time', ({ updateTime }) => time(updateTime)],
  ['delete_time', ({ deleteTime }) => time(deleteTime)],
]

/** What a spreadsheet takes for a formula at the beginning of a cell, the full-width signs of Korean keyboards included. */
const formula = /^\s*[=+\-@＝＋－＠]|^[\t\r\n]/

/** @returns a value as a cell. A leading apostrophe tells a spreadsheet that it is text. */
export function cell(value: string): string {
  const safe = formula.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

const line = (cells: string[]) => `${cells.map(cell).join(',')}\r\n`

/** The first line; by the byte order mark Excel knows UTF-8, without which Korean is garbled. */
export const csvHead = `\uFEFF${line(columns.map(([name]) => name))}`

export const csvLines = (users: readonly User[]) =>
  users.map(user => line(columns.map(([, value]) => value(user)))).join('')
