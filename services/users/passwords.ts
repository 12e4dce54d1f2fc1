/**
 * Passwords: argon2id hashes, made by as many at a time as there are cores, and what is too easy to guess.
 */
import { availableParallelism } from 'node:os'
import { hash, parseOptions, verify } from '@node-rs/argon2'
import { invalidArgument, resourceExhausted } from '@site11/runtime/errors.ts'
import { commonPasswords } from './common-passwords.ts'
import { normalizeEmail } from './user.ts'

/** OWASP's first choice for argon2id; memory in KiB. The library's default algorithm is argon2id. */
const parameters = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

export interface Passwords {
  /** @returns the hash to keep, a PHC string. */
  hash(password: string): Promise<string>
  /**
   * @param kept the hash, or undefined when there is none: takes as long and answers false.
   * @param admit is asked when the turn has come, so that attempts that waited together are judged one after the other. It
   * may throw.
   */
  verify(kept: string | undefined, password: string, admit?: () => Promise<void>): Promise<boolean>
  /** Whether a hash was made with weaker parameters than those of today. */
  isOutdated(kept: string): boolean
}

/**
 * Every function throws RESOURCE_EXHAUSTED OVERLOADED when `maxWaiting` hashes wait already.
 * @param concurrency hashes at a time. Each takes 19 MiB and a core.
 */
export function createPasswords({ concurrency = availableParallelism(), maxWaiting = 64 } = {}): Passwords {
  const inTurn = createSemaphore(concurrency, maxWaiting)
  const ofNobody = hash('nobody has this password', parameters)
  return {
    hash: password => inTurn(() => hash(canonical(password), parameters)),
    verify: (kept, password, admit) =>
      inTurn(async () => {
        await admit?.()
        const matches = await verify(kept ?? (await ofNobody), canonical(password))
        return kept !== undefined && matches
      }),
    isOutdated(kept) {
      const { memoryCost, timeCost } = parseOptions(kept)
      return memoryCost < parameters.memoryCost || timeCost < parameters.timeCost
    },
  }
}

/** The same characters typed on another keyboard may be other code points. */
const canonical = (password: string) => password.normalize('NFC')

/** @returns a function that runs tasks, at most `slots` at once and the others in the order they came. */
function createSemaphore(slots: number, maxWaiting: number) {
  const waiting: (() => void)[] = []
  let free = slots
  return async <T>(task: () => Promise<T>): Promise<T> => {
    if (free > 0) free--
    else if (waiting.length < maxWaiting) await new Promise<void>(turn => waiting.push(turn))
    else throw resourceExhausted('OVERLOADED', 'Too many passwords are being checked now. Try again in a moment.', 1000)
    try {
      return await task()
    } finally {
      // A slot goes to the next in line without becoming free in between.
      const next = waiting.shift()
      if (next) next()
      else free++
    }
  }
}

/** A local part shorter than this stands in too many good passwords. */
const minLocalPart = 4

/**
 * @param field the field of the request that holds the password.
 * @throws ServiceError INVALID_ARGUMENT WEAK_PASSWORD when the password is among those everybody guesses, has fewer than
 * three different characters, or contains the local part of the e-mail address.
 */
export function requireStrong(password: string, email: string, field: 'password' | 'new_password'): void {
  const lower = canonical(password).toLowerCase()
  const [localPart = ''] = normalizeEmail(email).split('@')
  const why =
    commonPasswords.has(lower) || new Set(lower).size < 3
      ? 'is one that everybody guesses'
      : localPart.length >= minLocalPart && lower.includes(localPart)
        ? 'contains the e-mail address'
        : undefined
  if (!why) return
  const description = `This password ${why}. Choose another one, such as four unrelated words.`
  throw invalidArgument('WEAK_PASSWORD', description, [{ field, description }])
}
