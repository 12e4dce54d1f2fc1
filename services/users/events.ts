/** What others are told of users: which event a change is. Pure. */
import {
  UserCreated,
  UserDeleted,
  UserDisabled,
  UserEmailVerified,
  UserEnabled,
  UserPasswordChanged,
  UserRolesChanged,
  UserUndeleted,
  UserUpdated,
} from '@site11/proto/grpc/site11/users/v1/events.ts'
import { type Codec, type OutboxEntry, outboxEntry } from '@site11/runtime/events/event.ts'
import { forGood, type UserRecord } from './user.ts'

/** The stream of this service. */
export const stream = 'users'

/** @returns the event of a new user. */
export const created = (user: UserRecord, traceId: string): OutboxEntry => {
  const { roles, locale, timeZone, passwordVersion } = user
  return entry('UserCreated', UserCreated, { roles, locale, timeZone, hasPassword: passwordVersion > 0 }, user, traceId)
}

/** @returns the one event of a change, which every change has, so that no version of a user is without. */
export function changed(before: UserRecord, after: UserRecord, traceId: string): OutboxEntry {
  const make = <T>(name: string, codec: Codec<T>, message: T) => entry(name, codec, message, after, traceId)
  const { locale, timeZone, disabledUntil, roles } = after
  if (before.deleteTime === null && after.deleteTime !== null) return make('UserDeleted', UserDeleted, {})
  if (before.deleteTime !== null && after.deleteTime === null) return make('UserUndeleted', UserUndeleted, {})
  if (
    disabledUntil !== null &&
    (before.disabledUntil?.getTime() !== disabledUntil.getTime() || isReasonNew(before, after))
  )
    return make('UserDisabled', UserDisabled, { until: disabledUntil < forGood ? disabledUntil : undefined })
  if (before.disabledUntil !== null && disabledUntil === null) return make('UserEnabled', UserEnabled, {})
  if (before.roles.join() !== roles.join())
    return make('UserRolesChanged', UserRolesChanged, { roles, previousRoles: before.roles })
  if (!before.emailVerified && after.emailVerified) return make('UserEmailVerified', UserEmailVerified, {})
  const fields = Object.entries(profileFields).flatMap(([name, of]) => (isSame(of(before), of(after)) ? [] : [name]))
  return make('UserUpdated', UserUpdated, { fields, locale, timeZone })
}

/** @param user as it is after the change. */
export const passwordChanged = (
  user: Pick<UserRecord, 'version' | 'updateTime' | 'passwordVersion'>,
  byLink: boolean,
  traceId: string,
): OutboxEntry =>
  entry('UserPasswordChanged', UserPasswordChanged, { passwordVersion: user.passwordVersion, byLink }, user, traceId)

function entry<T>(
  name: string,
  codec: Codec<T>,
  message: T,
  { version, updateTime }: Pick<UserRecord, 'version' | 'updateTime'>,
  traceId: string,
): OutboxEntry {
  return outboxEntry(`site11.users.v1.${name}`, codec, message, { sequence: version, time: updateTime, traceId })
}

const isReasonNew = (before: UserRecord, after: UserRecord) => before.disabledReason !== after.disabledReason

const profileFields: Record<string, (user: UserRecord) => unknown> = {
  email: user => user.email,
  display_name: user => user.displayName,
  locale: user => user.locale,
  time_zone: user => user.timeZone,
  avatar: user => user.avatar,
  profile: user => user.profile,
}

const isSame = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other)
