/** Reading and proving the streams of users; what stands in them is in history.ts. */
import type { KeyObject } from 'node:crypto'
import { type SecurityEvent, SecurityEventType } from '@site11/proto/grpc/site11/users/v1/security.ts'
import type { VerifySecurityEventsResponse } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import { notFound } from '@site11/runtime/errors.ts'
import type { PageTokens } from '@site11/runtime/store/page-token.ts'
import { storeError } from '@site11/runtime/store/store-error.ts'
import type { StreamEvent } from '@site11/runtime/store/stream-chain.ts'
import { flawMessage } from '@site11/runtime/store/stream-message.ts'
import { grouped, pageOfStream, summed, type Verdict } from '@site11/runtime/store/stream-pages.ts'
import type { Streams } from '@site11/runtime/store/streams.ts'
import { inTransaction } from '@site11/runtime/store/transaction.ts'
import type { ClientSession, Collection, MongoClient } from 'mongodb'
import type { UserDocument } from './document.ts'
import { adopted, type Begun, begunProjection, verifyUser } from './history.ts'

export interface SecurityEvents {
  /** @returns a page of a user's events, the newest first. Throws NOT_FOUND, INVALID_PAGE_TOKEN. */
  list(userId: string, pageSize: number, pageToken: string): Promise<{ events: SecurityEvent[]; nextPageToken: string }>
  /** Looks at one user, or for an empty id at a thousand after the page token. Throws NOT_FOUND, INVALID_PAGE_TOKEN. */
  verify(userId: string, pageToken: string): Promise<VerifySecurityEventsResponse>
}

interface Options {
  client: MongoClient
  users: Collection<UserDocument>
  streams: Streams
  tokens: PageTokens
  key: KeyObject
}

const usersAtOnce = 1000

export function createSecurityEvents({ client, users, streams, tokens, key }: Options): SecurityEvents {
  async function list(userId: string, pageSize: number, pageToken: string) {
    const projection = { 'history.pending': 1 }
    const user = await users.findOne<Pick<UserDocument, 'history'>>({ _id: userId }, { projection })
    if (!user) throw notFound('user', userId)
    const page = await pageOfStream({ streams, tokens }, userId, user.history, { pageSize, pageToken })
    return { ...page, events: page.events.map(messageOf) }
  }

  /** @returns the user and the events as they were at one moment. */
  const verifyOne = (userId: string) =>
    inTransaction(client, async session => {
      const user = await users.findOne({ _id: userId }, { session, projection: begunProjection })
      if (!user) throw notFound('user', userId)
      return summed([judge(user, await streams.of(userId, session))])
    })

  const verifySome = (after: string) =>
    inTransaction(client, async session => {
      const page = users.find({ _id: { $gt: after } }, { session, projection: begunProjection })
      const some = await page.sort({ _id: 1 }).limit(usersAtOnce).toArray()
      const isLast = some.length < usersAtOnce
      const last = some.at(-1)?._id ?? ''
      const events = await grouped(streams.between(after, isLast ? '\uffff' : last, session), ({ stream }) => stream)
      const verdicts = some.map(user => judge(user, events.get(user._id) ?? []))
      const known = new Set(some.map(({ _id }) => _id))
      for (const [stream, found] of events) if (!known.has(stream)) verdicts.push(orphan(stream, found))
      return { ...summed(verdicts), next: isLast ? '' : last }
    })

  const judge = (user: Begun, stored: StreamEvent[]): Verdict => {
    const { flaw, fields, events } = verifyUser(key, user, stored)
    return { events, flaws: flaw ? [flawMessage(user._id, flaw, fields)] : [] }
  }

  return {
    list: (...query) => reached(list(...query)),
    async verify(userId, pageToken) {
      const of = ['verifySecurityEvents']
      if (userId) return { ...(await reached(verifyOne(userId))), nextPageToken: '' }
      const after = pageToken ? String(tokens.open(pageToken, of).id) : ''
      const { next, ...found } = await reached(verifySome(after))
      return { ...found, nextPageToken: next && tokens.seal({ value: '', id: next }, of) }
    },
  }
}

/**
 * Begins the streams of users that were there before there were streams, once. What has no stream later has lost it.
 * @param session a transaction of each thousand.
 */
export async function adoptUsers(
  client: MongoClient,
  users: Collection<UserDocument>,
  guards: Collection<{ _id: string }>,
  key: KeyObject,
): Promise<number> {
  if (await guards.findOne({ _id: 'histories' })) return 0
  let count = 0
  const adoptSome = async (session: ClientSession) => {
    const without = users.find({ history: { $exists: false } }, { session, projection: begunProjection })
    const some = await without.limit(usersAtOnce).toArray()
    const time = new Date()
    const writes = some.map(user => ({
      updateOne: { filter: { _id: user._id }, update: { $set: { history: adopted(key, user, time) } } },
    }))
    if (writes.length > 0) await users.bulkWrite(writes, { session })
    return some.length
  }
  for (let more = 1; more > 0; count += more) more = await inTransaction(client, adoptSome)
  await guards.updateOne({ _id: 'histories' }, { $setOnInsert: { time: new Date() } }, { upsert: true })
  return count
}

/** The document of the user is gone, which the service never removes. */
const orphan = (stream: string, found: StreamEvent[]): Verdict => ({
  events: found.length,
  flaws: [flawMessage(stream, { kind: 'HEAD_MISSING', version: found.at(-1)?.version ?? 0 })],
})

function messageOf({ version, type, time, actor, traceId, before, after }: StreamEvent): SecurityEvent {
  const until = after.disabledUntil
  const end = type === 'DISABLED' && typeof until === 'string' ? new Date(until) : undefined
  return {
    version,
    type: SecurityEventType[`SECURITY_EVENT_TYPE_${type}` as keyof typeof SecurityEventType] ?? 0,
    time,
    actor,
    traceId,
    roles: listOf(after.roles),
    previousRoles: listOf(before.roles),
    disabledUntil: end && end.getUTCFullYear() < 9999 ? end : undefined,
  }
}

const listOf = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : [])

const reached = <T>(operation: Promise<T>): Promise<T> =>
  operation.catch(error => {
    throw storeError(error)
  })
