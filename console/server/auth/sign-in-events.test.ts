import { randomUUID } from 'node:crypto'
import { type SignInEvent, SignInEventType } from '@site11/proto/grpc/site11/console/v1/auth_service.ts'
import { StreamFlawKind } from '@site11/proto/grpc/site11/types/v1/stream.ts'
import { createLog } from '@site11/runtime/log.ts'
import { connectStore, type Store } from '@site11/runtime/store/connect.ts'
import type { StreamEvent } from '@site11/runtime/store/stream-chain.ts'
import { mongodForTests } from '@site11/runtime/store/test-mongod.ts'
import { inTransaction } from '@site11/runtime/store/transaction.ts'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createSessions, expireTimeOf, type Session, type Sessions } from './sessions.ts'
import { type Cause, createSignInEvents } from './sign-in-events.ts'

const log = createLog('test', 'silent')
const secretKey = Buffer.alloc(32, 1)
let mongod: Awaited<ReturnType<typeof mongodForTests>>
let store: Store
let sessions: Sessions
beforeAll(async () => {
  mongod = await mongodForTests()
  const url = new URL(mongod.url)
  url.pathname = `/sign_in_${randomUUID().slice(0, 8)}`
  store = connectStore({ url: url.href, appName: 'test' })
  sessions = await createSessions(store, secretKey, log)
})
afterAll(async () => {
  await store.db.dropDatabase()
  await store.close()
  await mongod.stop()
})

const collection = () => store.db.collection<Session>('sessions')
const stored = () => store.db.collection<StreamEvent>('sign_in_events')
const heads = () => store.db.collection<{ _id: string; pending: StreamEvent[] }>('sign_in_streams')
const cause = (type: Cause['type'], actor = 'users/1'): Cause => ({ type, actor, traceId: '' })
const names = new Map(Object.entries(SignInEventType).map(([name, value]) => [value as number, name]))
const typesOf = (events: SignInEvent[]) =>
  events.map(({ type }) => names.get(type)?.replace('SIGN_IN_EVENT_TYPE_', '') ?? '')

function newSession(userId: string, passwordVersion = 1): Session {
  const createTime = new Date()
  return {
    _id: randomUUID(),
    userId,
    passwordVersion,
    familyHash: '',
    secretHash: randomUUID(),
    createTime,
    refreshTime: createTime,
    expireTime: expireTimeOf(createTime, createTime.getTime()),
    userAgent: 'a browser',
    clientAddress: '192.0.2.1',
  }
}

async function signIn(userId: string, passwordVersion?: number) {
  const session = newSession(userId, passwordVersion)
  await sessions.add(session, '')
  return session
}

test('how sessions began and ended is listed, the newest first, without device and address', async () => {
  const user = randomUUID()
  const [first, second, third] = [await signIn(user), await signIn(user), await signIn(user)]
  await sessions.end(first, cause('TOKEN_REUSED', ''))
  expect(await sessions.endOwn(user, second._id, Date.now(), cause('REVOKED'))).toBe(true)
  expect(await sessions.endOwn(user, second._id, Date.now(), cause('REVOKED'))).toBe(false)
  await signIn(user)
  expect(await sessions.endOthers(user, third._id, cause('OUTDATED'))).toBe(1)
  const page = await sessions.events.list(user, 4, '')
  const rest = await sessions.events.list(user, 4, page.nextPageToken)
  expect(typesOf([...page.events, ...rest.events])).toEqual([
    ...['OUTDATED', 'SIGNED_IN', 'REVOKED', 'TOKEN_REUSED', 'SIGNED_IN', 'SIGNED_IN', 'SIGNED_IN'],
  ])
  expect(rest).toMatchObject({
    nextPageToken: '',
    events: [{ version: 3 }, { version: 2 }, { sessionIds: [first._id] }],
  })
  expect(JSON.stringify(await stored().find({ stream: user }).toArray())).not.toMatch(/browser|192\.0\.2/)
  expect(await sessions.events.verify(user, '')).toMatchObject({ valid: true, users: 1, events: 7 })
})

test('sessions that end by an event of Users have their own, in the same transaction, or none', async () => {
  const user = randomUUID()
  await signIn(user, 1)
  await signIn(user, 2)
  const failing = inTransaction(store.client, async session => {
    await sessions.endOfUser(user, { passwordBefore: 2 }, '', session)
    throw new Error('as it fails')
  })
  await expect(failing).rejects.toThrow('as it fails')
  expect(await sessions.listOf(user, Date.now())).toHaveLength(2)
  await inTransaction(store.client, session => sessions.endOfUser(user, { passwordBefore: 2 }, '', session))
  expect(await sessions.listOf(user, Date.now())).toHaveLength(1)
  expect(typesOf((await sessions.events.list(user, 0, '')).events)).toEqual(['OUTDATED', 'SIGNED_IN', 'SIGNED_IN'])
  expect(await sessions.events.verify(user, '')).toMatchObject({ valid: true })
})

