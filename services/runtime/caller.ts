/**
 * Who calls, and whether the policy of the method lets that caller in. Envoy decides the same at the edge; this is the second look.
 */

import type { MethodPolicy } from '@site11/proto/es/site11/policy/v1/policy_pb.ts'
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTPayload, jwtVerify } from 'jose'
import { permissionDenied, type ServiceError, unauthenticated, unavailable } from './errors.ts'
import { type Peer, peerName } from './spiffe.ts'
import type { RequestMetadata } from './unary.ts'

/** The audience of access tokens, which users and applications hold. */
export const accessAudience = 'site11'
/** The audience of tokens that services call each other with. They never pass the edge. */
export const internalAudience = 'site11-internal'

export type Caller =
  | { kind: 'anonymous' }
  | { kind: 'user'; userId: string; sessionId: string; scopes: ReadonlySet<string>; expiresAt: Date }
  | { kind: 'service'; service: string }

export const anonymous: Caller = Object.freeze({ kind: 'anonymous' })

export interface Keys {
  issuer: string
  jwks: JSONWebKeySet
}

const howToLogIn = 'Log in with POST /api/v1/auth/login and send the access token as "Authorization: Bearer <token>".'

export interface Verifier {
  /** Takes new keys; tokens verified with the keys before are verified again. */
  setKeys(keys: Keys): void
  hasKeys(): boolean
  /**
   * @param authorization the value of the header, or undefined.
   * @returns the caller, at once when this process has verified the token before.
   * @throws ServiceError UNAUTHENTICATED, or UNAVAILABLE while there are no keys yet.
   */
  verify(authorization: string | undefined): Caller | Promise<Caller>
}

/** Verifies each token once per process and remembers the outcome until the token expires. */
export function createVerifier({ now = Date.now, maxCached = 10_000 } = {}): Verifier {
  let keys: { issuer: string; find: ReturnType<typeof createLocalJWKSet> } | undefined
  /** By the whole header. */
  const verified = new Map<string, { caller: Caller; expiresMs: number }>()

  async function check(authorization: string, token: string): Promise<Caller> {
    if (!keys) throw unavailable('This instance has not received the verification keys yet. Try again in a moment.')
    const used = keys
    const { payload, protectedHeader } = await jwtVerify(token, used.find, {
      issuer: used.issuer,
      audience: [accessAudience, internalAudience],
      algorithms: ['ES256'],
      requiredClaims: ['exp', 'sub', 'jti'],
      currentDate: new Date(now()),
      clockTolerance: 5,
    }).catch(error => {
      throw tokenError(error)
    })
    const caller = callerFrom(payload, protectedHeader.typ)
    if (keys === used) {
      if (verified.size >= maxCached) verified.delete(verified.keys().next().value ?? '')
      verified.set(authorization, { caller, expiresMs: (payload.exp ?? 0) * 1000 })
    }
    return caller
  }

  return {
    setKeys({ issuer, jwks }) {
      keys = { issuer, find: createLocalJWKSet(jwks) }
      verified.clear()
    },
    hasKeys: () => keys !== undefined,
    verify(authorization) {
      if (authorization === undefined) return anonymous
      const known = verified.get(authorization)
      if (known && known.expiresMs > now()) return known.caller
      const token = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(authorization)?.[1]
      if (!token)
        throw unauthenticated('TOKEN_INVALID', `The Authorization header holds no bearer token. ${howToLogIn}`)
      return check(authorization, token)
    },
  }
}

/**
 * @returns an authentication by token, over a connection that fits it: a service calls over its own, and users over that of a
 * proxy. So a token that got into foreign hands is of no use without the certificate.
 */
export function authenticateWith({ verify }: Verifier) {
  return (metadata: RequestMetadata, peer: Peer | undefined): Caller | Promise<Caller> => {
    requireCertificate(peer)
    const caller = verify(metadata.get('authorization')[0]?.toString())
    return caller instanceof Promise ? caller.then(found => overOwn(found, peer)) : overOwn(caller, peer)
  }
}

function overOwn(caller: Caller, peer: Peer): Caller {
  if (caller.kind === 'anonymous') return caller
  if (caller.kind === 'user' ? 'proxy' in peer : 'service' in peer && peer.service === caller.service) return caller
  throw unauthenticated('CALLER_NOT_ALLOWED', `This token is not one that ${peerName(peer)} may call with.`)
}

/** @throws ServiceError when the connection has shown no certificate of the mesh. */
export function requireCertificate(peer: Peer | undefined): asserts peer is Peer {
  if (!peer) throw unauthenticated('CALLER_NOT_ALLOWED', 'Call through the edge, or show a certificate of this mesh.')
}

function callerFrom(payload: JWTPayload, typ: string | undefined): Caller {
  const { aud, sub = '', scope, sid, exp = 0 } = payload
  if (aud === accessAudience && typ === 'at+jwt') {
    const scopes = new Set(typeof scope === 'string' ? scope.split(' ').filter(Boolean) : [])
    return { kind: 'user', userId: sub, sessionId: String(sid ?? ''), scopes, expiresAt: new Date(exp * 1000) }
  }
  if (aud === internalAudience && typ === 'internal+jwt' && sub.startsWith('service:')) {
    return { kind: 'service', service: sub.slice('service:'.length) }
  }
  throw unauthenticated('TOKEN_INVALID', `This is no access token. ${howToLogIn}`)
}

function tokenError(error: unknown): ServiceError {
  if (error instanceof errors.JWTExpired) {
    return unauthenticated(
      'TOKEN_EXPIRED',
      'The access token has expired. Get a new one with POST /api/v1/auth/refresh.',
    )
  }
  return unauthenticated('TOKEN_INVALID', `The access token is not valid here. ${howToLogIn}`)
}

/** @throws ServiceError when the policy does not let the caller in. Without a policy, nobody is. */
export function authorize(policy: MethodPolicy | undefined, caller: Caller): void {
  const access = policy?.access
  if (access?.case === 'public' && access.value) return
  if (caller.kind === 'service') {
    if (policy?.callers.some(name => name === '*' || name === caller.service)) return
    throw permissionDenied('CALLER_NOT_ALLOWED', `The service ${caller.service} may not call this method.`)
  }
  if (!access?.case || access.case === 'internal' || access.case === 'public') {
    throw permissionDenied('CALLER_NOT_ALLOWED', 'This method is for services only.')
  }
  if (caller.kind === 'anonymous') throw unauthenticated('TOKEN_MISSING', `This needs an access token. ${howToLogIn}`)
  if (access.case === 'scope' && !caller.scopes.has(access.value)) {
    throw permissionDenied('SCOPE_MISSING', `This needs the scope ${access.value}, which the access token lacks.`, {
      scope: access.value,
    })
  }
}
