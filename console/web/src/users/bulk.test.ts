import { create } from '@bufbuild/protobuf'
import { UserSchema } from '@site11/proto/es/site11/users/v1/user_pb.ts'
import { expect, test } from 'vitest'
import { runBulk } from './bulk.ts'

const users = Array.from({ length: 20 }, (_, n) => create(UserSchema, { id: String(n) }))
const signal = new AbortController().signal
const turn = () => new Promise(resolve => setImmediate(resolve))

test('each user has an outcome, and one that fails stops no other', async () => {
  const sizes: number[] = []
  const outcome = await runBulk(users, {
    signal,
    act: async user => {
      await turn()
      if (Number(user.id) % 5 === 0) throw new Error(user.id)
      return create(UserSchema, { id: user.id, etag: 'new' })
    },
    onProgress: ({ done, failed }) => sizes.push(done.length + failed.length),
  })
  expect(outcome.done).toHaveLength(16)
  expect(outcome.done.every(({ before, after }) => before.id === after.id && after.etag === 'new')).toBe(true)
  expect(outcome.failed.map(({ user }) => user.id)).toEqual(['0', '5', '10', '15'])
  expect(sizes).toEqual(users.map((_, n) => n + 1))
})

test('no more than so many at a time', async () => {
  let running = 0
  let most = 0
  const act = async () => {
    most = Math.max(most, ++running)
    await turn()
    running--
    return undefined
  }
  const { done } = await runBulk(users, { signal, act, onProgress: () => undefined, concurrency: 3 })
  expect(most).toBe(3)
  expect(done).toHaveLength(20)
})

test('when it is stopped, what was begun ends and the rest is left', async () => {
  const stop = new AbortController()
  const outcome = await runBulk(users, {
    signal: stop.signal,
    concurrency: 2,
    act: async user => {
      await turn()
      if (user.id === '5') stop.abort()
      return undefined
    },
    onProgress: () => undefined,
  })
  expect(outcome.left.length).toBeGreaterThan(10)
  expect(outcome.done.length + outcome.left.length).toBe(20)
})
