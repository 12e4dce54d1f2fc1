/**
 * What a process shows to others, and whom it believes: its certificate and the authorities of the mesh. Both may change at any time;
 * new connections go by what is in force, open ones stay.
 */
import { generateKeyPair, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { PeerCertificate } from 'node:tls'
import { promisify } from 'node:util'
import { type ChannelCredentials, experimental, type ServerCredentials } from '@grpc/grpc-js'
import { type Peer, peerFrom, peerName, prefixOf } from './spiffe.ts'

type Authorities = experimental.CaCertificateUpdate
type Own = experimental.IdentityCertificateUpdate

export interface Identity {
  /** Takes the authorities to believe. PEM, one after the other. */
  setTrust(bundle: string): void
  /** Takes the certificate to show, with its chain, and its key. PEM. */
  setCertificate(own: { chain: string; privateKey: string }): void
  hasCertificate(): boolean
  /** For a server that takes connections once it has a certificate, from those with a certificate of the mesh. */
  server(): ServerCredentials
  /** For a server that takes connections from those without a certificate, too. What they may do is up to it. */
  openServer(): ServerCredentials
  /** For channels to a service. They connect once there is a certificate to show. */
  channelTo(service: string): ChannelCredentials
  /** For a channel to one instance, which nobody else can pose as. */
  channelToInstance(service: string, instance: string): ChannelCredentials
  /** For the first word with the Console, which has to show who it is. Shows no certificate. */
  joining(): ChannelCredentials
}

/** Gives each listener what is there, and then each change. */
function source<T>() {
  const listeners = new Set<(update: T | null) => void>()
  let latest: T | undefined
  return {
    latest: () => latest,
    set(next: T) {
      latest = next
      for (const listener of listeners) listener(next)
    },
    add(listener: (update: T | null) => void) {
      listeners.add(listener)
      // Not in the caller's stack: grpc-js is not ready for an answer while it asks.
      if (latest !== undefined) process.nextTick(() => listeners.has(listener) && latest && listener(latest))
    },
    remove: (listener: (update: T | null) => void) => void listeners.delete(listener),
  }
}

export function createIdentity(): Identity {
  const authorities = source<Authorities>()
  const own = source<Own>()
  const provider: experimental.CertificateProvider = {
    addCaCertificateListener: authorities.add,
    removeCaCertificateListener: authorities.remove,
    addIdentityCertificateListener: own.add,
    removeIdentityCertificateListener: own.remove,
  }
  // The same credentials for the same service: grpc-js shares connections by them.
  const channels = new Map<string, ChannelCredentials>()
  const channel = (service: string) => {
    const known = channels.get(service)
    if (known) return known
    const checkServerIdentity = expecting(peer => 'service' in peer && peer.service === service, prefixOf(service))
    const made = experimental.createCertificateProviderChannelCredentials(provider, provider, { checkServerIdentity })
    channels.set(service, made)
    return made
  }
  const server = (mustShow: boolean) =>
    experimental.createCertificateProviderServerCredentials(provider, provider, mustShow)
  return {
    setTrust(bundle) {
      const caCertificate = Buffer.from(bundle)
      if (!authorities.latest()?.caCertificate.equals(caCertificate)) authorities.set({ caCertificate })
    },
    setCertificate({ chain, privateKey }) {
      const certificate = Buffer.from(chain)
      if (!own.latest()?.certificate.equals(certificate)) own.set({ certificate, privateKey: Buffer.from(privateKey) })
    },
    hasCertificate: () => own.latest() !== undefined,
    server: () => server(true),
    openServer: () => server(false),
    channelTo: channel,
    channelToInstance(service, instance) {
      const isIt = (peer: Peer) => 'service' in peer && peer.service === service && peer.instance === instance
      const checkServerIdentity = expecting(isIt, `${prefixOf(service)}${instance}`)
      return experimental.createCertificateProviderChannelCredentials(provider, provider, { checkServerIdentity })
    },
    joining: () =>
      experimental.createCertificateProviderChannelCredentials(provider, null, { checkServerIdentity: isConsole }),
  }
}

function expecting(isIt: (peer: Peer) => boolean, what: string) {
  return (_: string, { subjectaltname }: PeerCertificate): Error | undefined => {
    const peer = peerFrom(subjectaltname)
    if (peer && isIt(peer)) return undefined
    return new Error(`the certificate is that of ${peer ? peerName(peer) : 'somebody else'}, not of ${what}`)
  }
}

/** @returns an error when a certificate is not that of a Console. For node:tls. */
export const isConsole = expecting(peer => 'service' in peer && peer.service === 'console', prefixOf('console'))

const generate = promisify(generateKeyPair)

/** Makes a key that no other process ever sees. @returns the private part as PEM, and the public part (SubjectPublicKeyInfo, DER). */
export async function createKey(): Promise<{ privateKey: string; publicKey: Buffer }> {
  const pair = await generate('ec', { namedCurve: 'P-256' })
  return { privateKey: pemOf(pair.privateKey), publicKey: pair.publicKey.export({ type: 'spki', format: 'der' }) }
}

const pemOf = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }).toString()

/** @returns the authorities in a file. @throws Error saying that the Console writes it when it starts. */
export async function readTrust(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new Error(`${file}, which the Console writes at its start, cannot be read: ${(error as Error).message}`)
  }
}
