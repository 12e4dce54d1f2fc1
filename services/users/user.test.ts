import { User, UserState } from '@site11/proto/grpc/site11/users/v1/user.ts'
import { describe, expect, test } from 'vitest'
import {
  applyUpdate,
  forGood,
  isActiveAdmin,
  maySignIn,
  newUser,
  normalizeEmail,
  profileFields,
  requireLiving,
  requireRoles,
  toUser,
  type UserRecord,
  undelete,
  updateOf,
  userFields,
} from './user.ts'

const now = new Date('2026-05-01T00:00:00Z')
const later = new Date('2026-05-02T00:00:00Z')
const earlier = new Date('2026-04-30T00:00:00Z')
const message = (fields: Partial<User>) => User.fromPartial(fields)
const record = (fields: Partial<UserRecord> = {}): UserRecord => ({
  ...newUser(message({ email: 'ada@example.com' }), 'id-1', now),
  ...fields,
})

describe('a new user', () => {
  test('has a normalised address, the role user, and nothing that the caller cannot assign', () => {
    const sent = message({
      id: 'mine',
      email: 'Ádá@Example.COM'.normalize('NFD'),
      displayName: ' Ada ',
      roles: ['admin'],
      emailVerified: true,
      state: UserState.USER_STATE_DISABLED,
      etag: 'x',
    })
    expect(newUser(sent, 'id-1', now)).toMatchObject({
      _id: 'id-1',
      email: 'ádá@example.com',
      displayName: 'Ada',
      roles: ['user'],
      emailVerified: false,
      disabledUntil: null,
      version: 1,
    })
  })

  test.each(['ko-KR', 'en', 'zh-Hant-TW', ''])('may have the locale "%s"', locale => {
    expect(newUser(message({ email: 'a@b.co', locale }), 'x', now).locale).toBe(locale)
  })

  test.each(['Asia/Seoul', 'UTC', ''])('may have the time zone "%s"', timeZone => {
    expect(newUser(message({ email: 'a@b.co', timeZone }), 'x', now).timeZone).toBe(timeZone)
  })

  test('is refused with each of locale and time zone named when they do not exist', () => {
    const sent = message({ email: 'a@b.co', locale: 'xx-YY', timeZone: 'Asia/Atlantis' })
    expect(() => newUser(sent, 'x', now)).toThrow(
      expect.objectContaining({
        details: expect.objectContaining({
          reason: 'INVALID_FIELD',
          violations: [
            expect.objectContaining({ field: 'user.locale' }),
            expect.objectContaining({ field: 'user.time_zone' }),
          ],
        }),
      }),
    )
  })
})

test('an address is the same in any case, form and surroundings', () => {
  expect(normalizeEmail(' Ü@EXAMPLE.com ')).toBe(normalizeEmail('u\u0308@example.com'))
})

describe('an update', () => {
  const sent = message({ email: 'New@b.co', displayName: 'New', locale: 'ko' })

  test('changes the fields of the mask, the empty ones too', () => {
    expect(updateOf(sent, ['display_name', 'time_zone'], userFields)).toEqual({ displayName: 'New', timeZone: '' })
  })

  test('without a mask changes the fields that are set', () => {
    expect(updateOf(sent, undefined, userFields)).toEqual({ email: 'new@b.co', displayName: 'New', locale: 'ko' })
    expect(updateOf(message({}), [], userFields)).toEqual({})
  })

  test('with * changes all fields', () => {
    expect(updateOf(sent, ['*'], userFields)).toEqual({
      email: 'new@b.co',
      displayName: 'New',
      locale: 'ko',
      timeZone: '',
      avatar: '',
      profile: {},
    })
  })

  test('of the own profile leaves the address alone', () => {
    expect(updateOf(sent, undefined, profileFields)).toEqual({ displayName: 'New', locale: 'ko' })
    expect(updateOf(sent, ['*'], profileFields)).not.toHaveProperty('email')
  })

  test.each(['roles', 'state', 'id', 'displayName', 'profile.company', 'nonsense', 'email'])(
    'of the own profile refuses the path %s',
    path => {
      expect(() => updateOf(sent, ['locale', path], profileFields)).toThrow(
        expect.objectContaining({
          details: expect.objectContaining({ violations: [expect.objectContaining({ field: 'update_mask' })] }),
        }),
      )
    },
  )

  test('cannot remove the address', () => {
    expect(() => updateOf(message({}), ['email'], userFields)).toThrow(
      expect.objectContaining({
        details: expect.objectContaining({ violations: [expect.objectContaining({ field: 'user.email' })] }),
      }),
    )
  })

  test('makes a new address unverified, and the same one keeps what it was', () => {
    const user = record({ emailVerified: true })
    expect(applyUpdate(user, { email: 'new@b.co' })).toEqual({ email: 'new@b.co', emailVerified: false })
    expect(applyUpdate(user, { email: user.email })).not.toHaveProperty('emailVerified')
  })
})

describe('being disabled', () => {
  test('lasts until its time, seen from the time of reading', () => {
    const user = record({ disabledUntil: later, disabledReason: 'spam' })
    expect(toUser(user, now)).toMatchObject({
      state: UserState.USER_STATE_DISABLED,
      disabledReason: 'spam',
      disabledUntil: later,
    })
    expect(toUser(user, later)).toMatchObject({
      state: UserState.USER_STATE_ACTIVE,
      disabledReason: '',
      disabledUntil: undefined,
    })
    expect([maySignIn(user, now), maySignIn(user, later)]).toEqual([false, true])
  })

  test('without an end shows none', () => {
    const user = toUser(record({ disabledUntil: forGood }), now)
    expect(user).toMatchObject({ state: UserState.USER_STATE_DISABLED, disabledUntil: undefined })
  })
})

test('an active admin is living, enabled and has the role', () => {
  const admin = record({ roles: ['user', 'admin'] })
  expect(isActiveAdmin(admin, now)).toBe(true)
  expect(isActiveAdmin({ ...admin, disabledUntil: earlier }, now)).toBe(true)
  expect(isActiveAdmin({ ...admin, disabledUntil: later }, now)).toBe(false)
  expect(isActiveAdmin({ ...admin, deleteTime: now }, now)).toBe(false)
  expect(isActiveAdmin(record(), now)).toBe(false)
})

test('roles are those that exist', () => {
  expect(() => requireRoles(['admin', 'operator', 'user'])).not.toThrow()
  expect(() => requireRoles([])).not.toThrow()
  expect(() => requireRoles(['user', 'root'])).toThrow(
    expect.objectContaining({ details: expect.objectContaining({ reason: 'UNKNOWN_ROLE' }) }),
  )
})

test('only a deleted user can be brought back, only a living one changed', () => {
  const wrongState = expect.objectContaining({ details: expect.objectContaining({ reason: 'WRONG_STATE' }) })
  const deleted = record({ deleteTime: earlier })
  expect(undelete(deleted)).toEqual({ deleteTime: null })
  expect(() => undelete(record())).toThrow(wrongState)
  expect(() => requireLiving(deleted)).toThrow(wrongState)
  expect(() => requireLiving(record())).not.toThrow()
})

test('the etag changes with the version, and the password does not leave', () => {
  const kept = { ...record(), passwordHash: 'secret', search: ['ada'] }
  expect(toUser(kept, now).etag).not.toBe(toUser({ ...kept, version: 2 }, now).etag)
  expect(JSON.stringify(toUser(kept, now))).not.toContain('secret')
})
