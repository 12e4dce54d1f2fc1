import { User } from '@site11/proto/grpc/site11/users/v1/user.ts'
import { ChangeType, type WatchUsersResponse } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { because, callBy, consoleService, startUsers, type TestUsers } from './test-users.ts'

const call = callBy(consoleService)
let users: TestUsers
let ends: { abort(): void }[] = []
beforeAll(async () => {
  users = await startUsers()
})
afterEach(() => {
  for (const end of ends) end.abort()
  ends = []
})
afterAll(() => users.stop())

/** Opens a stream. @returns a function that takes the next messages from it. */
function watch(resumeToken = '') {
  const end = new AbortController()
  const stream = users.handlers.watchUsers({ resumeToken }, callBy(consoleService, end.signal))[Symbol.asyncIterator]()
  ends.push({
    abort() {
      end.abort()
      void stream.return?.()
    },
  })
  return async (count: number): Promise<WatchUsersResponse[]> => {
    const taken: WatchUsersResponse[] = []
    while (taken.length < count) {
      const { value, done } = await stream.next()
      if (done) break
      taken.push(value)
    }
    return taken
  }
}

const typesOf = (messages: WatchUsersResponse[]) => messages.map(({ type }) => type)
const rename = (id: string, displayName: string) =>
  users.handlers.updateUser({ user: User.fromPartial({ id, displayName }), updateMask: undefined }, call)

describe('a watch', () => {
  test('is ready soon, then tells of each change with the user', async () => {
    const take = watch()
    const started = performance.now()
    expect(typesOf(await take(1))).toEqual([ChangeType.CHANGE_TYPE_READY])
    expect(performance.now() - started).toBeLessThan(900)
    const { id } = await users.create({ displayName: 'Watched' }, { password: 'four unrelated words' })
    const [created] = await take(1)
    await rename(id, 'Renamed')
    const [renamed] = await take(1)
    await users.handlers.deleteUser({ id, etag: '' }, call)
    const [deleted] = await take(1)
    await users.handlers.undeleteUser({ id, etag: '' }, call)
    const [undeleted] = await take(1)
    expect(created).toMatchObject({ type: ChangeType.CHANGE_TYPE_CREATED, user: { id, displayName: 'Watched' } })
    expect(renamed).toMatchObject({ type: ChangeType.CHANGE_TYPE_UPDATED, user: { id, displayName: 'Renamed' } })
    expect(deleted).toMatchObject({ type: ChangeType.CHANGE_TYPE_DELETED, user: { id } })
    expect(undeleted).toMatchObject({ type: ChangeType.CHANGE_TYPE_CREATED, user: { id } })
    expect(JSON.stringify(created)).not.toContain('argon2')
  })

  test.each([
    ['READY', 1],
    ['a change', 2],
  ])('goes on after %s without a gap', async (_, seen) => {
    const take = watch()
    await take(1)
    await users.create({ displayName: 'First' })
    const [first] = await take(1)
    const before = watch(first?.resumeToken)
    const [ready] = await before(1)
    ends.at(-1)?.abort()
    const token = seen === 1 ? ready?.resumeToken : first?.resumeToken
    const made = [await users.create(), await users.create(), await users.create()]
    const resumed = await watch(token)(4)
    expect(typesOf(resumed)[0]).toBe(ChangeType.CHANGE_TYPE_READY)
    expect(resumed.slice(1).map(({ user }) => user?.id)).toEqual(made.map(({ id }) => id))
  })

  test('goes on after READY of a stream that saw nothing', async () => {
    const [ready] = await watch()(1)
    ends.at(-1)?.abort()
    const { id } = await users.create()
    const [, created] = await watch(ready?.resumeToken)(2)
    expect(created?.user?.id).toBe(id)
  })

  test.each(['nonsense!', 'AAAA', 'gmFh'])('refuses the damaged token %s', async token => {
    await expect(watch(token)(1)).rejects.toMatchObject(because('INVALID_FIELD', 'resume_token'))
  })

  test('ends when its caller hangs up', async () => {
    const take = watch()
    await take(1)
    const next = take(1)
    ends.at(-1)?.abort()
    expect(await next).toEqual([])
  })

  test('ends with UNAVAILABLE when the instance stops', async () => {
    const stopping = await startUsers()
    const stream = stopping.handlers.watchUsers({ resumeToken: '' }, callBy(consoleService))[Symbol.asyncIterator]()
    await stream.next()
    const next = stream.next()
    stopping.leaving.abort()
    await expect(next).rejects.toMatchObject({ code: 14 })
    await stopping.stop()
  })

  test('is refused beyond what an instance can bear', async () => {
    const takes = Array.from({ length: 50 }, () => watch())
    await Promise.all(takes.map(take => take(1)))
    await expect(watch()(1)).rejects.toMatchObject(because('OVERLOADED'))
    const { id } = await users.create()
    const seen = await Promise.all(takes.map(take => take(1)))
    expect(seen.flat().map(({ user }) => user?.id)).toEqual(takes.map(() => id))
  })
})
