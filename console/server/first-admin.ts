/**
 * Makes the first admin: without one, nobody could appoint any. Every step may be repeated, so a start that is cut short is
 * finished by the next one.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { status } from '@grpc/grpc-js'
import { User } from '@site11/proto/grpc/site11/users/v1/user.ts'
import { ListUsersRequest, type UsersServiceService } from '@site11/proto/grpc/site11/users/v1/users_service.ts'
import type { ClientOf } from '@site11/runtime/client.ts'
import { ServiceError } from '@site11/runtime/errors.ts'
import type { Log } from '@site11/runtime/log.ts'
import { z } from 'zod'

export interface FirstAdminOptions {
  users: Pick<ClientOf<typeof UsersServiceService>, 'listUsers' | 'createUser' | 'verifyPassword' | 'setUserRoles'>
  /** Folder of the local state: the account is kept there in `admin.json`, for its owner's eyes only. */
  home: string
  /** What the operator wants; else the address is admin@site11.local and the password generated. */
  email: string | undefined
  password: string | undefined
  log: Log
  signal: AbortSignal
}

/** The address of the first admin when the operator names none. */
export const defaultAdmin = 'admin@site11.local'

interface Account {
  email: string
  password: string
}

/**
 * Sees to it that there is an admin, however long it takes; ends early when `signal` is aborted.
 * @param tell learns what keeps the admin from being made, and undefined when there is one.
 */
export async function ensureAdmin(
  options: FirstAdminOptions,
  tell: (problem: string | undefined) => void,
): Promise<void> {
  const { log, signal } = options
  let told = ''
  tell('The first admin is not made yet.')
  for (let attempt = 0; !signal.aborted; attempt++) {
    try {
      await makeAdmin(options)
      return tell(undefined)
    } catch (error) {
      const passes = error instanceof ServiceError && passing.has(error.code)
      const problem = `The first admin could not be made: ${error instanceof Error ? error.message : String(error)}`
      // Users takes a moment to come: that is worth a word only when it lasts.
      if (problem !== told && (!passes || attempt >= 20)) {
        log[passes ? 'warn' : 'error'](problem)
        tell(problem)
        told = problem
      }
      const pauseMs = passes ? Math.min(500, 50 * 2 ** Math.min(attempt, 5)) : 5000
      await wait(pauseMs, undefined, { signal, ref: false }).catch(() => {})
    }
  }
}

const passing = new Set([status.UNAVAILABLE, status.DEADLINE_EXCEEDED, status.RESOURCE_EXHAUSTED, status.ABORTED])

async function makeAdmin({ users, home, email, password, log }: FirstAdminOptions): Promise<void> {
  const admins = await users.listUsers(ListUsersRequest.fromPartial({ pageSize: 1, filter: 'roles:admin' }))
  if (admins.users.length > 0) return
  const path = join(home, 'admin.json')
  const account = await accountIn(path, email, password)
  const id = await idOf(account, users)
  await users.setUserRoles({ id, roles: ['admin'], etag: '' })
  log.info({ email: account.email, keptIn: path }, 'made the first admin')
}

/** @returns the account in the file, after bringing the file into accord with what the operator wants. */
async function accountIn(path: string, email: string | undefined, password: string | undefined): Promise<Account> {
  const kept = await readAccount(path)
  const wanted = {
    email: email ?? kept?.email ?? defaultAdmin,
    password:
      password ??
      (kept && (email === undefined || email === kept.email) ? kept.password : randomBytes(18).toString('base64url')),
  }
  if (kept?.email === wanted.email && kept.password === wanted.password) return kept
  await mkdir(join(path, '..'), { recursive: true })
  // Whole or not at all: a half-written file would lose the password of an account that exists.
  await writeFile(`${path}.new`, `${JSON.stringify(wanted, undefined, 2)}\n`, { mode: 0o600 })
  await rename(`${path}.new`, path)
  return wanted
}

async function readAccount(path: string): Promise<Account | undefined> {
  const text = await readFile(path, 'utf8').catch(error => {
    if (error.code === 'ENOENT') return undefined
    throw new Error(`${path} cannot be read: ${error.message}`)
  })
  if (text === undefined) return undefined
  try {
    return z.object({ email: z.string().min(3), password: z.string().min(8) }).parse(JSON.parse(text))
  } catch {
    throw new Error(
      `${path} is damaged: it must be {"email": "...", "password": "..."}. Mend it, or remove it to have another made.`,
    )
  }
}

/** @returns the id of the user of the account, made now or by a start before that did not come further. */
async function idOf({ email, password }: Account, users: FirstAdminOptions['users']): Promise<string> {
  try {
    const user = User.fromPartial({ email, displayName: 'Admin' })
    const made = await users.createUser({ user, password, requestId: '', validateOnly: false })
    return made.user?.id ?? ''
  } catch (error) {
    if (!(error instanceof ServiceError) || error.details.reason !== 'EMAIL_TAKEN') throw error
  }
  // Whoever registered this address before us does not become admin by that: the password must be ours.
  const verified = await users.verifyPassword({ email, password, clientAddress: '' }).catch(error => {
    if (!(error instanceof ServiceError) || error.details.reason !== 'BAD_CREDENTIALS') throw error
    throw new Error(
      `A user ${email} exists, with another password than the one kept. Name another address in SITE11_ADMIN_EMAIL.`,
    )
  })
  return verified.state?.user?.id ?? ''
}
