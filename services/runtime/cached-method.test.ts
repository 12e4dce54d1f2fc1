import { expect, it } from 'vitest'
import { subjectFrom } from './cached-method.ts'

it.each([
  ['users', {}, 'users'],
  ['users/{id}', { id: '42' }, 'users/42'],
  ['users/{user.id}', { user: { id: '42' } }, 'users/42'],
  ['groups/{group_id}/{user_id}', { groupId: 'a b', userId: 'c/d' }, 'groups/a%20b/c%2Fd'],
  ['users/{user.id}', {}, 'users/'],
])('the subject %s of %j is %s', (template, request, subject) => {
  expect(subjectFrom(template, request)).toBe(subject)
})
