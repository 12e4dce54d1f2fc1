/** AuthService: signing in and out, and what a user does with the own sessions. */
import { randomUUID } from 'node:crypto'
import { status } from '@grpc/grpc-js'
import type {
  AuthServiceService,
  LoginResponse,
  Session as SessionMessage,
} from '@site11/proto/grpc/site11/console/v1/auth_service.ts'
import { User } from '@site11/proto/grpc/site11/users/v1/user.ts'
import type { SignInState, UsersServiceService } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import { type Call, clientAddressOf, type Handlers, userOf } from '@site11/runtime/call.ts'
import type { Caller } from '@site11/runtime/caller.ts'
import type { ClientOf } from '@site11/runtime/client.ts'
import { aborted, notFound, permissionDenied, ServiceError, unauthenticated } from '@site11/runtime/errors.ts'
import { scopesOf } from '../roles.ts'
import type { Tokens } from '../tokens.ts'
import { type CookieRules, cookieOf, requireOwnOrigin, setCookie } from './cookie.ts'
import { hashOf, newFamily, newSecret, parseRefreshToken, type RefreshToken, textOf } from './refresh-token.ts'
import { expireTimeOf, type Session, type Sessions } from './sessions.ts'

export interface AuthOptions {
  sessions: Sessions
  tokens: Tokens
  users: UsersClient
  /** Whose access token it is: for Logout, which is public and so not authenticated before. */
  verify(authorization: string | undefined): Caller | Promise<Caller>
  cookie: CookieRules
  now(): number
}

export type UsersClient = Pick<
  ClientOf<typeof UsersServiceService>,
  'verifyPassword' | 'createUser' | 'getSignInState' | 'changePassword'
>

/** What Register, Login and Refresh answer alike. */
type SessionTokens = LoginResponse
type AuthHandlers = Handlers<typeof AuthServiceService>

