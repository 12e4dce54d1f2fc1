/** An edit against what others have made of the same user meanwhile, field by field: pure. */
import type { User } from '@site11/proto/es/site11/users/v1/user_pb.ts'

/** A user's editable fields as texts, '' for none. Profile fields are `profile.<key>`. */
export type FieldValues = Readonly<Record<string, string>>

export interface Difference {
  field: string
  before: string
  mine: string
  theirs: string
  /** Whose change it is. Only where both changed it, to different values, one has to choose. */
  by: 'me' | 'them' | 'both'
}

export type Side = 'mine' | 'theirs'

const plain = ['email', 'displayName', 'locale', 'timeZone'] as const

/** Paths of the update mask by field; profile fields are one path together, and roles are set by a method of their own. */
const maskPaths: Record<(typeof plain)[number], string> = {
  email: 'email',
  displayName: 'display_name',
  locale: 'locale',
  timeZone: 'time_zone',
}

const profilePrefix = 'profile.'

export function valuesOf(user: Pick<User, (typeof plain)[number] | 'roles' | 'profile'>): FieldValues {
  const profile = Object.entries(user.profile).map(([key, value]) => [profilePrefix + key, value])
  const own = plain.map(field => [field, user[field]])
  return Object.fromEntries([...own, ['roles', [...user.roles].sort().join(', ')], ...profile])
}

export const rolesIn = ({ roles = '' }: FieldValues) => roles.split(', ').filter(Boolean)

/** @returns the fields in which the two are not alike. */
export function changedFields(a: FieldValues, b: FieldValues): string[] {
  const fields = [...new Set([...Object.keys(a), ...Object.keys(b)])]
  return fields.filter(field => (a[field] ?? '') !== (b[field] ?? ''))
}

/** @returns what either side changed since `before`, but for what both changed to the same. */
export function differences(before: FieldValues, mine: FieldValues, theirs: FieldValues): Difference[] {
  return changedFields(mine, theirs).map(field => {
    const values = { before: before[field] ?? '', mine: mine[field] ?? '', theirs: theirs[field] ?? '' }
    const by = values.before === values.theirs ? 'me' : values.before === values.mine ? 'them' : 'both'
    return { field, ...values, by }
  })
}

/** @returns what is chosen without being asked. */
export const sideOf = ({ by }: Difference): Side | undefined =>
  by === 'both' ? undefined : by === 'me' ? 'mine' : 'theirs'

/** @returns their version with my choices in it. */
export function merged(
  theirs: FieldValues,
  list: readonly Difference[],
  choices: Readonly<Record<string, Side>>,
): FieldValues {
  const mine = list.filter(difference => (choices[difference.field] ?? sideOf(difference)) === 'mine')
  return { ...theirs, ...Object.fromEntries(mine.map(({ field, mine }) => [field, mine])) }
}

/** @returns the user and the mask of an update that makes `to` of `from`; no paths when only roles differ. */
export function updateFrom(from: FieldValues, to: FieldValues) {
  const changed = changedFields(from, to)
  const paths = plain.filter(field => changed.includes(field)).map(field => maskPaths[field])
  if (changed.some(field => field.startsWith(profilePrefix))) paths.push('profile')
  const profile = Object.fromEntries(
    Object.entries(to).flatMap(([field, value]) =>
      field.startsWith(profilePrefix) && value !== '' ? [[field.slice(profilePrefix.length), value]] : [],
    ),
  )
  const { email = '', displayName = '', locale = '', timeZone = '' } = to
  return { user: { email, displayName, locale, timeZone, profile }, paths, roles: changed.includes('roles') }
}
