import { StreamFlawKind } from '@site11/proto/grpc/site11/types/v1/stream.ts'
import { SecurityEventType } from '@site11/proto/grpc/site11/users/v1/security.ts'
import { User } from '@site11/proto/grpc/site11/users/v1/user.ts'
import { ServiceError } from '@site11/runtime/errors.ts'
import { createLog } from '@site11/runtime/log.ts'
import { replay, type StreamEvent } from '@site11/runtime/store/stream-chain.ts'
import { joined } from '@site11/runtime/store/streams.ts'
import { startMongod } from '@site11/runtime/store/test-mongod.ts'
import fc from 'fast-check'
import type { UpdateFilter } from 'mongodb'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { UserDocument } from './document.ts'
import { stateOf } from './history.ts'
import { createUserStore } from './store.ts'
import { because, callBy, consoleService, startUsers, type TestUsers, userCaller } from './test-users.ts'

const admin = '018f0000-0000-7000-8000-00000000000a'
const call = callBy(userCaller(admin))
let users: TestUsers
beforeAll(async () => {
  users = await startUsers()
})
afterAll(() => users.stop())

const documents = () => users.store.db.collection<UserDocument>('users')
const stored = () => users.store.db.collection<StreamEvent>('security_events')
const rolesOf = (id: string, roles: string[]) => users.handlers.setUserRoles({ id, roles, etag: '' }, call)
const verify = (userId = '') => users.handlers.verifySecurityEvents({ userId, pageToken: '' }, call)
const names = new Map(Object.entries(SecurityEventType).map(([name, value]) => [value as number, name]))
const typesOf = async (userId: string) =>
  (await users.handlers.listSecurityEvents({ userId, pageSize: 200, pageToken: '' }, call)).events.map(({ type }) =>
    names.get(type)?.replace('SECURITY_EVENT_TYPE_', ''),
  )

/** @returns the user's document, the state that its events lead to, and the state that it has. */
async function sourced(id: string) {
  const user = (await documents().findOne({ _id: id })) ?? expect.fail('no user')
  const events = joined(await stored().find({ stream: id }).sort({ version: 1 }).toArray(), user.history?.pending ?? [])
  return { events, replayed: replay(events), state: stateOf(user, user.history?.salt ?? '') }
}

test('what happens to rights and credentials is listed, the newest first, with who did it', async () => {
  const password = 'four unrelated words'
  const { id, email } = await users.create({}, { password })
  await rolesOf(id, ['operator', 'user'])
  await users.handlers.updateUser({ user: User.fromPartial({ id, displayName: 'Ada' }), updateMask: undefined }, call)
  await users.handlers.disableUser({ id, reason: 'why', until: undefined, etag: '' }, call)
  await users.handlers.enableUser({ id, etag: '' }, call)
  const newPassword = 'another four of them'
  const byConsole = callBy(consoleService)
  await users.handlers.changePassword({ id, currentPassword: password, newPassword, clientAddress: '' }, byConsole)
  await users.handlers.requestPasswordReset({ email }, callBy({ kind: 'anonymous' }))
  const token = (await users.mails()).findLast(({ to }) => to === email)?.token ?? ''
  await expect.poll(() => typesOf(id)).toContain('PASSWORD_RESET_REQUESTED')
  await users.handlers.resetPassword({ token, newPassword: 'yet another four words' }, callBy({ kind: 'anonymous' }))
  const mail = `changed-${email}`
  await users.handlers.updateUser({ user: User.fromPartial({ id, email: mail }), updateMask: undefined }, call)
  await users.handlers.deleteUser({ id, etag: '' }, call)
  await users.handlers.undeleteUser({ id, etag: '' }, call)
  expect(await typesOf(id)).toEqual(
    [
      ...['ACCOUNT_CREATED', 'ROLES_CHANGED', 'DISABLED', 'ENABLED', 'PASSWORD_CHANGED', 'PASSWORD_RESET_REQUESTED'],
      ...['PASSWORD_RESET', 'EMAIL_CHANGED', 'DELETED', 'UNDELETED'],
    ].reverse(),
  )
  const page = await users.handlers.listSecurityEvents({ userId: id, pageSize: 6, pageToken: '' }, call)
  const rest = { userId: id, pageSize: 6, pageToken: page.nextPageToken }
  const { events, nextPageToken } = await users.handlers.listSecurityEvents(rest, call)
  expect(nextPageToken).toBe('')
  expect(events).toMatchObject([
    { version: 4, actor: `users/${admin}` },
    { version: 3, disabledUntil: undefined },
    { version: 2, actor: `users/${admin}`, roles: ['operator', 'user'], previousRoles: ['user'] },
    { version: 1, actor: 'services/console', roles: ['user'] },
  ])
  expect(page.events[3]).toMatchObject({ version: 7, actor: `users/${id}` })
  const own = { pageSize: 1, pageToken: '' }
  expect((await users.handlers.listMySecurityEvents(own, callBy(userCaller(id)))).events[0]?.version).toBe(10)
  const text = JSON.stringify((await sourced(id)).events)
  for (const secret of [email, mail, 'why', password]) expect(text).not.toContain(secret)
  expect(await verify(id)).toMatchObject({ valid: true, users: 1, events: 10 })
})

