/**
 * The user and its rules: pure functions of records and the time.
 */

import { type User, UserState } from '@site11/proto/grpc/site11/users/v1/user.ts'
import type { FieldViolation } from '@site11/runtime/errors.ts'
import { failedPrecondition, invalidArgument } from '@site11/runtime/errors.ts'
import { etagOf } from '@site11/runtime/store/etag.ts'

/** A user as it is kept, without its password. */
export interface UserRecord {
  _id: string
  email: string
  displayName: string
  locale: string
  timeZone: string
  avatar: string
  profile: Record<string, string>
  roles: string[]
  disabledReason: string
  /** Null when never disabled, `forGood` when disabled without an end. In the past: active again. */
  disabledUntil: Date | null
  emailVerified: boolean
  createTime: Date
  updateTime: Date
  deleteTime: Date | null
  /** Counts the changes of the user. */
  version: number
  /** Counts the changes of the password. */
  passwordVersion: number
}

/** What a rule makes of a user: the fields that change. */
export type Change = Partial<Omit<UserRecord, '_id' | 'createTime' | 'version'>>

/** The end of being disabled for good: the last moment that a protobuf Timestamp has. */
export const forGood = new Date('9999-12-31T23:59:59.999Z')

export const roles: readonly string[] = ['admin', 'operator', 'user']

/** Fields that may be changed by an update, by their names in masks. */
const updatable = {
  email: 'email',
  display_name: 'displayName',
  locale: 'locale',
  time_zone: 'timeZone',
  avatar: 'avatar',
  profile: 'profile',
} as const

export type UpdatableField = keyof typeof updatable

/** What an administrator may change of a user. */
export const userFields = Object.keys(updatable) as UpdatableField[]
/** What users may change of themselves. */
export const profileFields = userFields.filter(field => field !== 'email')

export function normalizeEmail(email: string): string {
  return email.trim().normalize('NFC').toLowerCase()
}

export function isDisabled({ disabledUntil }: UserRecord, now: Date): boolean {
  return disabledUntil !== null && disabledUntil > now
}

/** Living and not disabled. */
export function maySignIn(user: UserRecord, now: Date): boolean {
  return user.deleteTime === null && !isDisabled(user, now)
}

export function isActiveAdmin(user: UserRecord, now: Date): boolean {
  return user.roles.includes('admin') && maySignIn(user, now)
}

/** @returns the user as callers see it at `now`. */
export function toUser(record: UserRecord, now: Date): User {
  const disabled = isDisabled(record, now)
  const until = record.disabledUntil
  return {
    id: record._id,
    email: record.email,
    displayName: record.displayName,
    locale: record.locale,
    timeZone: record.timeZone,
    avatar: record.avatar,
    profile: record.profile,
    roles: record.roles,
    state: disabled ? UserState.USER_STATE_DISABLED : UserState.USER_STATE_ACTIVE,
    disabledReason: disabled ? record.disabledReason : '',
    disabledUntil: disabled && until !== null && until < forGood ? until : undefined,
    emailVerified: record.emailVerified,
    createTime: record.createTime,
    updateTime: record.updateTime,
    deleteTime: record.deleteTime ?? undefined,
    etag: etagOf(record.version),
  }
}

/**
 * @param message what the caller sent; what the server assigns is ignored.
 * @throws ServiceError INVALID_ARGUMENT when locale or time zone do not exist.
 */
export function newUser(message: User, id: string, now: Date): UserRecord {
  const user: UserRecord = {
    _id: id,
    email: normalizeEmail(message.email),
    displayName: cleanText(message.displayName),
    locale: message.locale,
    timeZone: message.timeZone,
    avatar: message.avatar,
    profile: message.profile,
    roles: ['user'],
    disabledReason: '',
    disabledUntil: null,
    emailVerified: false,
    createTime: now,
    updateTime: now,
    deleteTime: null,
    version: 1,
    passwordVersion: 0,
  }
  requireKnown(user)
  return user
}

/**
 * @param mask the update mask as sent; none means the fields that are set in the message (AIP-134).
 * @param allowed the fields that this method changes.
 * @throws ServiceError INVALID_ARGUMENT naming `update_mask` for a path that cannot be changed here, or the field at fault.
 */
