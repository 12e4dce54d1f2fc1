/** Accounts and tokens for tests. Every test makes its own users, so that none depends on another. */
import { randomUUID } from 'node:crypto'
import type { LoginResponse, RegisterResponse } from '@site11/proto/es/site11/console/v1/auth_service_pb.ts'
import type { User } from '@site11/proto/es/site11/users/v1/user_pb.ts'
import { apiOver, mesh, type TokenSource } from './api.ts'

export const password = 'correct horse battery 말'
export const newEmail = () => `${randomUUID()}@example.org`

const tokenLifeMs = 4 * 60_000

/** @returns a source of access tokens that logs in again before the last one expires. */
export function tokensOf(credentials: { email: string; password: string }): TokenSource {
  let token: Promise<string> | undefined
  let since = 0
  return () => {
    if (token === undefined || Date.now() - since > tokenLifeMs) {
      since = Date.now()
      token = login(credentials).then(({ accessToken }) => accessToken)
      token.catch(() => {
        token = undefined
      })
    }
    return token
  }
}

/** Signs in over REST. */
export async function login(credentials: { email: string; password: string }): Promise<LoginResponse> {
  return apiOver('REST').auth.login(credentials)
}

/** The first admin, who may do everything. */
export const admin = tokensOf(mesh.admin)

/** @returns a new user with the role `user`, who can sign in, and the session it began with. */
export async function register(
  email = newEmail(),
): Promise<{ email: string; password: string; session: RegisterResponse }> {
  const session = await apiOver('REST').auth.register({ email, password, displayName: 'Someone' })
  return { email, password, session }
}

/** @returns a new user without a session. */
export async function createUser(
  user: { email?: string; displayName?: string; profile?: Record<string, string> } = {},
): Promise<User> {
  const created = await apiOver('REST', admin).users.createUser({ user: { email: newEmail(), ...user }, password })
  if (!created.user) throw new Error('CreateUser gave no user.')
  return created.user
}