test('failed attempts to sign in are put down once for each address that is slowed down, and change nothing', async () => {
  const { id, email, etag } = await users.create({}, { password: 'four unrelated words' })
  const byConsole = callBy(consoleService)
  for (const clientAddress of ['192.0.2.1', '192.0.2.2']) {
    for (let n = 0; n < 7; n++) {
      const attempt = users.handlers.verifyPassword({ email, password: 'wrong', clientAddress }, byConsole)
      await expect(attempt).rejects.toBeInstanceOf(ServiceError)
      users.clock.now = new Date(users.clock.now.getTime() + 10_000)
    }
  }
  await expect.poll(() => typesOf(id)).toEqual(['SIGN_IN_SLOWED', 'SIGN_IN_SLOWED', 'ACCOUNT_CREATED'])
  expect((await users.handlers.getUser({ id }, call)).user?.etag).toBe(etag)
  expect(await verify(id)).toMatchObject({ valid: true })
})

test('whatever is done to users by several at once, replay of the events gives the state of each', async () => {
  const operation = fc.record({
    who: fc.nat(2),
    what: fc.constantFrom('roles', 'disable', 'enable', 'delete', 'undelete', 'email', 'name', 'password', 'note'),
    n: fc.nat(1000),
  })
  const store = await createUserStore(users.store, 'a secret for tests', createLog('test', 'silent'), () => {})
  let address = 0
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { minLength: 6, maxLength: 30 }), async operations => {
      const ids = await Promise.all([1, 2, 3].map(async () => (await users.create()).id))
      const { handlers } = users
      const perform: Record<(typeof operations)[number]['what'], (id: string, n: number) => Promise<unknown>> = {
        roles: (id, n) => rolesOf(id, n % 2 ? ['user'] : ['operator', 'user']),
        disable: (id, n) => handlers.disableUser({ id, reason: `${n % 3}`, until: undefined, etag: '' }, call),
        enable: id => handlers.enableUser({ id, etag: '' }, call),
        delete: id => handlers.deleteUser({ id, etag: '' }, call),
        undelete: id => handlers.undeleteUser({ id, etag: '' }, call),
        email: id =>
          handlers.updateUser(
            { user: User.fromPartial({ id, email: `new${++address}@example.com` }), updateMask: undefined },
            call,
          ),
        name: (id, n) =>
          handlers.updateUser(
            { user: User.fromPartial({ id, displayName: `name ${n}` }), updateMask: undefined },
            call,
          ),
        password: (id, n) =>
          store.setPassword({ _id: id, passwordVersion: n % 2 }, `hash ${n}`, new Date(), { actor: '', traceId: '' }),
        note: id => store.note(id, 'SIGN_IN_SLOWED', new Date(), ''),
      }
      // Each lane is in order, and all are at it at the same time.
      const lanes = Object.values(Object.groupBy(operations, ({ n }) => n % 4))
      await Promise.all(
        lanes.map(async lane => {
          for (const { who, what, n } of lane ?? []) {
            await perform[what](ids[who] ?? expect.fail(), n).catch(error => {
              // What is not allowed in this state, or lost against others.
              if (!(error instanceof ServiceError)) throw error
            })
          }
        }),
      )
      for (const id of ids) {
        const { replayed, state, events } = await sourced(id)
        expect(replayed).toEqual(state)
        expect(events.map(({ version }) => version)).toEqual(events.map((_, index) => index + 1))
        expect(await verify(id)).toMatchObject({ valid: true, events: events.length })
      }
    }),
    { numRuns: 12 },
  )
  expect(await verify()).toMatchObject({ valid: true, nextPageToken: '' })
})

