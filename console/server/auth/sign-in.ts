/** What every way of signing in ends with: a session, and tokens for it. */
import { randomUUID } from 'node:crypto'
import { status } from '@grpc/grpc-js'
import type { LoginResponse } from '@site11/proto/grpc/site11/console/v1/auth_service.ts'
import type { SignInState, UsersServiceService } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import { type Call, clientAddressOf } from '@site11/runtime/call.ts'
import type { Caller } from '@site11/runtime/caller.ts'
import type { ClientOf } from '@site11/runtime/client.ts'
import { permissionDenied, ServiceError, unauthenticated } from '@site11/runtime/errors.ts'
import type { NewChange } from '../journal/journal.ts'
import { scopesOf } from '../roles.ts'
import type { Tokens } from '../tokens.ts'
import { type CookieRules, cookieOf, requireOwnOrigin, setCookie } from './cookie.ts'
import { hashOf, newFamily, newSecret, type RefreshToken, textOf } from './refresh-token.ts'
import { expireTimeOf, type Session, type Sessions } from './sessions.ts'

export interface AuthOptions {
  sessions: Sessions
  tokens: Tokens
  users: UsersClient
  /** Whose access token it is: for Logout, which is public and so not authenticated before. */
  verify(authorization: string | undefined): Caller | Promise<Caller>
  cookie: CookieRules
  /** The address of the first admin when its password was generated; undefined when an operator chose it. */
  generatedFor?: string | undefined
  /** Takes down that somebody ended sessions of somebody else. */
  record(change: NewChange): void
  now(): number
}

export type UsersClient = Pick<
  ClientOf<typeof UsersServiceService>,
  'verifyPassword' | 'createUser' | 'getSignInState' | 'changePassword'
>

/** What Register, Login and Refresh answer alike. */
export type SessionTokens = LoginResponse

/** Begins a session of a user who has shown to be the one. */
export async function beginSession(
  state: SignInState,
  call: Call,
  useCookie: boolean,
  options: AuthOptions,
): Promise<SessionTokens> {
  const { user, passwordVersion } = state
  if (!user) throw new Error('Users answered without a user.')
  if (!state.maySignIn) throw permissionDenied('ACCOUNT_DISABLED', 'This account may not sign in.')
  const nowMs = options.now()
  const createTime = new Date(nowMs)
  const token: RefreshToken = { sessionId: randomUUID(), family: newFamily(), secret: newSecret() }
  const session: Session = {
    _id: token.sessionId,
    userId: user.id,
    passwordVersion,
    familyHash: hashOf(token.family),
    secretHash: hashOf(token.secret),
    createTime,
    refreshTime: createTime,
    expireTime: expireTimeOf(createTime, nowMs),
    ...deviceOf(call),
  }
  await options.sessions.add(session, call.traceId)
  return await issueTokens(session, token, user.roles, call, useCookie, options)
}

/** Gives a session its tokens: in the answer, or the refresh token in a cookie. */
export async function issueTokens(
  { userId, expireTime }: Pick<Session, 'userId' | 'expireTime'>,
  token: RefreshToken,
  roles: string[],
  call: Call,
  useCookie: boolean,
  { tokens, cookie, now }: AuthOptions,
): Promise<SessionTokens> {
  const { sessionId } = token
  const scopes = scopesOf(roles)
  const access = await tokens.access({ userId, sessionId, scopes })
  call.setHeader('cache-control', 'no-store')
  if (useCookie) setCookie(call, textOf(token), (expireTime.getTime() - now()) / 1000, cookie)
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
export function presentedToken(
  text: string,
  call: Call,
  cookie: CookieRules,
): { text: string; byCookie: boolean } | undefined {
  if (text) return { text, byCookie: false }
  const inCookie = cookieOf(call)
  if (inCookie === undefined) return undefined
  requireOwnOrigin(call, cookie)
  return { text: inCookie, byCookie: true }
}

/** @returns the user's state, or undefined when the user is gone. */
export async function signInStateOf(id: string, call: Call, users: UsersClient): Promise<SignInState | undefined> {
  try {
    return (await users.getSignInState({ id }, { call })).state
  } catch (error) {
    if (error instanceof ServiceError && error.code === status.NOT_FOUND) return undefined
    throw error
  }
}

/** Where the request came from, within the bounds of the contract of Users. */
export const addressOf = (call: Call) => clientAddressOf(call).slice(0, 100)

export const deviceOf = (call: Call) => ({
  userAgent: String(call.metadata.get('user-agent')[0] ?? '').slice(0, 300),
  clientAddress: addressOf(call),
})

const logIn = 'Log in with POST /api/v1/auth/login.'

export const sessionEnded = () => unauthenticated('SESSION_ENDED', `The session has ended. ${logIn}`)

export const noRefreshToken = () => unauthenticated('TOKEN_INVALID', `This is no refresh token. ${logIn}`)

export const refreshTokenMissing = () =>
  unauthenticated(
    'TOKEN_MISSING',
    'Send the refresh token in the body, as "refreshToken", or in the cookie that login has set.',
  )
