/**
 * Page tokens: the place after the last document of a page, sealed (AES-256-GCM). So a client can neither read the value that the
 * list is ordered by, which may be personal, nor alter it, nor go on with it in another list.
 */
import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, randomBytes } from 'node:crypto'
import { BSON } from 'mongodb'
import { invalidArgument } from '../errors.ts'

export interface Place {
  /** Value of the field that the list is ordered by. */
  value: unknown
  id: unknown
}

export interface PageTokens {
  /** @param list identifies the list: JSON of whatever says which documents it has, and in which order. */
  seal(place: Place, list: unknown): string
  /** @throws ServiceError INVALID_ARGUMENT with INVALID_PAGE_TOKEN when the token was not sealed for this list. */
  open(token: string, list: unknown): Place
}

const CIPHER = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** @param secret the same for all instances of a service. */
export function createPageTokens(secret: string): PageTokens {
  // As a KeyObject: to make one of the bytes costs more than to encrypt a place.
  const key = createSecretKey(Buffer.from(hkdfSync('sha256', secret, '', 'site11 page token v1', 32)))
  const bytesOf = (list: unknown) => Buffer.from(JSON.stringify(list))
  return {
    seal(place, list) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv(CIPHER, key, nonce).setAAD(bytesOf(list))
      const sealed = Buffer.concat([cipher.update(BSON.serialize({ v: place.value, i: place.id })), cipher.final()])
      return Buffer.concat([nonce, sealed, cipher.getAuthTag()]).toString('base64url')
    },
    open(token, list) {
      try {
        const bytes = Buffer.from(token, 'base64url')
        if (bytes.toString('base64url') !== token) throw new Error('not base64url')
        const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
        decipher.setAAD(bytesOf(list)).setAuthTag(bytes.subarray(-TAG_BYTES))
        const place = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()])
        const { v: value, i: id } = BSON.deserialize(place)
        return { value, id }
      } catch {
        const message =
          'The page token is damaged or belongs to another list. Send what asked for the page before, or start without a token.'
        throw invalidArgument('INVALID_PAGE_TOKEN', message, [{ field: 'page_token', description: message }])
      }
    },
  }
}