export function updateOf(message: User, mask: string[] | undefined, allowed: readonly UpdatableField[]): Change {
  const change: Change = {}
  for (const field of maskedFields(message, mask, allowed)) {
    const name = updatable[field]
    if (name === 'profile') change.profile = message.profile
    else if (name === 'email') change.email = normalizeEmail(message.email)
    else change[name] = name === 'displayName' ? cleanText(message.displayName) : message[name]
  }
  if (change.email === '') {
    throw invalidField(
      'user.email',
      'An e-mail address cannot be removed, only changed: send the new one in user.email.',
    )
  }
  requireKnown(change)
  return change
}

function maskedFields(
  message: User,
  mask: string[] | undefined,
  allowed: readonly UpdatableField[],
): readonly UpdatableField[] {
  if (!mask || mask.length === 0) return allowed.filter(field => isSet(message[updatable[field]]))
  if (mask.includes('*')) return allowed
  const wrong = mask.filter(path => !allowed.includes(path as UpdatableField))
  if (wrong.length > 0) {
    const description = `${wrong.join(', ')} cannot be changed here. Possible are ${allowed.join(', ')}, or * for all of them.`
    throw invalidField('update_mask', description)
  }
  return mask as UpdatableField[]
}

const isSet = (value: string | Record<string, string>) =>
  typeof value === 'string' ? value !== '' : Object.keys(value).length > 0

/** @returns the change to make: a new address is not verified. */
export function applyUpdate(user: UserRecord, change: Change): Change {
  if (change.email === undefined || change.email === user.email) return change
  return { ...change, emailVerified: false }
}

/** @throws ServiceError INVALID_ARGUMENT UNKNOWN_ROLE naming the roles that there are. */
export function requireRoles(wanted: string[]): void {
  const unknown = wanted.filter(role => !roles.includes(role))
  if (unknown.length === 0) return
  const message = `There is no role ${unknown.join(', ')}. Possible are ${roles.join(', ')}.`
  throw invalidArgument('UNKNOWN_ROLE', message, [{ field: 'roles', description: message }])
}

/** @throws ServiceError FAILED_PRECONDITION for a deleted user. */
export function requireLiving(user: UserRecord): void {
  if (user.deleteTime === null) return
  throw failedPrecondition('WRONG_STATE', `The user ${user._id} is deleted. Bring it back with UndeleteUser first.`)
}

/** @returns the change that brings a user back. @throws ServiceError FAILED_PRECONDITION for a living user. */
export function undelete(user: UserRecord): Change {
  if (user.deleteTime === null) throw failedPrecondition('WRONG_STATE', `The user ${user._id} is not deleted.`)
  return { deleteTime: null }
}

/** Locale and time zone must not only look right but exist. */
function requireKnown({ locale, timeZone }: Change): void {
  const violations: FieldViolation[] = []
  if (locale && !isLocale(locale)) {
    violations.push({ field: 'user.locale', description: `${locale} is no language tag in use; ko-KR is one.` })
  }
  if (timeZone && !isTimeZone(timeZone)) {
    violations.push({ field: 'user.time_zone', description: `${timeZone} is no IANA time zone; Asia/Seoul is one.` })
  }
  if (violations.length === 0) return
  throw invalidArgument('INVALID_FIELD', violations.map(({ description }) => description).join(' '), violations)
}

const languages = new Intl.DisplayNames('en', { type: 'language', fallback: 'none' })
const isLocale = remembered(tag => languages.of(tag) !== undefined)
const isTimeZone = remembered(
  zone => /^[A-Za-z]/.test(zone) && Boolean(new Intl.DateTimeFormat('en', { timeZone: zone })),
)

/** Intl takes tens of microseconds to answer. Only what exists is remembered, of which there is a limited number. */
function remembered(exists: (name: string) => boolean): (name: string) => boolean {
  const known = new Set<string>()
  return name => {
    if (known.has(name)) return true
    try {
      if (!exists(name)) return false
    } catch {
      return false
    }
    if (known.size < 1000) known.add(name)
    return true
  }
}

const cleanText = (text: string) => text.trim().normalize('NFC')

function invalidField(field: string, description: string) {
  return invalidArgument('INVALID_FIELD', description, [{ field, description }])
}
