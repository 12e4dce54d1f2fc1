/**
 * One-time links, in the collection `links`. The token is in the mail only; what is kept is its hash.
 *
 *   { _id: '<user id>/<kind>', hash, email, passwordVersion, sentTime, expireTime }
 *
 * One of a kind for each user: a new link takes the place of the old one. A link is for the address it was mailed to, and one for a
 * new password also for the password that it replaces: whoever redeems it must check that the user still has both.
 */
import { createHash, randomBytes } from 'node:crypto'
import { invalidArgument, type ServiceError } from '@site11/runtime/errors.ts'
import type { Log } from '@site11/runtime/log.ts'
import { ensureIndexes, type IndexSpec } from '@site11/runtime/store/indexes.ts'
import { DuplicateKeyError, storeError } from '@site11/runtime/store/store-error.ts'
import type { Db } from 'mongodb'
import type { UserRecord } from './user.ts'

export type LinkKind = 'reset' | 'verification'

interface LinkDocument {
  _id: string
  hash: string
  email: string
  passwordVersion: number
  sentTime: Date
  expireTime: Date
}

export interface Redeemed {
  userId: string
  /** The address that the link was mailed to, and the password's version then. */
  email: string
  passwordVersion: number
}

export interface Links {
  /** @returns a new token, or the ms until the next may be made: one a minute for each user and kind. */
  issue(kind: LinkKind, user: UserRecord, now: Date): Promise<{ token: string } | { waitMs: number }>
  /** Tells what a token stands for. Throws LINK_INVALID when it is not good any more. */
  look(kind: LinkKind, token: string, now: Date): Promise<Redeemed>
  /** The same, and the token is used up: of many that try only one gets through. */
  redeem(kind: LinkKind, token: string, now: Date): Promise<Redeemed>
}

const minute = 60_000
const lifetimeMs: Record<LinkKind, number> = { reset: 60 * minute, verification: 24 * 60 * minute }
const paths: Record<LinkKind, string> = { reset: 'reset-password', verification: 'verify-email' }

const indexes: IndexSpec[] = [
  { name: 'hash', key: { hash: 1 }, unique: true },
  { name: 'expire', key: { expireTime: 1 }, expireAfterSeconds: 0 },
]

/** @returns the link to mail. The token is in the fragment, which browsers send to no server and so stands in no log. */
export function linkOf(publicUrl: string, kind: LinkKind, token: string): string {
  return `${publicUrl.replace(/\/+$/, '')}/${paths[kind]}#token=${token}`
}

export async function createLinks(db: Db, log: Log): Promise<Links> {
  const links = db.collection<LinkDocument>('links')
  await ensureIndexes(links, indexes, log)
  // The TTL monitor is late by up to a minute.
  const living = (kind: LinkKind, token: string, now: Date) => ({
    hash: hashOf(kind, token),
    expireTime: { $gt: now },
  })
  return {
    async issue(kind, { _id: userId, email, passwordVersion }, now) {
      const _id = `${userId}/${kind}`
      const token = randomBytes(32).toString('base64url')
      const expireTime = new Date(now.getTime() + lifetimeMs[kind])
      const link = { hash: hashOf(kind, token), email, passwordVersion, sentTime: now, expireTime }
      try {
        // With a link younger than a minute, nothing matches and the insertion meets its _id.
        const old = { _id, sentTime: { $lte: new Date(now.getTime() - minute) } }
        await links.replaceOne(old, link, { upsert: true })
        return { token }
      } catch (error) {
        const known = storeError(error)
        if (!(known instanceof DuplicateKeyError)) throw known
        const young = await translated(links.findOne({ _id }))
        return { waitMs: young ? Math.max(1000, young.sentTime.getTime() + minute - now.getTime()) : 1000 }
      }
    },
    look: async (kind, token, now) => redeemed(await translated(links.findOne(living(kind, token, now)))),
    redeem: async (kind, token, now) => redeemed(await translated(links.findOneAndDelete(living(kind, token, now)))),
  }
}

const translated = <T>(operation: Promise<T>): Promise<T> =>
  operation.catch(error => {
    throw storeError(error)
  })

function redeemed(link: LinkDocument | null): Redeemed {
  if (!link) throw linkInvalid()
  const { _id, email, passwordVersion } = link
  return { userId: _id.slice(0, _id.indexOf('/')), email, passwordVersion }
}

export function linkInvalid(): ServiceError {
  const message = 'The link was used, has expired or is damaged. Ask for a new one.'
  return invalidArgument('LINK_INVALID', message, [{ field: 'token', description: message }])
}

const hashOf = (kind: LinkKind, token: string) => createHash('sha256').update(`${kind}/${token}`).digest('base64url')
