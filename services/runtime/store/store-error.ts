/** What the errors of the MongoDB driver mean to a service. */
import {
  MongoBulkWriteError,
  MongoClientClosedError,
  MongoError,
  MongoNetworkError,
  MongoNotConnectedError,
  MongoOperationTimeoutError,
  MongoServerError,
  MongoServerSelectionError,
  MongoTopologyClosedError,
} from 'mongodb'
import { unavailable } from '../errors.ts'

/** A write was refused because a unique index has its key already. */
export class DuplicateKeyError extends Error {
  /** Name of the index, as given to `ensureIndexes`; `_id_` for the id. */
  readonly index: string

  constructor(index: string) {
    // The driver's message holds the value, which may be personal.
    super(`a document with this key is in the index ${index} already`)
    this.name = 'DuplicateKeyError'
    this.index = index
  }
}

/** Ends an index's own name; what follows tells one definition from another. See `ensureIndexes`. */
export const DEFINITION_MARK = '~'

export const DUPLICATE_KEY = 11000

/** Codes by which a server says that it cannot serve now, or that a write is not known to be safe. */
const NOT_NOW = new Set([
  6, // HostUnreachable
  7, // HostNotFound
  64, // WriteConcernFailed
  89, // NetworkTimeout
  91, // ShutdownInProgress
  134, // ReadConcernMajorityNotAvailableYet
  189, // PrimarySteppedDown
  262, // ExceededTimeLimit
  9001, // SocketException
  10107, // NotWritablePrimary
  11600, // InterruptedAtShutdown
  11602, // InterruptedDueToReplStateChange
  13435, // NotPrimaryNoSecondaryOk
  13436, // NotPrimaryOrSecondary
])

/** A socket that ends at the wrong moment comes through the driver as it is. */
const BROKEN_SOCKET = new Set([
  'EPIPE',
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'ETIMEDOUT',
  'ERR_STREAM_DESTROYED',
])

/** @returns whether the database could not be reached, or could not serve. A write may have been done nevertheless. */
export function isUnreachable(error: unknown): boolean {
  if (
    error instanceof MongoNetworkError ||
    error instanceof MongoServerSelectionError ||
    error instanceof MongoNotConnectedError ||
    error instanceof MongoTopologyClosedError ||
    error instanceof MongoClientClosedError ||
    error instanceof MongoOperationTimeoutError ||
    (error instanceof MongoError && error.name === 'MongoWaitQueueTimeoutError')
  )
    return true
  if (error instanceof Error && 'code' in error && BROKEN_SOCKET.has(String(error.code))) return true
  if (!(error instanceof MongoServerError)) return false
  // A bulk write wraps the error that ended it.
  if (error instanceof MongoBulkWriteError && isUnreachable(error.errorResponse)) return true
  return NOT_NOW.has(Number(error.code))
}

/**
 * Puts an error of the driver into the terms of a service: UNAVAILABLE with DEPENDENCY_UNAVAILABLE when the database cannot be
 * reached, DuplicateKeyError for a unique index. Every other error is returned as it is.
 */
export function storeError(error: unknown): unknown {
  if (isUnreachable(error)) return unavailable('The database cannot be reached. Try again in a moment.')
  if (error instanceof MongoServerError && error.code === DUPLICATE_KEY) return duplicateKeyError(error.message)
  return error
}

/** @param message the server's: it names the index, which the driver's error objects do not always. */
export function duplicateKeyError(message: string): DuplicateKeyError {
  const name = /\bindex: (\S+) dup key/.exec(message)?.[1] ?? ''
  return new DuplicateKeyError(name.split(DEFINITION_MARK)[0] ?? name)
}

/**
 * @param error of an unordered insertMany.
 * @returns how many documents were there already, when that is all that was wrong; undefined when anything else was. A connection that is
 * lost comes as a bulk error too, with no document at fault.
 */
export function duplicatesIn(error: unknown): number | undefined {
  if (!(error instanceof MongoBulkWriteError) || error.result.getWriteConcernError()) return undefined
  const errors = [error.writeErrors].flat()
  return errors.length > 0 && errors.every(({ code }) => code === DUPLICATE_KEY) ? errors.length : undefined
}
