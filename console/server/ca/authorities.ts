/**
 * The authorities that certificates inside the mesh are signed by: made at the first start, renewed by themselves in the order of
 * keys/ring.ts. Everybody believes all of them; the newest that everybody has signs.
 *
 * Collection `authorities`: `_id` the name, which is in its certificate, `certificate` (PEM), `sealed` (its key, PKCS #8, encrypted,
 * base64), `createTime`, `signTime`.
 */
import { createPrivateKey, type KeyObject, randomBytes, X509Certificate } from 'node:crypto'
import type { Log } from '@site11/runtime/log.ts'
import { type Peer, peerName, spiffeIdOf } from '@site11/runtime/spiffe.ts'
import { seal, unseal } from '@site11/runtime/store/seal.ts'
import type { Db } from 'mongodb'
import {
  type KeyPlan,
  type KeyTimes,
  nextStep,
  planOf,
  type Rotation,
  type RotationStep,
  ringAt,
  type Succession,
  successionOf,
} from '../keys/ring.ts'
import { StartError } from '../start-error.ts'
import { type Authority, createAuthority, issueLeaf } from './x509.ts'

interface Document {
  _id: string
  certificate: string
  sealed: string
  createTime: Date
  signTime?: Date
}

interface Known extends KeyTimes, Authority {}

/** PEM. */
export interface Issued {
  chain: string
  /** The name of the authority that has signed it. */
  authority: string
  createTime: Date
  expireTime: Date
}

export interface Authorities {
  /** The certificates of all authorities that are to be believed, PEM. */
  bundle(): string
  /** The name of the authority that signs now. */
  signer(): string
  /** Issues a certificate to whoever has the key. It is valid from now on, or rather some minutes before: clocks differ. */
  issue(peer: Peer, publicKey: KeyObject, lifeMs: number): Issued
  /** What each authority does and when, and when its own certificate ends; the newest first. */
  plan(): (KeyPlan & { expireTime: Date })[]
  /** The certificates issued last and valid still, since the process started, by the SPIFFE id of their holder. */
  issued(): ReadonlyMap<string, Omit<Issued, 'chain'>>
  /** Takes the rotation a step further when one is due. Called now and then; fails when the store does. */
  rotate(): Promise<void>
  /** Begins a rotation now, unless one is under way. */
  succeed(): Promise<Succession>
  /** Called after each change of the bundle or of the signer. */
  onChange(listener: () => void): void
}

export interface AuthoritiesOptions {
  db: Db
  /** 32 bytes. */
  secretKey: Buffer
  log: Log
  now?: () => number
  times?: Rotation
}

const minute = 60_000
const day = 24 * 60 * minute
/** How long an authority is valid. */
const lifeMs = 365 * day
/** How far clocks may differ. */
const skewMs = 5 * minute

/** Those whose certificate has ended are forgotten when there are more, and when somebody asks. */
const mostHolders = 2000

/** The longest life of a certificate, that of a proxy. ms. */
export const longestLeafMs = day

const rotation: Rotation = {
  maxAgeMs: 270 * day,
  /** Attached instances and proxies have it within a second; those away from the Console read the file. */
  publishMs: 30_000,
  /** Until nothing that it has signed is valid any more. */
  retireMs: longestLeafMs + 2 * skewMs,
}

/**
 * Loads the authorities, and makes the first.
 * @throws StartError when the stored keys cannot be decrypted with `secretKey`.
 */