test('of many that append at once each gets a place of its own', async () => {
  const { id } = await users.create()
  const all = Array.from({ length: 12 }, (_, n) => rolesOf(id, n % 2 ? ['user'] : ['operator', 'user']))
  const done = (await Promise.allSettled(all)).filter(({ status }) => status === 'fulfilled').length
  expect(done).toBe(12)
  const { events } = await sourced(id)
  expect(new Set(events.map(({ version }) => version)).size).toBe(events.length)
  const again = events.slice(0, 1).map(event => ({ ...event, hash: 'another' }))
  await expect(stored().insertMany(again)).rejects.toMatchObject({ code: 11000 })
})

describe('tampering is shown, with its place, when in the database', () => {
  /** A user with five events: four in the collection, one in its document. */
  async function made() {
    const { id } = await users.create()
    for (const roles of [['operator'], ['user'], ['operator'], ['user']]) await rolesOf(id, roles)
    expect(await verify(id)).toMatchObject({ valid: true, events: 5 })
    return id
  }
  const flaw = (kind: keyof typeof StreamFlawKind, version: number, fields: string[] = []) => ({
    valid: false,
    flaws: [{ kind: StreamFlawKind[kind], version, fields }],
  })
  const set = (id: string, update: UpdateFilter<UserDocument>) => documents().updateOne({ _id: id }, update)

  test('an event is altered', async () => {
    const id = await made()
    await stored().updateOne({ stream: id, version: 3 }, { $set: { actor: 'users/nobody' } })
    expect(await verify(id)).toMatchObject(flaw('STREAM_FLAW_KIND_ALTERED', 3))
  })
  test('an event is deleted', async () => {
    const id = await made()
    await stored().deleteOne({ stream: id, version: 2 })
    expect(await verify(id)).toMatchObject(flaw('STREAM_FLAW_KIND_MISSING', 2))
  })
  test('events are reordered', async () => {
    const id = await made()
    for (const [from, to] of [
      [2, 99],
      [3, 2],
      [99, 3],
    ])
      await stored().updateOne({ stream: id, version: from }, { $set: { version: to } })
    expect(await verify(id)).toMatchObject(flaw('STREAM_FLAW_KIND_ALTERED', 2))
  })
  test('the end is cut off, and the head moved back', async () => {
    const id = await made()
    await set(id, { $set: { 'history.pending': [] } })
    expect(await verify(id)).toMatchObject(flaw('STREAM_FLAW_KIND_MISSING', 5))
    const fourth = (await stored().findOne({ stream: id, version: 4 })) ?? expect.fail()
    await set(id, { $set: { 'history.version': 4, 'history.hash': fourth.hash } })
    expect(await verify(id)).toMatchObject(flaw('STREAM_FLAW_KIND_HEAD_ALTERED', 4))
  })
  test('a role is given, or a password set, past the service', async () => {
    const id = await made()
    await set(id, { $set: { roles: ['admin'] } })
    expect(await verify(id)).toMatchObject(flaw('STREAM_FLAW_KIND_STATE_DIFFERS', 5, ['roles']))
    await set(id, { $set: { roles: ['user'], passwordHash: 'of the attacker' } })
    expect(await verify(id)).toMatchObject(flaw('STREAM_FLAW_KIND_STATE_DIFFERS', 5, ['password']))
  })
  test('the history is taken away, or the whole user; found also when all are looked at', async () => {
    const id = await made()
    await set(id, { $unset: { history: 1 } })
    expect(await verify(id)).toMatchObject(flaw('STREAM_FLAW_KIND_HEAD_MISSING', 4))
    await documents().deleteOne({ _id: id })
    const { flaws } = await verify()
    expect(flaws.filter(({ userId }) => userId === id)).toMatchObject([{ version: 4 }])
    await expect(verify(id)).rejects.toMatchObject(because('NOT_FOUND'))
  })
})

