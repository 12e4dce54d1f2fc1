/**
 * How sessions began and ended: a stream of events for each user. An event comes before what it tells of, so that no session begins or
 * ends without one.
 *
 * Collections: `sign_in_events`, see runtime/store/streams.ts; `sign_in_streams`, by user id the head of each stream. Of each stream
 * the last thousand events are kept. They have ids only: device and address go with the session.
 */
import type { KeyObject } from 'node:crypto'
import {
  type SignInEvent,
  SignInEventType,
  type VerifySignInEventsResponse,
} from '@site11/proto/grpc/site11/console/v1/auth_service.ts'
import { aborted } from '@site11/runtime/errors.ts'
import type { Log } from '@site11/runtime/log.ts'
import type { Store } from '@site11/runtime/store/connect.ts'
import { createPageTokens } from '@site11/runtime/store/page-token.ts'
import { DUPLICATE_KEY } from '@site11/runtime/store/store-error.ts'
import {
  type Flaw,
  flawOf,
  type Head,
  type NewEvent,
  type StreamEvent,
  shortened,
  streamKey,
} from '@site11/runtime/store/stream-chain.ts'
import { flawMessage } from '@site11/runtime/store/stream-message.ts'
import { grouped, pageOfStream, summed, type Verdict } from '@site11/runtime/store/stream-pages.ts'
import { createStreams, following, joined, type Kept, type Streams } from '@site11/runtime/store/streams.ts'
import { inTransaction } from '@site11/runtime/store/transaction.ts'
import { type ClientSession, type Collection, MongoServerError } from 'mongodb'
import type { Session } from './sessions.ts'

export type SignInType = 'SIGNED_IN' | 'SIGNED_OUT' | 'TOKEN_REUSED' | 'REVOKED' | 'OUTDATED'

/** What a session began or ended by. */
export interface Cause {
  type: SignInType
  /** `users/<id>` or `services/<name>`; empty when it is not known. */
  actor: string
  traceId: string
}

export interface SignInEvents {
  /** Puts it down. Of one user many at once are one write. @param session of a transaction that what it tells of is done in. */
  append(userId: string, cause: Cause, sessionIds: string[], session?: ClientSession): Promise<void>
  /** @returns a page, the newest first. Throws INVALID_PAGE_TOKEN. */
  list(userId: string, pageSize: number, pageToken: string): Promise<{ events: SignInEvent[]; nextPageToken: string }>
  /** Looks at one user, or for an empty id at a thousand after the page token. Throws INVALID_PAGE_TOKEN. */
  verify(userId: string, pageToken: string): Promise<VerifySignInEventsResponse>
}

interface StreamDocument extends Kept {
  _id: string
}

/** How many events of a user are kept, and how many more there may be before some are removed. */
const kept = 1000
const spare = 100
/** How long after its event a session may take to end. ms. */
const endingMs = 10_000
/** More sessions are ended by more events. */
const sessionsOfEvent = 200
const usersAtOnce = 1000
const maxAttempts = 20
const maxBatch = 200

/** @param sessions what has to follow from the events. */
export async function createSignInEvents(
  { client, db }: Pick<Store, 'client' | 'db'>,
  sessions: Collection<Session>,
  secretKey: Buffer,
  log: Log,
): Promise<SignInEvents> {
  const key = streamKey(secretKey, 'sign-in')
  const heads = db.collection<StreamDocument>('sign_in_streams')
  const streams = await createStreams(db, 'sign_in_events', log)
  const tokens = createPageTokens(secretKey.toString('base64'))
  const since = await beganAt(db.collection('sign_in_guards'))
  const appender = createAppender(key, heads, streams)

  const judge = (userId: string, head: Kept | undefined, stored: StreamEvent[], living: Session[]): Verdict => {
    const removed = head?.removed?.version ?? 0
    const events = joined(stored, head?.pending ?? []).filter(({ version }) => version > removed)
    const flaw = flawOf(key, userId, head, events) ?? unknownSession(events, living, removed > 0, since)
    const fields = flaw?.kind === 'STATE_DIFFERS' ? ['sessions'] : []
    return { events: events.length, flaws: flaw ? [flawMessage(userId, flaw, fields)] : [] }
  }

  /** All users after the one id up to the other, at one moment. */
  async function verifyBetween(after: string, last: string, session: ClientSession, limit: number) {
    const range = { $gt: after, $lte: last }
    const page = await heads.find({ _id: range }, { session }).sort({ _id: 1 }).limit(limit).toArray()
    const next = page.length === limit ? (page.at(-1)?._id ?? '') : ''
    const upTo = next || last
    const byUser = ({ userId }: Session) => userId
    const living = await grouped(sessions.find({ userId: { $gt: after, $lte: upTo } }, { session }), byUser)
    const events = await grouped(streams.between(after, upTo, session), ({ stream }) => stream)
    const headOf = new Map(page.map(({ _id, ...head }) => [_id, head]))
    const ids = new Set([...headOf.keys(), ...events.keys(), ...living.keys()])
    const verdicts = [...ids].map(id => judge(id, headOf.get(id), events.get(id) ?? [], living.get(id) ?? []))
    return { ...summed(verdicts), next }
  }

  return {
    append: (userId, cause, sessionIds, session) => appender(userId, eventsOf(cause, sessionIds), session),
    async list(userId, pageSize, pageToken) {
      const head = await heads.findOne({ _id: userId })
      const page = await pageOfStream({ streams, tokens }, userId, head ?? undefined, { pageSize, pageToken })
      return { ...page, events: page.events.map(messageOf) }
    },
    async verify(userId, pageToken) {
      const of = ['verifySignInEvents']
      if (userId) {
        const living = await inTransaction(client, async session => {
          const head = (await heads.findOne({ _id: userId }, { session })) ?? undefined
          const stored = await streams.of(userId, session)
          return judge(userId, head, stored, await sessions.find({ userId }, { session }).toArray())
        })
        return { ...summed([living]), nextPageToken: '' }
      }
      const after = pageToken ? String(tokens.open(pageToken, of).id) : ''
      const found = await inTransaction(client, session => verifyBetween(after, '\uffff', session, usersAtOnce))
      const { next, ...rest } = found
      return { ...rest, nextPageToken: next && tokens.seal({ value: '', id: next }, of) }
    },
  }
}

