/**
 * The keys that tokens are signed with: ES256, made at the first start, renewed by themselves.
 *
 * Collection `keys`: `_id` kid (RFC 7638 thumbprint), `publicJwk`, `sealed` (the private JWK, encrypted, base64), `createTime`, `signTime`.
 */

import type { Log } from '@site11/runtime/log.ts'
import { seal, unseal } from '@site11/runtime/store/seal.ts'
import {
  type CryptoKey,
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JSONWebKeySet,
  type JWK,
} from 'jose'
import type { Collection, Db } from 'mongodb'
import { StartError } from '../start-error.ts'
import {
  type KeyPlan,
  type KeyTimes,
  nextStep,
  planOf,
  type RotationStep,
  ringAt,
  type Succession,
  successionOf,
} from './ring.ts'

interface KeyDocument {
  _id: string
  publicJwk: JWK
  sealed: string
  createTime: Date
  signTime?: Date
}

interface Key extends KeyTimes {
  publicJwk: JWK
  privateKey: CryptoKey
}

export interface SigningKeys {
  /** The public keys that tokens in use may be signed with. */
  jwks(): JSONWebKeySet
  /** The key to sign with now. */
  signer(): { kid: string; privateKey: CryptoKey }
  /** Takes the rotation a step further when one is due. Called now and then; fails when the store does. */
  rotate(): Promise<void>
  /** Begins a rotation now, unless one is under way. @returns the key that will sign, from when on, and until when the present one counts. */
  succeed(): Promise<Succession>
  /** What each key does and when, the newest first. */
  plan(): KeyPlan[]
  /** Called after each change of the JWKS. */
  onChange(listener: () => void): void
}

export interface KeysOptions {
  db: Db
  /** 32 bytes. */
  secretKey: Buffer
  log: Log
  now?: () => number
}

/**
 * Loads the keys, and makes the first.
 * @throws StartError when the stored keys cannot be decrypted with `secretKey`.
 */
export async function loadKeys({ db, secretKey, log, now = Date.now }: KeysOptions): Promise<SigningKeys> {
  const collection = db.collection<KeyDocument>('keys')
  const loadedMs = now()
  let keys = await readAll(collection, secretKey)
  const listeners: (() => void)[] = []
  if (keys.length === 0) {
    keys = [await create(collection, secretKey, new Date(now()), new Date(now()))]
    log.info({ kid: keys[0]?.kid }, 'made the first signing key')
  }

  async function step(due: RotationStep | undefined) {
    if (!due) return false
    if (due.do === 'create') keys = [...keys, await create(collection, secretKey, new Date(now()))]
    if (due.do === 'sign') {
      const signTime = new Date(now())
      await collection.updateOne({ _id: due.kid }, { $set: { signTime } })
      keys = keys.map(key => (key.kid === due.kid ? { ...key, signTime } : key))
    }
    if (due.do === 'remove') {
      await collection.deleteMany({ _id: { $in: due.kids } })
      keys = keys.filter(key => !due.kids.includes(key.kid))
    }
    log.info({ step: due }, 'rotated the signing keys')
    for (const listener of listeners) listener()
    return true
  }

  const ring = () => {
    const found = ringAt(keys, now())
    if (!found) throw new Error('There is no signing key.')
    return found
  }
  return {
    jwks() {
      const { published } = ring()
      return { keys: published.flatMap(kid => keys.filter(key => key.kid === kid).map(key => key.publicJwk)) }
    },
    signer() {
      const { signing } = ring()
      const key = keys.find(each => each.kid === signing)
      if (!key) throw new Error(`The signing key ${signing} is not loaded.`)
      return key
    },
    async rotate() {
      while (await step(nextStep(keys, now(), loadedMs)));
    },
    async succeed() {
      if (!successionOf(keys, loadedMs)) await step({ do: 'create' })
      const found = successionOf(keys, loadedMs)
      if (!found) throw new Error('There is no key that was made last.')
      return found
    },
    plan: () => planOf(keys, now(), loadedMs),
    onChange: listener => void listeners.push(listener),
  }
}

async function create(
  collection: Collection<KeyDocument>,
  secretKey: Buffer,
  createTime: Date,
  signTime?: Date,
): Promise<Key> {
  const pair = await generateKeyPair('ES256', { extractable: true })
  const bare = await exportJWK(pair.publicKey)
  const kid = await calculateJwkThumbprint(bare)
  const publicJwk: JWK = { ...bare, kid, alg: 'ES256', use: 'sig' }
  const sealed = seal(secretKey, purposeOf(kid), JSON.stringify(await exportJWK(pair.privateKey))).toString('base64')
  const times = { createTime, ...(signTime && { signTime }) }
  await collection.insertOne({ _id: kid, publicJwk, sealed, ...times })
  return { kid, publicJwk, privateKey: pair.privateKey, ...times }
}

async function readAll(collection: Collection<KeyDocument>, secretKey: Buffer): Promise<Key[]> {
  const documents = await collection.find().toArray()
  return Promise.all(
    documents.map(async ({ _id: kid, publicJwk, sealed, createTime, signTime }) => {
      const text = unseal(secretKey, purposeOf(kid), Buffer.from(sealed, 'base64'))
      if (text === undefined) throw wrongSecret(kid)
      const privateKey = (await importJWK(JSON.parse(text), 'ES256')) as CryptoKey
      return { kid, publicJwk, privateKey, createTime, ...(signTime && { signTime }) }
    }),
  )
}

const purposeOf = (kid: string) => `signing key ${kid}`

const wrongSecret = (kid: string) =>
  new StartError(
    `The signing key ${kid} in the Console's database was encrypted with another SITE11_SECRET_KEY. ` +
      'Set SITE11_SECRET_KEY to its former value. If that is lost, drop the collection "keys" of that database: new keys are made, and everybody is asked to log in again.',
  )
