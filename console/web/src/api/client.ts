/** The one way to the servers: gRPC-Web to the edge that this page came from, with the session's token. */
import { Code, ConnectError, createClient, type Interceptor } from '@connectrpc/connect'
import { createGrpcWebTransport } from '@connectrpc/connect-web'
import { AuthService } from '@site11/proto/es/site11/console/v1/auth_service_pb.ts'
import { QueryClient } from '@tanstack/react-query'
import { isPublic } from './policy.ts'
import { noteOrigin, problemFrom } from './problem.ts'
import { createRecentCalls, recording } from './recent-calls.ts'
import { createResumption, resuming } from './resumption.ts'
import { createSessions } from './session.ts'

const refreshPath = `/${AuthService.typeName}/${AuthService.method.refresh.name}`

/** Puts the token on; a token that is refused although it should be good is renewed once. */
const authorize: Interceptor = next => async request => {
  if (isPublic(request.method)) return next(request)
  const session = await sessions.ready()
  if (!session) throw new ConnectError('Nobody is signed in.', Code.Unauthenticated)
  const send = (accessToken: string) => {
    request.header.set('authorization', `Bearer ${accessToken}`)
    return next(request)
  }
  try {
    return await send(session.accessToken)
  } catch (error) {
    if (!isTokenRefused(error)) throw error
    const renewed = await sessions.ready(session.accessToken)
    if (!renewed) throw error
    return send(renewed.accessToken)
  }
}

const note: Interceptor = next => async request => {
  try {
    return await next(request)
  } catch (error) {
    throw noteOrigin(ConnectError.from(error), `${request.method.parent.typeName}/${request.method.name}`)
  }
}

/** A wrong password is UNAUTHENTICATED too, but no fault of the token. */
function isTokenRefused(error: unknown): boolean {
  return ConnectError.from(error).code === Code.Unauthenticated && problemFrom(error).reason !== 'BAD_CREDENTIALS'
}

export const interceptors = [note, authorize]

const direct = createGrpcWebTransport({
  baseUrl: location.origin,
  defaultTimeoutMs: 15_000,
  interceptors,
  // A Refresh outlives its page: a token that was used must not stay in the cookie.
  fetch: (input, init) => fetch(input, { ...init, keepalive: String(input).endsWith(refreshPath) }),
})

const auth = createClient(AuthService, direct)

export const sessions = createSessions({
  refresh: async () => {
    try {
      return await auth.refresh({})
    } catch (error) {
      const { code } = ConnectError.from(error)
      if (code === Code.Unauthenticated || code === Code.PermissionDenied) return undefined
      throw error
    }
  },
  // Web Locks need a secure context. Over plain HTTP to another machine each tab is on its own.
  locks: navigator.locks ?? { request: (_name: string, run: () => unknown) => run() },
  channel: new BroadcastChannel('site11-session'),
  marks: localStorage,
})

export const resumption = createResumption(sessions)

export const recentCalls = createRecentCalls(() => location.pathname)

export const transport = recording(resuming(direct, resumption), recentCalls)

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      networkMode: 'always',
      staleTime: 5_000,
      retry: (failures, error) => failures < 2 && problemFrom(error).code === 'UNAVAILABLE',
    },
    mutations: { networkMode: 'always' },
  },
})