export async function loadAuthorities(options: AuthoritiesOptions): Promise<Authorities> {
  const { db, secretKey, log, now = Date.now, times = rotation } = options
  const collection = db.collection<Document>('authorities')
  const loadedMs = now()
  let known: Known[] = (await collection.find().toArray()).map(document => opened(document, secretKey))
  const listeners: (() => void)[] = []
  const issued = new Map<string, Omit<Issued, 'chain'>>()
  const forgetExpired = () => {
    for (const [holder, { expireTime }] of issued) if (expireTime.getTime() < now()) issued.delete(holder)
  }

  async function create(signTime?: Date) {
    const createTime = new Date(now())
    const name = `site11 ${createTime.toISOString().slice(0, 10)} ${randomBytes(4).toString('hex')}`
    const validity = { from: new Date(now() - skewMs), until: new Date(now() + lifeMs) }
    const { certificate, privateKey } = createAuthority(name, validity)
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    const sealed = seal(secretKey, purposeOf(name), pem).toString('base64')
    const given = { createTime, ...(signTime && { signTime }) }
    await collection.insertOne({ _id: name, certificate, sealed, ...given })
    known = [...known, { kid: name, certificate, privateKey, ...given }]
  }
  if (known.length === 0) {
    await create(new Date(now()))
    log.info({ authority: known[0]?.kid }, 'made the first authority of certificates')
  }

  async function step(due: RotationStep | undefined) {
    if (!due) return false
    if (due.do === 'create') await create()
    if (due.do === 'sign') {
      const signTime = new Date(now())
      await collection.updateOne({ _id: due.kid }, { $set: { signTime } })
      known = known.map(each => (each.kid === due.kid ? { ...each, signTime } : each))
    }
    if (due.do === 'remove') {
      await collection.deleteMany({ _id: { $in: due.kids } })
      known = known.filter(({ kid }) => !due.kids.includes(kid))
    }
    log.info({ step: due }, 'rotated the authorities of certificates')
    for (const listener of listeners) listener()
    return true
  }

  const signer = () => {
    const name = ringAt(known, now(), times)?.signing
    const found = known.find(({ kid }) => kid === name)
    if (!found) throw new Error('There is no authority of certificates.')
    return found
  }
  return {
    bundle: () =>
      known
        .toSorted((a, b) => (a.kid < b.kid ? -1 : 1))
        .map(({ certificate }) => certificate)
        .join(''),
    signer: () => signer().kid,
    issue(peer, publicKey, leafMs) {
      const { kid, ...authority } = signer()
      const createTime = new Date(now())
      const after = (ms: number) => new Date(createTime.getTime() + ms)
      const validity = { from: after(-skewMs), until: after(leafMs) }
      const leaf = { name: peerName(peer).slice(0, 64), uri: spiffeIdOf(peer), publicKey, validity }
      const facts = { authority: kid, createTime, expireTime: validity.until }
      if (issued.size > mostHolders) forgetExpired()
      issued.set(leaf.uri, facts)
      return { chain: issueLeaf(authority, kid, leaf), ...facts }
    },
    plan: () =>
      planOf(known, now(), loadedMs, times).map(plan => {
        const { certificate = '' } = known.find(({ kid }) => kid === plan.kid) ?? {}
        return { ...plan, expireTime: new Date(new X509Certificate(certificate).validTo) }
      }),
    issued() {
      forgetExpired()
      return issued
    },
    async rotate() {
      while (await step(nextStep(known, now(), loadedMs, times)));
    },
    async succeed() {
      if (!successionOf(known, loadedMs, times)) await step({ do: 'create' })
      const found = successionOf(known, loadedMs, times)
      if (!found) throw new Error('There is no authority that was made last.')
      return found
    },
    onChange: listener => void listeners.push(listener),
  }
}

function opened({ _id: kid, certificate, sealed, createTime, signTime }: Document, secretKey: Buffer): Known {
  const pem = unseal(secretKey, purposeOf(kid), Buffer.from(sealed, 'base64'))
  if (pem === undefined) throw wrongSecret(kid)
  return { kid, certificate, privateKey: createPrivateKey(pem), createTime, ...(signTime && { signTime }) }
}

const purposeOf = (name: string) => `authority ${name}`

const wrongSecret = (name: string) =>
  new StartError(
    `The authority "${name}" in the Console's database was encrypted with another SITE11_SECRET_KEY. ` +
      'Set SITE11_SECRET_KEY to its former value. If that is lost, drop the collection "authorities" of that database and restart the whole mesh: a new one is made.',
  )
