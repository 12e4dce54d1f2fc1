/** Etags (AIP-154) made of a document's `version`, a whole number that every write increments. */
import { aborted } from '../errors.ts'

const PREFIX = 'v'

/** @returns the etag of a document with this version. To clients it is opaque. */
export function etagOf(version: number): string {
  return PREFIX + version.toString(36)
}

/**
 * @returns what to add to the filter of a write, so that it finds the document only as the caller saw it: nothing when the
 * caller sent no etag.
 * @throws ServiceError ABORTED with ETAG_MISMATCH when no document can have the etag.
 */
export function etagFilter(etag: string): { version?: number } {
  if (etag === '') return {}
  const version = Number.parseInt(etag.slice(PREFIX.length), 36)
  if (etagOf(version) !== etag) throw etagMismatch()
  return { version }
}

/**
 * Checks the etag a caller sent, if any, against a document's version.
 * @throws ServiceError ABORTED with ETAG_MISMATCH.
 */
export function checkEtag(etag: string, version: number): void {
  if (etag !== '' && etag !== etagOf(version)) throw etagMismatch()
}

/** @returns the error for a write by `etagFilter` that found the document changed. */
export function etagMismatch() {
  return aborted(
    'ETAG_MISMATCH',
    'It was changed since you read it. Read it again, and repeat the change with the new etag.',
  )
}
