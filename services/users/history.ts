/**
 * What has happened to the rights and credentials of users: a stream for each, by its id, in the collection `security_events`.
 *
 *     change of the user + event + head of the stream (one write) -> replay gives the user's state again
 *
 * The head is the field `history` of the user, where the last event waits until the next one comes, see runtime/store/streams.ts.
 *
 * Events are kept for good. What may tell who somebody is stands in them as a digest, salted by the user's own salt, which is in the
 * user's document only: without the document nobody can find out what was digested.
 */
import { hash, type KeyObject, randomBytes } from 'node:crypto'
import type { Call } from '@site11/runtime/call.ts'
import {
  differingFields,
  type Fields,
  type Flaw,
  flawOf,
  type NewEvent,
  replay,
  type StreamEvent,
} from '@site11/runtime/store/stream-chain.ts'
import { following, joined, type Kept } from '@site11/runtime/store/streams.ts'
import type { UserDocument } from './document.ts'
import type { UserRecord } from './user.ts'

/** What a user's document has of its stream. */
export interface History extends Kept {
  salt: string
}

/** Who changes a user, and in which request. */
export interface Origin {
  /** `users/<id>` or `services/<name>`; empty when it is not known. */
  actor: string
  traceId: string
}

export function originOf({ caller, traceId }: Call): Origin {
  if (caller.kind === 'anonymous') return { actor: '', traceId }
  return { actor: caller.kind === 'user' ? `users/${caller.userId}` : `services/${caller.service}`, traceId }
}

/** What of a user follows from its events. */
export type Secured = Pick<
  UserDocument,
  | 'email'
  | 'emailVerified'
  | 'roles'
  | 'disabledReason'
  | 'disabledUntil'
  | 'deleteTime'
  | 'passwordVersion'
  | 'passwordHash'
>

/** What is needed to append to the stream of a user. */
export type Begun = Pick<UserDocument, '_id' | 'history' | 'createTime' | 'version'> & Secured

/** What is read of a user whose stream is appended to. */
export const begunProjection = {
  history: 1,
  createTime: 1,
  version: 1,
  email: 1,
  emailVerified: 1,
  roles: 1,
  disabledReason: 1,
  disabledUntil: 1,
  deleteTime: 1,
  passwordVersion: 1,
  passwordHash: 1,
} satisfies Partial<Record<keyof UserDocument, 1>>

const digest = (salt: string, value: string | undefined) =>
  value ? hash('sha256', `${salt} ${value}`, 'base64url') : ''

/** @returns the state as it stands in events. */
export function stateOf(user: Secured, salt: string): Fields {
  return {
    email: digest(salt, user.email),
    emailVerified: user.emailVerified,
    roles: user.roles,
    disabledUntil: user.disabledUntil?.toISOString() ?? null,
    disabledReason: digest(salt, user.disabledReason),
    deleteTime: user.deleteTime?.toISOString() ?? null,
    passwordVersion: user.passwordVersion,
    password: digest(salt, user.passwordHash),
  }
}

/** @returns the history of a new user. */
export function begin(
  key: KeyObject,
  user: Begun,
  { actor, traceId }: Origin,
  type = 'ACCOUNT_CREATED',
  time = user.createTime,
): History {
  const salt = randomBytes(16).toString('base64url')
  const event: NewEvent = { type, time, actor, traceId, before: {}, after: stateOf(user, salt) }
  return { ...following(key, user._id, undefined, [event]), salt }
}

/** @returns what kind of event a change by a rule is; undefined when it has nothing to do with rights and credentials. */
export function typeOf(before: UserRecord, after: UserRecord): string | undefined {
  const changed = differingFields(stateOf(before, ''), stateOf(after, ''))
  const has = (field: string) => changed.includes(field)
  if (changed.length === 0) return undefined
  if (has('deleteTime')) return after.deleteTime ? 'DELETED' : 'UNDELETED'
  if (has('disabledUntil') || has('disabledReason')) return after.disabledUntil ? 'DISABLED' : 'ENABLED'
  if (has('roles')) return 'ROLES_CHANGED'
  return has('email') ? 'EMAIL_CHANGED' : 'EMAIL_VERIFIED'
}

/**
 * @param before the user as it is.
 * @param after what of the state is different after the event.
 * @returns the history after it.
 */
export function append(
  key: KeyObject,
  before: Begun & { history: History },
  after: Partial<Secured>,
  type: string,
  time: Date,
  { actor, traceId }: Origin,
): History {
  const { salt, ...head } = before.history
  const [was, is] = [stateOf(before, salt), stateOf({ ...before, ...after }, salt)]
  const changed = differingFields(was, is)
  const only = (fields: Fields) => Object.fromEntries(changed.map(field => [field, fields[field] ?? null]))
  const event = { type, time, actor, traceId, before: only(was), after: only(is) }
  return { ...following(key, before._id, head, [event]), salt }
}

/** @returns the history of a user that was there before there were histories. */
export const adopted = (key: KeyObject, user: Begun, time: Date): History =>
  begin(key, user, { actor: 'services/users', traceId: '' }, 'ADOPTED', time)

/** @returns the first thing that is wrong with the user's stream, or with the user beside it, and which fields are not as they should be. */
export function verifyUser(
  key: KeyObject,
  user: Begun,
  stored: readonly StreamEvent[],
): { flaw?: Flaw; fields: string[]; events: number } {
  const { history } = user
  const events = joined(stored, history?.pending ?? [])
  if (!history) return { flaw: { kind: 'HEAD_MISSING', version: events.length }, fields: [], events: events.length }
  const flaw = flawOf(key, user._id, history, events)
  if (flaw) return { flaw, fields: [], events: events.length }
  const fields = differingFields(replay(events), stateOf(user, history.salt))
  if (fields.length === 0) return { fields, events: events.length }
  return { flaw: { kind: 'STATE_DIFFERS', version: history.version }, fields, events: events.length }
}
