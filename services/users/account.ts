/**
 * The methods about signing in: passwords, and what mailed one-time links are for.
 */
import type { SignInState, UsersServiceService } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import { type Call, clientAddressOf, type Handlers, userOf } from '@site11/runtime/call.ts'
import {
  failedPrecondition,
  notFound,
  permissionDenied,
  resourceExhausted,
  unauthenticated,
} from '@site11/runtime/errors.ts'
import { type Origin, originOf } from './history.ts'
import { type LinkKind, linkInvalid, linkOf } from './links.ts'
import { requireStrong } from './passwords.ts'
import type { UsersDependencies } from './service.ts'
import type { UserStore, UserWithPassword } from './store.ts'
import type { Attempt } from './throttle.ts'
import { isDisabled, maySignIn, normalizeEmail, toUser, type UserRecord } from './user.ts'

export type AccountHandlers = Pick<
  Handlers<typeof UsersServiceService>,
  | 'requestEmailVerification'
  | 'verifyEmail'
  | 'requestPasswordReset'
  | 'resetPassword'
  | 'verifyPassword'
  | 'changePassword'
  | 'getSignInState'
>

/** @returns the user that calls. @throws ServiceError UNAUTHENTICATED when the account was deleted meanwhile. */
export async function callingUser(store: UserStore, call: Call): Promise<UserRecord> {
  const user = await store.get(userOf(call))
  if (!user || user.deleteTime) throw unauthenticated('SESSION_ENDED', 'This account was deleted.')
  return user
}

export function accountHandlers(dependencies: UsersDependencies): AccountHandlers {
  const { store, links, mail, passwords, throttle, publicUrl, log, now } = dependencies

  /** @throws ServiceError THROTTLED, OVERLOADED, or BAD_CREDENTIALS in the same words for known and unknown users. */
  async function requirePassword(
    attempt: Attempt,
    user: Pick<UserWithPassword, '_id' | 'passwordHash'> | null,
    password: string,
    traceId: string,
  ): Promise<void> {
    if (!(await passwords.verify(user?.passwordHash, password, () => throttle.admit(attempt)))) {
      const isSlowed = await throttle.failed(attempt)
      if (isSlowed && user) note(user._id, 'SIGN_IN_SLOWED', traceId)
      throw badCredentials()
    }
    await throttle.succeeded(attempt)
  }

  /** Comes after the answer, whose time must not show who has an account. */
  function note(id: string, type: Parameters<UserStore['note']>[1], traceId: string): void {
    void store.note(id, type, now(), traceId).catch(error => {
      log.warn({ err: error, type }, 'a security event could not be kept')
    })
  }

  function signInState(user: UserRecord, at = now()): SignInState {
    return { user: toUser(user, at), maySignIn: maySignIn(user, at), passwordVersion: user.passwordVersion }
  }

  /** @returns undefined when a link of this kind is younger than a minute. */
  async function newLink(kind: LinkKind, user: UserRecord): Promise<string | undefined> {
    const issued = await links.issue(kind, user, now())
    return 'token' in issued ? linkOf(publicUrl, kind, issued.token) : undefined
  }

  return {
    async requestEmailVerification(_, call) {
      const user = await callingUser(store, call)
      if (user.emailVerified) throw failedPrecondition('WRONG_STATE', 'The e-mail address is verified already.')
      const issued = await links.issue('verification', user, now())
      if ('waitMs' in issued) {
        throw resourceExhausted('THROTTLED', 'A mail was sent less than a minute ago. Look for it.', issued.waitMs)
      }
      mail.sendLink('verification', user, () => linkOf(publicUrl, 'verification', issued.token))
      return {}
    },

    async verifyEmail({ token }, { traceId }) {
      const at = now()
      const { userId, email } = await links.redeem('verification', token, at)
      await store.change(userId, '', at, byUser(userId, traceId), user => {
        if (user.deleteTime || user.email !== email) throw linkInvalid()
        return { emailVerified: true }
      })
      return {}
    },

    async requestPasswordReset({ email }, { traceId }) {
      const user = await store.findByEmail(normalizeEmail(email))
      // All else comes after the answer, whose time must not show who has an account.
      if (user) {
        mail.sendLink('reset', user, async () => {
          const link = await newLink('reset', user)
          if (link && (await throttle.firstReset(user.email))) note(user._id, 'PASSWORD_RESET_REQUESTED', traceId)
          return link
        })
      }
      return {}
    },

    async resetPassword({ token, newPassword }, call) {
      // The link is used up only when the new password is good enough, and before it is set: one of many attempts wins.
      const { userId, email, passwordVersion } = await links.look('reset', token, now())
      requireStrong(newPassword, email, 'new_password')
      const passwordHash = await passwords.hash(newPassword)
      await links.redeem('reset', token, now())
      // Who redeems the link reads the mail of this address.
      const which = { _id: userId, email, passwordVersion }
      const user = await store.setPassword(which, passwordHash, now(), byUser(userId, call.traceId), true)
      if (!user) throw linkInvalid()
      await throttle.succeeded({ email, clientAddress: clientAddressOf(call) })
      return {}
    },

    async verifyPassword({ email, password, clientAddress }, call) {
      const attempt = { email: normalizeEmail(email), clientAddress }
      const user = await store.findByEmail(attempt.email)
      await requirePassword(attempt, user, password, call.traceId)
      if (!user) throw badCredentials()
      requireEnabled(user, now())
      if (user.passwordHash && passwords.isOutdated(user.passwordHash)) {
        const better = await passwords.hash(password)
        await store.replaceHash(user._id, user.passwordHash, better, now(), originOf(call)).catch(error => {
          log.warn({ err: error }, 'a password could not be hashed anew')
        })
      }
      return { state: signInState(user) }
    },

    async changePassword({ id, currentPassword, newPassword, clientAddress }, { traceId }) {
      const user = await store.withPassword(id)
      if (!user || user.deleteTime) throw notFound('user', id)
      await requirePassword({ email: user.email, clientAddress }, user, currentPassword, traceId)
      requireEnabled(user, now())
      requireStrong(newPassword, user.email, 'new_password')
      const { _id, passwordVersion } = user
      const hash = await passwords.hash(newPassword)
      const changed = await store.setPassword({ _id, passwordVersion }, hash, now(), byUser(_id, traceId))
      // Another change came first, so what was checked is not the current password any more.
      if (!changed) throw badCredentials()
      return { state: signInState(changed) }
    },

    async getSignInState({ id }) {
      const user = await store.get(id)
      if (!user) throw notFound('user', id)
      return { state: signInState(user) }
    },
  }
}

/** Nobody but the user has the mailed link, or knows the old password. */
const byUser = (id: string, traceId: string): Origin => ({ actor: `users/${id}`, traceId })

const badCredentials = () => unauthenticated('BAD_CREDENTIALS', 'E-mail address and password do not match.')

/** Told only to those who know the password. */
function requireEnabled(user: UserRecord, now: Date): void {
  if (!isDisabled(user, now)) return
  const { disabledReason: reason, disabledUntil } = toUser(user, now)
  const until = disabledUntil?.toISOString() ?? ''
  const end = until ? ` until ${until}` : ''
  throw permissionDenied('ACCOUNT_DISABLED', `This account is disabled${end}: ${reason}`, { reason, until })
}
