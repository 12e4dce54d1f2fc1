/**
 * Refresh: a refresh token works once. Used again later, it is in two hands, one of them a thief's, so the whole session ends.
 * Used twice at the same time, it is one browser with two tabs: the later request is only refused.
 */
import type { RefreshRequest } from '@site11/proto/grpc/site11/console/v1/auth_service.ts'
import type { Call } from '@site11/runtime/call.ts'
import { aborted, unauthenticated } from '@site11/runtime/errors.ts'
import { hashOf, newSecret, parseRefreshToken, type RefreshToken } from './refresh-token.ts'
import { expireTimeOf, type Session } from './sessions.ts'
import {
  type AuthOptions,
  deviceOf,
  issueTokens,
  noRefreshToken,
  presentedToken,
  refreshTokenMissing,
  type SessionTokens,
  sessionEnded,
  signInStateOf,
} from './sign-in.ts'

/** How long an exchange is remembered: longer than a request that began before its end may take to get here. ms. */
const rememberMs = 30_000

export function createRefresh(options: AuthOptions): (request: RefreshRequest, call: Call) => Promise<SessionTokens> {
  const { cookie, now } = options
  /** By the hash of the secret given away: when the exchange ended, or Infinity while it is under way. The oldest first. */
  const exchanges = new Map<string, number>()

  function forgetOld(nowMs: number) {
    for (const [hash, endMs] of exchanges) {
      if (endMs + rememberMs > nowMs) return
      exchanges.delete(hash)
    }
  }

  return async ({ refreshToken }, call) => {
    const startMs = now()
    const given = presentedToken(refreshToken, call, cookie)
    if (!given) throw refreshTokenMissing()
    const token = parseRefreshToken(given.text)
    if (!token) throw noRefreshToken()
    const secretHash = hashOf(token.secret)
    if (startMs < (exchanges.get(secretHash) ?? 0)) throw overtaken()
    exchanges.delete(secretHash)
    exchanges.set(secretHash, Number.POSITIVE_INFINITY)
    try {
      const response = await exchange(token, secretHash, startMs, call, given.byCookie, options)
      exchanges.delete(secretHash)
      exchanges.set(secretHash, now())
      forgetOld(now())
      return response
    } catch (error) {
      exchanges.delete(secretHash)
      throw error
    }
  }
}

async function exchange(
  token: RefreshToken,
  secretHash: string,
  startMs: number,
  call: Call,
  byCookie: boolean,
  options: AuthOptions,
): Promise<SessionTokens> {
  const { sessions, users, now } = options
  const session = await sessions.get(token.sessionId, startMs)
  if (!session) throw sessionEnded()
  if (hashOf(token.family) !== session.familyHash) throw noRefreshToken()
  if (secretHash !== session.secretHash) {
    await sessions.end(session, { type: 'TOKEN_REUSED', actor: '', traceId: call.traceId })
    const { _id: sessionId, userId } = session
    call.log.warn({ sessionId, userId }, 'a refresh token was used twice; its session is ended')
    throw replayed()
  }
  const state = await signInStateOf(session.userId, call, users)
  if (!state?.user || !state.maySignIn || state.passwordVersion > session.passwordVersion) {
    await sessions.end(session, { type: 'OUTDATED', actor: 'services/console', traceId: call.traceId })
    throw sessionEnded()
  }
  const next = { ...token, secret: newSecret() }
  const refreshTime = new Date(now())
  const change: Partial<Session> = {
    secretHash: hashOf(next.secret),
    refreshTime,
    expireTime: expireTimeOf(session.createTime, refreshTime.getTime()),
    ...deviceOf(call),
  }
  // Good when it was read and not any more: another process was faster, at the same time.
  if (!(await sessions.exchange(session._id, secretHash, change))) throw overtaken()
  return await issueTokens({ ...session, ...change }, next, state.user.roles, call, byCookie, options)
}

const overtaken = () =>
  aborted('WRONG_STATE', 'Another request is exchanging this refresh token. Go on with the one that it receives.')

const replayed = () =>
  unauthenticated(
    'SESSION_REPLAYED',
    'This refresh token was used before, so the session was ended for safety. Log in again.',
  )
