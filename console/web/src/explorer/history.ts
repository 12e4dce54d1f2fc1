/** Calls that were made from the explorer, kept in this browser, each user's own. Secrets of requests are not among what is kept. */
import type { JsonObject } from '@bufbuild/protobuf'

export interface PastCall {
  /** `package.Service/Method` */
  method: string
  /** Undefined when it was too large to keep. */
  request?: JsonObject
  /** When it was sent, in ms since the epoch. */
  time: number
  /** The gRPC status, such as `OK`, or `STOPPED` for a call that was ended here. */
  code: string
  /** How long it took. */
  ms: number
  /** Messages received. */
  count: number
}

const limit = 50
const maxRequestLength = 8_000

const keyOf = (userId: string) => `site11-calls-${userId}`

/** @returns the calls, the last one first. What is stored in another form is none. */
export function pastCalls(storage: Pick<Storage, 'getItem'>, userId: string): PastCall[] {
  try {
    const stored: unknown = JSON.parse(storage.getItem(keyOf(userId)) ?? '[]')
    return Array.isArray(stored) ? stored.filter(isPastCall) : []
  } catch {
    return []
  }
}

/** @returns the calls with a new one. A storage that is full or closed keeps nothing, which breaks nothing. */
export function remember(storage: Pick<Storage, 'getItem' | 'setItem'>, userId: string, call: PastCall): PastCall[] {
  const { request, ...rest } = call
  const isSmall = JSON.stringify(request ?? {}).length <= maxRequestLength
  const calls = [isSmall && request ? { ...rest, request } : rest, ...pastCalls(storage, userId)].slice(0, limit)
  try {
    storage.setItem(keyOf(userId), JSON.stringify(calls))
  } catch {
    // Full.
  }
  return calls
}

export const forget = (storage: Pick<Storage, 'removeItem'>, userId: string) => storage.removeItem(keyOf(userId))

function isPastCall(value: unknown): value is PastCall {
  if (typeof value !== 'object' || value === null) return false
  const { method, time, code } = value as Partial<PastCall>
  return typeof method === 'string' && typeof time === 'number' && typeof code === 'string'
}
