import { create } from '@bufbuild/protobuf'
import { UserSchema } from '@site11/proto/es/site11/users/v1/user_pb.ts'
import { expect, test } from 'vitest'
import { changedFields, differences, merged, rolesIn, updateFrom, valuesOf } from './merge.ts'

const before = valuesOf(
  create(UserSchema, {
    email: 'a@example.com',
    displayName: 'Kim',
    locale: 'ko',
    roles: ['user', 'admin'],
    profile: { company: 'A', phone: '1' },
  }),
)

test('a user as texts', () => {
  expect(before).toEqual({
    email: 'a@example.com',
    displayName: 'Kim',
    locale: 'ko',
    timeZone: '',
    roles: 'admin, user',
    'profile.company': 'A',
    'profile.phone': '1',
  })
  expect(rolesIn(before)).toEqual(['admin', 'user'])
  expect(rolesIn({ roles: '' })).toEqual([])
})

test('only what both changed, and to different values, has to be chosen', () => {
  const mine = { ...before, displayName: 'Lee', locale: 'en', timeZone: 'Asia/Seoul' }
  const theirs = { ...before, displayName: 'Park', timeZone: 'Asia/Seoul', 'profile.company': 'B' }
  const list = differences(before, mine, theirs)
  expect(Object.fromEntries(list.map(({ field, by }) => [field, by]))).toEqual({
    displayName: 'both',
    locale: 'me',
    'profile.company': 'them',
  })
  const kept = { ...before, locale: 'en', timeZone: 'Asia/Seoul', 'profile.company': 'B' }
  expect(merged(theirs, list, { displayName: 'mine' })).toEqual({ ...kept, displayName: 'Lee' })
  expect(merged(theirs, list, { displayName: 'theirs', locale: 'theirs' })).toEqual({
    ...kept,
    displayName: 'Park',
    locale: 'ko',
  })
})

test('an update names what changed and no more', () => {
  const to = { ...before, displayName: 'Lee', 'profile.phone': '', 'profile.team': 'x', roles: 'user' }
  expect(changedFields(before, to)).toEqual(['displayName', 'roles', 'profile.phone', 'profile.team'])
  expect(updateFrom(before, to)).toEqual({
    user: {
      email: 'a@example.com',
      displayName: 'Lee',
      locale: 'ko',
      timeZone: '',
      profile: { company: 'A', team: 'x' },
    },
    paths: ['display_name', 'profile'],
    roles: true,
  })
  expect(updateFrom(before, before)).toMatchObject({ paths: [], roles: false })
})