test('users from before there were events get a stream that begins with the state they have', async () => {
  const old = await startUsers()
  try {
    const { id } = await old.create()
    const { id: later } = await old.create()
    const collection = old.store.db.collection<UserDocument>('users')
    await old.store.db.collection<{ _id: string }>('guards').deleteOne({ _id: 'histories' })
    await collection.updateMany({}, { $unset: { history: 1 }, $set: { roles: ['operator'] } })
    await createUserStore(old.store, 'a secret for tests', createLog('test', 'silent'), () => {})
    const seen = await old.handlers.listSecurityEvents({ userId: id, pageSize: 0, pageToken: '' }, call)
    expect(seen.events).toMatchObject([{ type: SecurityEventType.SECURITY_EVENT_TYPE_ADOPTED, roles: ['operator'] }])
    // Written later by an instance that knows of no events: adopted with its first change.
    await collection.updateOne({ _id: later }, { $unset: { history: 1 } })
    expect(await old.handlers.verifySecurityEvents({ userId: later, pageToken: '' }, call)).toMatchObject({
      valid: false,
    })
    await old.handlers.setUserRoles({ id: later, roles: ['user'], etag: '' }, call)
    expect(await old.handlers.verifySecurityEvents({ userId: '', pageToken: '' }, call)).toMatchObject({
      valid: true,
      users: 2,
      events: 3,
    })
  } finally {
    await old.stop()
  }
})

test('when the database is killed in the middle, every change that was acknowledged has its event, and state and events agree', async () => {
  const mongod = await startMongod()
  const own = await startUsers(mongod)
  try {
    const ids = await Promise.all([1, 2, 3, 4].map(async () => (await own.create()).id))
    const acknowledged = new Map(ids.map(id => [id, 0]))
    let isOver = false
    const lanes = ids.map(async id => {
      for (let n = 0; !isOver; n++) {
        // Never as it was, whether or not the one before has come through.
        await own.handlers.disableUser({ id, reason: `${n}`, until: undefined, etag: '' }, call).then(
          () => acknowledged.set(id, (acknowledged.get(id) ?? 0) + 1),
          error => {
            if (!(error instanceof ServiceError)) throw error
          },
        )
      }
    })
    const total = () => [...acknowledged.values()].reduce((sum, count) => sum + count, 0)
    for (const enough of [20, 40]) {
      await expect.poll(total, { timeout: 20_000 }).toBeGreaterThan(enough)
      await mongod.kill()
      await mongod.restart()
    }
    await expect.poll(total, { timeout: 20_000 }).toBeGreaterThan(60)
    isOver = true
    await Promise.all(lanes)
    for (const id of ids) {
      const { valid, events } = await own.handlers.verifySecurityEvents({ userId: id, pageToken: '' }, call)
      expect(valid).toBe(true)
      expect(events).toBeGreaterThanOrEqual(1 + (acknowledged.get(id) ?? 0))
    }
  } finally {
    await own.stop()
  }
}, 60_000)
