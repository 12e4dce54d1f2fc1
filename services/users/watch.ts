/**
 * The changes of users as they happen, from MongoDB's change stream of the collection.
 */
import { ChangeType, type WatchUsersResponse } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import { invalidArgument, resourceExhausted, type ServiceError, unavailable } from '@site11/runtime/errors.ts'
import type { Store } from '@site11/runtime/store/connect.ts'
import { isUnreachable, storeError } from '@site11/runtime/store/store-error.ts'
import type { ChangeStreamDocument, ChangeStreamUpdateDocument, Collection, ResumeToken } from 'mongodb'
import { MongoServerError } from 'mongodb'
import { hidden, type UserDocument } from './document.ts'
import { toUser } from './user.ts'

/** A write that does not count up the version, such as hashing a password anew, changes nothing that callers see. */
const pipeline = [
  {
    $match: {
      $or: [
        { operationType: 'insert' },
        { operationType: 'update', 'updateDescription.updatedFields.version': { $exists: true } },
      ],
    },
  },
  { $unset: hidden.flatMap(field => [`fullDocument.${field}`, `updateDescription.updatedFields.${field}`]) },
]

/**
 * Each watch keeps a socket to the database busy for a while, then lets another one have it: so many share the few sockets of a
 * connection, and see a change this much later at the most.
 */
const busyMs = 250
const maxWatches = 50

/**
 * Sends READY when the stream stands, then each change, until `signal` is aborted. The user is as it is now, which may be
 * later than the change. A deletion is DELETED; a user brought back is CREATED, as it is new to whoever follows the living.
 * @param resumeToken of the event to go on after, or empty.
 * @throws ServiceError INVALID_ARGUMENT when the token is damaged or too old, OVERLOADED, UNAVAILABLE.
 */
export type UserWatch = (resumeToken: string, signal: AbortSignal) => AsyncIterable<WatchUsersResponse>

/**
 * @param store a connection for watches alone.
 * @param leaving is aborted when the instance stops; watches end with UNAVAILABLE, so that their callers go on elsewhere.
 */
export function createUserWatch({ db }: Store, leaving: AbortSignal, now: () => Date): UserWatch {
  const users = db.collection<UserDocument>('users')
  let watches = 0
  return async function* (resumeToken, signal) {
    if (watches >= maxWatches) throw resourceExhausted('OVERLOADED', 'Too many watch users here already.', 5000)
    watches++
    try {
      yield* watch(users, resumeToken, AbortSignal.any([signal, leaving]), now)
    } finally {
      watches--
    }
    if (leaving.aborted) throw unavailable('This instance stops. Watch again, with the resume_token received last.')
  }
}

async function* watch(
  users: Collection<UserDocument>,
  resumeToken: string,
  signal: AbortSignal,
  now: () => Date,
): AsyncGenerator<WatchUsersResponse> {
  const resumeAfter = resumeToken ? decodeToken(resumeToken) : undefined
  const stream = users.watch<UserDocument, ChangeStreamDocument<UserDocument>>(pipeline, {
    fullDocument: 'updateLookup',
    maxAwaitTimeMS: busyMs,
    ...(resumeAfter ? { resumeAfter } : {}),
  })
  const close = () => void stream.close().catch(() => {})
  signal.addEventListener('abort', close, { once: true })
  try {
    // The token of an empty first batch: the database has set up the stream, and from here on nothing is missed.
    const opened = new Promise<ResumeToken>(resolve => stream.once('resumeTokenChanged', resolve))
    let next = stream.next()
    const token = await Promise.race([opened, next]).catch(error => {
      throw resumeAfter ? resumeError(error) : error
    })
    yield { type: ChangeType.CHANGE_TYPE_READY, user: undefined, resumeToken: resumeToken || encodeToken(token) }
    while (!signal.aborted) {
      yield* responsesOf(await next, now())
      next = stream.next()
    }
  } catch (error) {
    if (!signal.aborted) throw storeError(error)
  } finally {
    signal.removeEventListener('abort', close)
    close()
  }
}

function* responsesOf(event: ChangeStreamDocument<UserDocument>, now: Date): Iterable<WatchUsersResponse> {
  if (event.operationType !== 'insert' && event.operationType !== 'update') return
  // Gone only when somebody has removed the document by hand.
  if (!event.fullDocument) return
  const type = event.operationType === 'insert' ? ChangeType.CHANGE_TYPE_CREATED : typeOfUpdate(event)
  yield { type, user: toUser(event.fullDocument, now), resumeToken: encodeToken(event._id) }
}

function typeOfUpdate({ updateDescription }: ChangeStreamUpdateDocument<UserDocument>): ChangeType {
  const { deleteTime } = updateDescription.updatedFields ?? {}
  if (deleteTime === undefined) return ChangeType.CHANGE_TYPE_UPDATED
  return deleteTime === null ? ChangeType.CHANGE_TYPE_CREATED : ChangeType.CHANGE_TYPE_DELETED
}

/** A token of MongoDB is `{ _data: <hexadecimal digits> }`. */
const encodeToken = (token: ResumeToken) =>
  Buffer.from(String((token as { _data?: string } | null)?._data ?? ''), 'hex').toString('base64url')

function decodeToken(token: string): ResumeToken {
  const bytes = Buffer.from(token, 'base64url')
  if (bytes.length === 0 || bytes.toString('base64url') !== token) throw badToken('is damaged')
  return { _data: bytes.toString('hex').toUpperCase() }
}

/** MongoDB's ChangeStreamHistoryLost. */
const historyLost = 286

/** Whatever the database itself holds against the first read of a resumed stream is the token's fault. */
function resumeError(error: unknown): unknown {
  if (!(error instanceof MongoServerError) || isUnreachable(error)) return error
  return badToken(error.code === historyLost ? 'is too old' : 'is damaged')
}

function badToken(fault: string): ServiceError {
  const description = `The resume_token ${fault}. List the users anew and watch without a token.`
  return invalidArgument('INVALID_FIELD', description, [{ field: 'resume_token', description }])
}