/** @returns a function that appends events to the stream of a user. */
function createAppender(key: KeyObject, heads: Collection<StreamDocument>, streams: Streams) {
  /** What waits for the write that is under way, by user: many sign-ins at once must not try against each other. */
  const lanes = new Map<string, { events: NewEvent[]; resolve(): void; reject(error: unknown): void }[]>()

  /** @returns whether the stream was still as it was read. */
  async function write(userId: string, events: NewEvent[], session?: ClientSession): Promise<boolean> {
    const options = session ? { session } : {}
    const document = await heads.findOne({ _id: userId }, options)
    if (!document) {
      const first = { _id: userId, ...following(key, userId, undefined, events) }
      return await heads.insertOne(first, options).then(
        () => true,
        error => {
          if (session || !(error instanceof MongoServerError && error.code === DUPLICATE_KEY)) throw error
          return false
        },
      )
    }
    const { _id, pending, ...head } = document
    await streams.add(pending)
    const from = await trimmed(key, userId, head, streams)
    const next = following(key, userId, from, events)
    const { matchedCount } = await heads.updateOne({ _id, version: head.version }, { $set: next }, options)
    if (matchedCount === 1 && from !== head && !session) await streams.removeUpTo(userId, from.removed?.version ?? 0)
    return matchedCount === 1
  }

  async function writeOnce(userId: string, events: NewEvent[]) {
    for (let attempt = 1; attempt <= maxAttempts; attempt++) if (await write(userId, events)) return
    throw aborted('WRONG_STATE', 'This user signs in and out all the time. Try again in a moment.')
  }

  async function drain(userId: string) {
    for (let lane = lanes.get(userId) ?? []; lane.length > 0; ) {
      const batch = lane.splice(0, maxBatch)
      const error = await writeOnce(
        userId,
        batch.flatMap(({ events }) => events),
      ).then(
        () => undefined,
        reason => ({ reason }),
      )
      for (const { resolve, reject } of batch) error ? reject(error.reason) : resolve()
      lane = lanes.get(userId) ?? []
    }
    lanes.delete(userId)
  }

  return async (userId: string, events: NewEvent[], session?: ClientSession): Promise<void> => {
    // Within a transaction it meets nobody: who comes in between makes the whole start again.
    if (session) return void (await write(userId, events, session))
    await new Promise<void>((resolve, reject) => {
      const lane = lanes.get(userId)
      if (lane) return void lane.push({ events, resolve, reject })
      lanes.set(userId, [{ events, resolve, reject }])
      void drain(userId)
    })
  }
}

/** @returns the head without the oldest events, when there are too many. */
async function trimmed(key: KeyObject, userId: string, head: Head, streams: Streams): Promise<Head> {
  if (head.version - (head.removed?.version ?? 0) < kept + spare) return head
  const [last] = await streams.before(userId, head.version - kept + 1, 1)
  return last ? shortened(key, userId, head, last) : head
}

/**
 * A living session that began without an event, or whose end the events tell of, was put there past the Console. Sessions from before there
 * were events are passed over, and those whose beginning is too old to be kept.
 */
function unknownSession(events: StreamEvent[], living: Session[], isTrimmed: boolean, since: Date): Flaw | undefined {
  const begun = new Set<string>()
  const ended = new Map<string, number>()
  for (const { type, time, after } of events) {
    for (const id of idsOf(after.sessions)) type === 'SIGNED_IN' ? begun.add(id) : ended.set(id, time.getTime())
  }
  const first = events[0]
  const from = isTrimmed && first && first.time > since ? first.time : since
  const nowMs = Date.now()
  const isWrong = ({ _id, createTime }: Session) => {
    const endMs = ended.get(_id)
    return endMs === undefined ? !begun.has(_id) && createTime >= from : endMs + endingMs < nowMs
  }
  return living.some(isWrong) ? { kind: 'STATE_DIFFERS', version: events.at(-1)?.version ?? 0 } : undefined
}

/** @returns when the first Console that keeps events has started. */
async function beganAt(guards: Collection<{ _id: string; time: Date }>): Promise<Date> {
  const time = new Date()
  const options = { upsert: true, returnDocument: 'after' } as const
  const found = await guards.findOneAndUpdate({ _id: 'began' }, { $setOnInsert: { time } }, options)
  return found?.time ?? time
}

function eventsOf({ type, actor, traceId }: Cause, sessionIds: string[]): NewEvent[] {
  const time = new Date()
  const parts = Array.from({ length: Math.ceil(sessionIds.length / sessionsOfEvent) }, (_, part) =>
    sessionIds.slice(part * sessionsOfEvent, (part + 1) * sessionsOfEvent),
  )
  return parts.map(sessions => ({ type, time, actor, traceId, before: {}, after: { sessions } }))
}

const idsOf = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : [])

function messageOf({ version, type, time, actor, traceId, after }: StreamEvent): SignInEvent {
  const known = SignInEventType[`SIGN_IN_EVENT_TYPE_${type}` as keyof typeof SignInEventType]
  return { version, type: known ?? 0, time, actor, traceId, sessionIds: idsOf(after.sessions) }
}
