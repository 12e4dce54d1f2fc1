import type { UserRecord } from './user.ts'

/** A user with its secrets and what finds it. */
export interface UserDocument extends UserRecord {
  passwordHash?: string
  search: string[]
  requestKey?: string
  requestHash?: string
}

/** Fields that stay in the database when users are read. */
export const hidden = ['passwordHash', 'search', 'requestKey', 'requestHash'] as const
