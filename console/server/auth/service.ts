/** AuthService: signing in and out, and what users do with their own sessions. */
import { randomUUID } from 'node:crypto'
import type {
  AuthServiceService,
  Session as SessionMessage,
} from '@site11/proto/grpc/site11/console/v1/auth_service.ts'
import { User } from '@site11/proto/grpc/site11/users/v1/user.ts'
import { type Call, type Handlers, userOf } from '@site11/runtime/call.ts'
import { notFound, ServiceError } from '@site11/runtime/errors.ts'
import { requireOwnOrigin, setCookie } from './cookie.ts'
import { createRefresh } from './refresh.ts'
import { hashOf, parseRefreshToken } from './refresh-token.ts'
import type { Session } from './sessions.ts'
import {
  type AuthOptions,
  addressOf,
  beginSession,
  noRefreshToken,
  presentedToken,
  refreshTokenMissing,
  sessionEnded,
  signInStateOf,
} from './sign-in.ts'
import type { Cause } from './sign-in-events.ts'

export function authService(options: AuthOptions): Handlers<typeof AuthServiceService> {
  const { sessions, users, cookie, now } = options
  return {
    async register({ email, password, displayName, locale, useCookie }, call) {
      if (useCookie) requireOwnOrigin(call, cookie)
      // Users does what it has begun, whether or not the caller stays: so does this.
      const { traceId, deadlineMs } = call
      const user = User.fromPartial({ email, displayName, locale })
      const made = await users
        .createUser({ user, password, requestId: randomUUID(), validateOnly: false }, { call: { traceId, deadlineMs } })
        .catch(error => {
          throw asOurs(error)
        })
      const state = await signInStateOf(made.user?.id ?? '', call, users)
      if (!state) throw new Error('The user that was just made does not exist.')
      return beginSession(state, call, useCookie, options)
    },

    async login({ email, password, useCookie }, call) {
      if (useCookie) requireOwnOrigin(call, cookie)
      const clientAddress = addressOf(call)
      const { state } = await users.verifyPassword({ email, password, clientAddress }, { call })
      if (!state) throw new Error('Users answered without a state.')
      return beginSession(state, call, useCookie, options)
    },

    refresh: createRefresh(options),

    async logout({ refreshToken }, call) {
      const given = presentedToken(refreshToken, call, cookie)
      if (!given) {
        const caller = await options.verify(call.metadata.get('authorization')[0]?.toString())
        if (caller.kind !== 'user') throw refreshTokenMissing()
        await sessions.endOwn(caller.userId, caller.sessionId, now(), causeOf('SIGNED_OUT', caller.userId, call))
        return {}
      }
      const token = parseRefreshToken(given.text)
      if (!token && !given.byCookie) throw noRefreshToken()
      const session = token && (await sessions.get(token.sessionId, now()))
      if (session && hashOf(token.family) === session.familyHash) {
        await sessions.end(session, causeOf('SIGNED_OUT', session.userId, call))
      }
      if (given.byCookie) setCookie(call, '', 0, cookie)
      return {}
    },

    async getMe(_request, call) {
      const { caller } = call
      const state = await signInStateOf(userOf(call), call, users)
      if (!state?.user || caller.kind !== 'user') throw sessionEnded()
      const { id, email, displayName, roles } = state.user
      const { sessionId, scopes, expiresAt: expireTime } = caller
      // The first version of the password is the one that the account was made with.
      const passwordGenerated = email === options.generatedFor && state.passwordVersion === 1
      return { userId: id, email, displayName, roles, scopes: [...scopes], sessionId, expireTime, passwordGenerated }
    },

    async changePassword({ currentPassword, newPassword }, call) {
      const id = userOf(call)
      const clientAddress = addressOf(call)
      const { traceId, deadlineMs } = call
      const { state } = await users.changePassword(
        { id, currentPassword, newPassword, clientAddress },
        { call: { traceId, deadlineMs } },
      )
      if (!state) throw new Error('Users answered without a state.')
      // From here on every session with the former version ends at its next refresh, whatever happens to the lines below.
      const own = sessionIdOf(call)
      await sessions.setPasswordVersion(own, state.passwordVersion)
      return { sessionsEnded: await sessions.endOthers(id, own, causeOf('OUTDATED', id, call)) }
    },

    async listSessions(_request, call) {
      const current = sessionIdOf(call)
      const own = await sessions.listOf(userOf(call), now())
      return { sessions: own.map(session => sessionMessage(session, current)) }
    },

    async revokeSession({ id }, call) {
      const userId = userOf(call)
      const cause = causeOf('REVOKED', userId, call)
      if (!(await sessions.endOwn(userId, id, now(), cause))) throw notFound('session', id)
      return {}
    },

    async listUserSessions({ userId }, call) {
      const current = sessionIdOf(call)
      const living = await sessions.listOf(userId, now())
      return { sessions: living.map(session => sessionMessage(session, current)) }
    },

    async revokeUserSessions({ userId, id }, call) {
      const cause = causeOf('REVOKED', userOf(call), call)
      if (id && !(await sessions.endOwn(userId, id, now(), cause))) throw notFound('session', id)
      const sessionsEnded = id ? 1 : await sessions.endOthers(userId, '', cause)
      if (sessionsEnded > 0) {
        const reason = id ? `session ${id}` : `${sessionsEnded} sessions`
        options.record({
          actor: `users/${userOf(call)}`,
          action: 'sessions.revoked',
          subject: `users/${userId}`,
          reason,
        })
      }
      return { sessionsEnded }
    },

    listSignInEvents: ({ pageSize, pageToken }, call) => sessions.events.list(userOf(call), pageSize, pageToken),

    listUserSignInEvents: ({ userId, pageSize, pageToken }) => sessions.events.list(userId, pageSize, pageToken),

    verifySignInEvents: ({ userId, pageToken }) => sessions.events.verify(userId, pageToken),
  }
}

const causeOf = (type: Cause['type'], userId: string, { traceId }: Call): Cause => ({
  type,
  actor: `users/${userId}`,
  traceId,
})

/** An error of Users in the terms of our own request, which has the user's fields at its top. */
function asOurs(error: unknown): unknown {
  if (!(error instanceof ServiceError) || !error.details.violations) return error
  const violations = error.details.violations.map(({ field, description }) => ({
    field: field.replace(/^user\./, ''),
    description,
  }))
  return new ServiceError(error.code, error.message, { ...error.details, violations })
}

const sessionIdOf = ({ caller }: Call) => (caller.kind === 'user' ? caller.sessionId : '')

function sessionMessage(session: Session, current: string): SessionMessage {
  const { _id: id, createTime, refreshTime, expireTime, userAgent, clientAddress } = session
  return { id, createTime, refreshTime, expireTime, userAgent, clientAddress, current: id === current }
}