export function authService(options: AuthOptions): AuthHandlers {
  const { sessions, tokens, users, cookie, now } = options

  /** Begins a session of a user who has shown to be the one. */
  async function begin(state: SignInState, call: Call, useCookie: boolean): Promise<SessionTokens> {
    const { user, passwordVersion } = state
    if (!user) throw new Error('Users answered without a user.')
    if (!state.maySignIn) throw permissionDenied('ACCOUNT_DISABLED', 'This account may not sign in.')
    const createTime = new Date(now())
    const token: RefreshToken = { sessionId: randomUUID(), family: newFamily(), secret: newSecret() }
    const session: Session = {
      _id: token.sessionId,
      userId: user.id,
      passwordVersion,
      familyHash: hashOf(token.family),
      secretHash: hashOf(token.secret),
      createTime,
      refreshTime: createTime,
      expireTime: expireTimeOf(createTime, now()),
      ...deviceOf(call),
    }
    await sessions.add(session)
    return await issue(session, token, user.roles, call, useCookie)
  }

  async function issue(
    session: Pick<Session, 'userId' | 'expireTime'>,
    token: RefreshToken,
    roles: string[],
    call: Call,
    useCookie: boolean,
  ): Promise<SessionTokens> {
    const { userId } = session
    const { sessionId } = token
    const scopes = scopesOf(roles)
    const access = await tokens.access({ userId, sessionId, scopes })
    call.setHeader('cache-control', 'no-store')
    if (useCookie) setCookie(call, textOf(token), (session.expireTime.getTime() - now()) / 1000, cookie)
    return {
      accessToken: access.token,
      tokenType: 'Bearer',
      expiresIn: access.expiresIn,
      refreshToken: useCookie ? '' : textOf(token),
      scope: scopes.join(' '),
      sessionId,
      userId,
    }
  }

  /** @returns the refresh token of a request, from the body or else the cookie. */
  function presented(text: string, call: Call): { text: string; byCookie: boolean } | undefined {
    if (text) return { text, byCookie: false }
    const inCookie = cookieOf(call)
    if (inCookie === undefined) return undefined
    requireOwnOrigin(call, cookie)
    return { text: inCookie, byCookie: true }
  }

  /** @returns the user's state, or undefined when the user is gone. */
  async function stateOf(id: string, { traceId }: Call): Promise<SignInState | undefined> {
    try {
      return (await users.getSignInState({ id }, { traceId })).state
    } catch (error) {
      if (error instanceof ServiceError && error.code === status.NOT_FOUND) return undefined
      throw error
    }
  }

  /**
   * A token that was good once and is not any more. Two who hold the same token at different times: one of them has stolen it,
   * so the session ends. Two at the same time are one browser with two tabs: the later one is only refused.
   */
  async function replayed(session: Session, secretHash: string, startedMs: number, call: Call): Promise<never> {
    if (session.usedSecretHash === secretHash && session.refreshTime.getTime() > startedMs) {
      throw aborted(
        'WRONG_STATE',
        'Another request has just exchanged this refresh token. Go on with the one it received.',
      )
    }
    await sessions.end(session._id)
    call.log.warn(
      { sessionId: session._id, userId: session.userId },
      'a refresh token was used twice; its session is ended',
    )
    throw unauthenticated(
      'SESSION_REPLAYED',
      'This refresh token was used before, so the session was ended for safety. Log in again.',
    )
  }

  return {
    async register({ email, password, displayName, locale, useCookie }, call) {
      if (useCookie) requireOwnOrigin(call, cookie)
      const { traceId } = call
      const user = User.fromPartial({ email, displayName, locale })
      const made = await users
        .createUser({ user, password, requestId: '', validateOnly: false }, { traceId })
        .catch(error => {
          throw asOurs(error)
        })
      const state = await stateOf(made.user?.id ?? '', call)
      if (!state) throw new Error('The user that was just made does not exist.')
      return begin(state, call, useCookie)
    },

    async login({ email, password, useCookie }, call) {
      if (useCookie) requireOwnOrigin(call, cookie)
      const { traceId, signal } = call
      const clientAddress = addressOf(call)
      const { state } = await users.verifyPassword({ email, password, clientAddress }, { traceId, signal })
      if (!state) throw new Error('Users answered without a state.')
      return begin(state, call, useCookie)
    },

    async refresh({ refreshToken }, call) {
      const startedMs = now()
      const { text, byCookie } = presented(refreshToken, call) ?? missing()
      const token = parseRefreshToken(text)
      if (!token) throw unauthenticated('TOKEN_INVALID', `This is no refresh token. ${logIn}`)
      const session = await sessions.get(token.sessionId, startedMs)
      if (!session) throw ended()
      if (hashOf(token.family) !== session.familyHash)
        throw unauthenticated('TOKEN_INVALID', `This is no refresh token. ${logIn}`)
      const secretHash = hashOf(token.secret)
      if (secretHash !== session.secretHash) return replayed(session, secretHash, startedMs, call)

      const state = await stateOf(session.userId, call)
      if (!state?.user || !state.maySignIn || state.passwordVersion > session.passwordVersion) {
        await sessions.end(session._id)
        throw ended()
      }
      const next = { ...token, secret: newSecret() }
      const refreshTime = new Date(now())
      const expireTime = expireTimeOf(session.createTime, now())
      const exchanged = await sessions.exchange(session._id, secretHash, {
        secretHash: hashOf(next.secret),
        usedSecretHash: secretHash,
        refreshTime,
        expireTime,
        ...deviceOf(call),
      })
      if (!exchanged) {
        const current = await sessions.get(session._id, now())
        if (!current) throw ended()
        return replayed(current, secretHash, startedMs, call)
      }
      return issue({ userId: session.userId, expireTime }, next, state.user.roles, call, byCookie)
    },

    async logout({ refreshToken }, call) {
      const given = presented(refreshToken, call)
      if (!given) {
        const caller = await options.verify(call.metadata.get('authorization')[0]?.toString())
        if (caller.kind !== 'user') missing()
        else await sessions.endOwn(caller.userId, caller.sessionId, now())
        return {}
      }
      const token = parseRefreshToken(given.text)
      if (!token && !given.byCookie) throw unauthenticated('TOKEN_INVALID', 'This is no refresh token.')
      const session = token && (await sessions.get(token.sessionId, now()))
      if (session && hashOf(token.family) === session.familyHash) await sessions.end(session._id)
      if (given.byCookie) setCookie(call, '', 0, cookie)
      return {}
    },

    async getMe(_request, call) {
      const { caller } = call
      const state = await stateOf(userOf(call), call)
      if (!state?.user || caller.kind !== 'user') throw ended()
      const { id, email, displayName, roles } = state.user
      const { sessionId, scopes, expiresAt } = caller
      return { userId: id, email, displayName, roles, scopes: [...scopes], sessionId, expireTime: expiresAt }
    },

    async changePassword({ currentPassword, newPassword }, call) {
      const id = userOf(call)
      const clientAddress = addressOf(call)
      const { state } = await users.changePassword(
        { id, currentPassword, newPassword, clientAddress },
        { traceId: call.traceId },
      )
      if (!state) throw new Error('Users answered without a state.')
      // From here on every session with the former version ends at its next refresh, whatever happens to the lines below.
      const own = sessionIdOf(call)
      await sessions.setPasswordVersion(own, state.passwordVersion)
      return { sessionsEnded: await sessions.endOthers(id, own) }
    },

    async listSessions(_request, call) {
      const current = sessionIdOf(call)
      const own = await sessions.listOf(userOf(call), now())
      return { sessions: own.map(session => sessionMessage(session, current)) }
    },

    async revokeSession({ id }, call) {
      if (!(await sessions.endOwn(userOf(call), id, now()))) throw notFound('session', id)
      return {}
    },
  }
}

const logIn = 'Log in with POST /api/v1/auth/login.'

const ended = () => unauthenticated('SESSION_ENDED', `The session has ended. ${logIn}`)

function missing(): never {
  throw unauthenticated(
    'TOKEN_MISSING',
    'Send the refresh token in the body, as "refreshToken", or in the cookie that login has set.',
  )
}

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

const addressOf = (call: Call) => clientAddressOf(call).slice(0, 100)

const deviceOf = (call: Call) => ({
  userAgent: String(call.metadata.get('user-agent')[0] ?? '').slice(0, 300),
  clientAddress: addressOf(call),
})

function sessionMessage(session: Session, current: string): SessionMessage {
  const { _id: id, createTime, refreshTime, expireTime, userAgent, clientAddress } = session
  return { id, createTime, refreshTime, expireTime, userAgent, clientAddress, current: id === current }
}