test('whatever is done at once by two Consoles, the sessions alive are those that the events leave', async () => {
  const other = await createSessions(store, secretKey, log)
  const operation = fc.record({
    what: fc.constantFrom('in', 'in', 'out', 'others', 'user'),
    by: fc.nat(1),
    lane: fc.nat(3),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { minLength: 5, maxLength: 25 }), async operations => {
      const user = randomUUID()
      const made: Session[] = []
      const lanes = Object.values(Object.groupBy(operations, ({ lane }) => lane))
      const perform = async ({ what, by }: (typeof operations)[number]) => {
        const at = by ? sessions : other
        const one = made.at(-1) ?? newSession(user)
        if (what === 'out') return at.end(one, cause('SIGNED_OUT'))
        if (what === 'others') return at.endOthers(user, one._id, cause('REVOKED'))
        if (what === 'user') {
          const at = { createdBy: new Date() }
          return inTransaction(store.client, session => sessions.endOfUser(user, at, '', session))
        }
        const next = newSession(user)
        await at.add(next, '')
        made.push(next)
      }
      await Promise.all(
        lanes.map(async lane => {
          for (const each of lane ?? []) await perform(each)
        }),
      )
      const { events } = await sessions.events.list(user, 200, '')
      const left = new Set<string>()
      for (const { type, sessionIds } of events.toReversed())
        for (const id of sessionIds)
          type === SignInEventType.SIGN_IN_EVENT_TYPE_SIGNED_IN ? left.add(id) : left.delete(id)
      const living = (await sessions.listOf(user, Date.now())).map(({ _id }) => _id)
      expect(living.sort()).toEqual([...left].sort())
      expect(events.map(({ version }) => version)).toEqual(events.map((_, index) => events.length - index))
      expect(await sessions.events.verify(user, '')).toMatchObject({ valid: true, events: events.length })
    }),
    { numRuns: 10 },
  )
  expect(await sessions.events.verify('', '')).toMatchObject({ valid: true, nextPageToken: '' })
})

test('of a user who signs in all the time the last thousand events are kept, and are whole', async () => {
  const user = randomUUID()
  const events = await createSignInEvents(store, collection(), secretKey, log)
  const ids = Array.from({ length: 1250 }, () => randomUUID())
  await Promise.all(ids.map(id => events.append(user, cause('SIGNED_IN'), [id])))
  await events.append(user, cause('SIGNED_OUT'), [ids[1249] ?? ''])
  const found = await events.verify(user, '')
  expect(found).toMatchObject({ valid: true })
  expect(found.events).toBeGreaterThanOrEqual(1000)
  expect(found.events).toBeLessThan(1251)
  expect((await events.list(user, 1, '')).events).toMatchObject([{ version: 1251 }])
})

describe('tampering is shown when in the database', () => {
  const flaw = (kind: keyof typeof StreamFlawKind, version: number) => ({
    valid: false,
    flaws: [{ kind: StreamFlawKind[kind], version }],
  })
  async function made() {
    const user = randomUUID()
    for (let n = 0; n < 4; n++) await signIn(user)
    return user
  }
  const verify = (user: string) => sessions.events.verify(user, '')

  test('a session is put in', async () => {
    const user = await made()
    await collection().insertOne(newSession(user))
    expect(await verify(user)).toMatchObject(flaw('STREAM_FLAW_KIND_STATE_DIFFERS', 4))
    const stranger = randomUUID()
    await collection().insertOne(newSession(stranger))
    const { flaws } = await verify('')
    expect(flaws.map(({ userId }) => userId)).toEqual(expect.arrayContaining([user, stranger]))
    await collection().deleteMany({ userId: { $in: [user, stranger] } })
  })
  test('an event is altered, or deleted, or the last one', async () => {
    const [one, two, three] = [await made(), await made(), await made()]
    await stored().updateOne({ stream: one, version: 2 }, { $set: { 'after.sessions': [] } })
    expect(await verify(one)).toMatchObject(flaw('STREAM_FLAW_KIND_ALTERED', 2))
    await stored().deleteOne({ stream: two, version: 1 })
    expect(await verify(two)).toMatchObject(flaw('STREAM_FLAW_KIND_MISSING', 1))
    await heads().updateOne({ _id: three }, { $set: { pending: [] } })
    expect(await verify(three)).toMatchObject(flaw('STREAM_FLAW_KIND_MISSING', 4))
    await heads().deleteOne({ _id: three })
    expect(await verify(three)).toMatchObject(flaw('STREAM_FLAW_KIND_HEAD_MISSING', 3))
  })
})
