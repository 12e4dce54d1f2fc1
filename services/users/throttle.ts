/**
 * Slows down the guessing of passwords. Failures are counted for an account from one client address, and for the account as a
 * whole with a far higher limit; past the limit each failure makes the next attempt wait longer. An address that has signed in to
 * the account before is not held up by what others do, so that nobody can lock the owner out.
 */
import { createHash } from 'node:crypto'
import { resourceExhausted } from '@site11/runtime/errors.ts'
import type { Counters } from './counters.ts'

export interface Throttle {
  /** @throws ServiceError RESOURCE_EXHAUSTED THROTTLED with the time to wait. */
  admit(attempt: Attempt): Promise<void>
  /**
   * @returns whether from this failure on attempts are slowed down that were not before: those from its address, or all. However long
   * somebody tries, this is so for few: as many addresses as fail before all are slowed down, and that.
   */
  failed(attempt: Attempt): Promise<boolean>
  succeeded(attempt: Attempt): Promise<void>
  /** @returns whether a link for a new password is asked for after an hour without. */
  firstReset(email: string): Promise<boolean>
}

/** Unknown accounts are throttled as known ones are, hence the address that was typed and not a user. */
export interface Attempt {
  /** Normalised e-mail address. */
  email: string
  clientAddress: string
}

interface Limit {
  /** Failures without a wait. */
  free: number
  /** Longest wait, ms. */
  maxWaitMs: number
}

const second = 1000
const hour = 3600 * second
/** Failures are forgotten this long after the last one. */
const memoryMs = 24 * hour
/** How long an address is known for after it signed in. */
const knownMs = 90 * 24 * hour
export const limits = {
  address: { free: 5, maxWaitMs: hour / 4 },
  account: { free: 100, maxWaitMs: 60 * second },
} satisfies Record<string, Limit>

/** @returns how long the next attempt must wait after so many failures in a row: 1 s, doubling. */
export function waitAfter(failures: number, { free, maxWaitMs }: Limit): number {
  return failures < free ? 0 : Math.min(maxWaitMs, second * 2 ** Math.min(failures - free, 30))
}

export function createThrottle(counters: Counters): Throttle {
  return {
    async admit(attempt) {
      const { address, account, known } = keysOf(attempt)
      const [addressMs, accountMs, knownForMs] = await counters.remainingMs([address.wait, account.wait, known])
      const waitMs = Math.max(addressMs ?? 0, knownForMs ? 0 : (accountMs ?? 0))
      if (waitMs <= 0) return
      const seconds = Math.ceil(waitMs / second)
      throw resourceExhausted('THROTTLED', `Too many failed attempts. Try again in ${seconds} s.`, seconds * second)
    },
    async failed(attempt) {
      const { address, account } = keysOf(attempt)
      const [ofAddress = 0, ofAccount = 0] = await counters.increment([address.failures, account.failures], memoryMs)
      const waits = [
        { key: address.wait, ms: waitAfter(ofAddress, limits.address) },
        { key: account.wait, ms: waitAfter(ofAccount, limits.account) },
      ]
      await counters.set(waits.filter(({ ms }) => ms > 0))
      const isLast = ofAccount === limits.account.free
      return isLast || (ofAccount < limits.account.free && ofAddress === limits.address.free)
    },
    async succeeded(attempt) {
      const { address, known } = keysOf(attempt)
      await counters.set([{ key: known, ms: knownMs }], [address.failures, address.wait])
    },
    async firstReset(email) {
      const [count] = await counters.increment([`${accountKey(email)}:resets`], hour)
      return count === 1
    },
  }
}

/** Addresses of people do not stand in Redis in clear. */
const accountKey = (email: string) => `users:throttle:${createHash('sha256').update(email).digest('base64url')}`

function keysOf({ email, clientAddress }: Attempt) {
  const account = accountKey(email)
  const address = `${account}:${clientAddress}`
  return {
    account: { failures: `${account}:failures`, wait: `${account}:wait` },
    address: { failures: `${address}:failures`, wait: `${address}:wait` },
    known: `${address}:known`,
  }
}
