import { startMongod } from '@site11/runtime/store/test-mongod.ts'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { callBy, consoleService, startUsers, type TestUsers } from './test-users.ts'

const call = callBy(consoleService)
const mongod = await startMongod()
let users: TestUsers
beforeAll(async () => {
  users = await startUsers(mongod)
})
afterAll(() => users.stop())

test('without the database calls are UNAVAILABLE, and work again with it', { timeout: 60_000 }, async () => {
  const { id, email } = await users.create({}, { password: 'four unrelated words' })
  const watch = users.handlers.watchUsers({ resumeToken: '' }, call)[Symbol.asyncIterator]()
  const { value: ready } = await watch.next()
  const next = watch.next()
  next.catch(() => {})
  await mongod.kill()

  const signIn = () =>
    users.handlers.verifyPassword({ email, password: 'four unrelated words', clientAddress: '192.0.2.1' }, call)
  const away = { code: 14, details: { reason: 'DEPENDENCY_UNAVAILABLE' } }
  const started = performance.now()
  await Promise.all([
    expect(users.handlers.getUser({ id }, call)).rejects.toMatchObject(away),
    expect(users.create()).rejects.toMatchObject(away),
    expect(users.handlers.enableUser({ id, etag: '' }, call)).rejects.toMatchObject(away),
    expect(signIn()).rejects.toMatchObject(away),
    expect(users.handlers.requestPasswordReset({ email }, call)).rejects.toMatchObject(away),
    expect(users.handlers.verifyEmail({ token: 'x' }, call)).rejects.toMatchObject(away),
    expect(next).rejects.toMatchObject(away),
  ])
  expect(performance.now() - started).toBeLessThan(10_000)

  await mongod.restart()
  await vi.waitFor(() => users.handlers.getUser({ id }, call), { timeout: 20_000 })
  await expect(signIn()).resolves.toMatchObject({ state: { maySignIn: true } })
  const resumed = users.handlers.watchUsers({ resumeToken: ready.resumeToken }, call)[Symbol.asyncIterator]()
  await resumed.next()
  const made = await users.create()
  expect((await resumed.next()).value).toMatchObject({ user: { id: made.id } })
  users.leaving.abort()
})
