import { create } from '@bufbuild/protobuf'
import { ChangeType, WatchUsersResponseSchema } from '@site11/proto/es/site11/users/v1/users_service_pb.ts'
import { expect, test } from 'vitest'
import { changesSince, type UserChanges, withChange } from './changes.ts'

const ready = create(WatchUsersResponseSchema, { type: ChangeType.READY })
const updated = (id: number, type: ChangeType = ChangeType.UPDATED) =>
  create(WatchUsersResponseSchema, { type, user: { id: String(id) } })
const after = (state: UserChanges | undefined, from: number, to: number) => {
  let now = state
  for (let id = from; id <= to; id++) now = withChange(now, updated(id))
  return now as UserChanges
}
const ids = (changes: UserChanges['recent'] | undefined) => changes?.map(({ user }) => Number(user.id))

test('what came since the last look is told in order, once', () => {
  const start = withChange(undefined, ready)
  const three = after(start, 1, 3)
  expect(ids(changesSince(three, start))).toEqual([1, 2, 3])
  expect(ids(changesSince(after(three, 4, 5), three))).toEqual([4, 5])
  expect(changesSince(three, three)).toEqual([])
})

test('a new user is told from a changed one', () => {
  const start = withChange(undefined, ready)
  const state = withChange(withChange(start, updated(1, ChangeType.CREATED)), updated(2))
  expect(changesSince(state, start)?.map(({ created }) => created)).toEqual([true, false])
})

test('who missed something is told so: another connection, or too much at once', () => {
  const start = withChange(undefined, ready)
  expect(changesSince(withChange(undefined, ready), start)).toBeUndefined()
  expect(changesSince(after(start, 1, 501), start)).toBeUndefined()
  expect(ids(changesSince(after(start, 1, 500), start))).toHaveLength(500)
})
