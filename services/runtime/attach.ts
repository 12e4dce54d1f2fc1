/**
 * The tie of an instance to the Console: one stream that is lease, heartbeat and push channel. It is opened again whenever it
 * breaks; what was received stays in force meanwhile, so that a Console that is down stops nobody.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { gzip } from 'node:zlib'
import { Metadata, type ServiceError } from '@grpc/grpc-js'
import {
  type AttachRequest,
  type AttachResponse,
  type Certificate,
  type Dependency,
  type Hello,
  RegistryServiceClient,
} from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import type { Keys } from './caller.ts'
import { detailsOf } from './errors.ts'
import { createKey, type Identity, readTrust } from './identity.ts'
import type { Log } from './log.ts'
import { onWanted, setPeersOf, wantedServices } from './peers.ts'
import { callHealth } from './target.ts'

export interface AttachOptions {
  /** `host:port` of the Console. */
  console: string
  joinToken: string
  /** Given its certificate, and the authorities to believe, from here. */
  identity: Identity
  /** Where the Console keeps the authorities of the mesh: it has to show a certificate of one of them. */
  trustFile: string
  hello: Omit<Hello, 'sendTime'>
  log: Log
  /** What the instance stands on, asked for with each heartbeat. */
  dependencies(): Dependency[]
  onKeys(keys: Keys): void
  /** What this process has measured of itself, as Prometheus reads it. Without it the Console is not told. */
  metrics?: (() => string) | undefined
}

export interface Attachment {
  /** The token to call other services with. Throws while none was received. */
  token(): string
  /** Asks to be taken out of service. Resolves when no proxy sends requests any more, or after `maxMs`. */
  drain(maxMs: number): Promise<void>
  close(): void
}

/** Metadata key of the shared secret that instances and proxies join with. */
export const joinTokenHeader = 'x-site11-join-token'

type OwnKey = Awaited<ReturnType<typeof createKey>>

/** How a life of the stream ended. */
interface End {
  reason: string
  /** An operator has removed this process from the registry. */
  removed: boolean
}

/** How long a connection may take. ms. */
const connectMs = 2000
/** How soon it is tried again, at most, and after an operator has said no. ms. */
const retryMs = 2000
const removedRetryMs = 30_000

/** A certificate is replaced after this part of its life: the rest is how long the Console may be away. */
const renewAfter = 1 / 4

/** @returns how long to wait before the next attempt, after so many that failed one after the other. ms. */
export function retryAfterMs(failures: number, removed: boolean, random: number): number {
  const longest = removed ? removedRetryMs : Math.min(retryMs, 100 * 2 ** Math.min(failures, 5))
  return longest * (0.5 + random)
}

/**
 * Attaches, and stays attached until closed. Keeps the table of peers (peers.ts) at what the Console says of the services that this
 * process has channels to.
 */
export function attach(options: AttachOptions): Attachment {
  const { log, identity } = options
  const client = new RegistryServiceClient(options.console, identity.joining(), {
    'grpc.enable_channelz': 0,
    // An address is no name that a certificate is for.
    'grpc.ssl_target_name_override': 'console',
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 1000,
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 5_000,
  })
  let closed = false
  let internalToken: string | undefined
  let stream: ReturnType<typeof client.attach> | undefined
  let issuer = ''
  let drained: (() => void) | undefined
  let attached = false
  /** The key that a certificate was asked for last, and that of the one in force. */
  let asked: OwnKey | undefined
  let shown: OwnKey | undefined
  let renewMs = 0
  let renewing: NodeJS.Timeout | undefined
  let pushedTrust = ''

  /** With a new key each time. What is asked for on a stream that breaks is asked for again on the next. */
  async function askForCertificate() {
    clearTimeout(renewing)
    asked = await createKey()
    stream?.write({ message: { $case: 'certificateRequest', value: { publicKey: asked.publicKey } } })
  }

  /** The answer to a request; or a new one for the same key, since the authorities have changed. */
  function takeCertificate({ chain, trustBundle, publicKey, createTime, expireTime }: Certificate) {
    const key = [asked, shown].find(each => each?.publicKey.equals(publicKey))
    if (!key) return
    shown = key
    pushedTrust = trustBundle
    identity.setTrust(trustBundle)
    identity.setCertificate({ chain, privateKey: key.privateKey })
    const from = createTime?.getTime() ?? Date.now()
    const lifeMs = (expireTime?.getTime() ?? from) - from
    // By the own clock, which may be wrong.
    renewMs = Date.now() + lifeMs * renewAfter
    clearTimeout(renewing)
    renewing = setTimeout(askForCertificate, lifeMs * renewAfter)
    renewing.unref()
  }

  function tellMetrics(number: number) {
    const to = stream
    const page = options.metrics?.()
    if (page === undefined) return
    gzip(page, (error, page) => {
      if (!error && to === stream) to?.write({ message: { $case: 'metricsPage', value: { number, page } } })
    })
  }

  /** Besides what was pushed: the authorities may have changed while this process was away from the Console. */
  async function takeTrustFile() {
    const inFile = await readTrust(options.trustFile)
    identity.setTrust(inFile === pushedTrust ? inFile : pushedTrust + inFile)
  }

  function receive({ message }: AttachResponse, beat: (intervalMs: number) => void) {
    switch (message?.$case) {
      case 'welcome': {
        issuer = message.value.issuer
        const { seconds = 5, nanos = 0 } = message.value.heartbeatInterval ?? {}
        beat(seconds * 1000 + nanos / 1e6)
        attached = true
        log.info({ console: options.console }, 'attached to the Console')
        break
      }
      case 'certificate':
        takeCertificate(message.value)
        break
      case 'keys':
        options.onKeys({ issuer, jwks: JSON.parse(message.value.jwks) })
        break
      case 'internalToken':
        internalToken = message.value.token
        break
      case 'peers':
        setPeersOf(message.value.service, message.value.peers)
        break
      case 'metricsRequest':
        tellMetrics(message.value.number)
        break
      case 'drained':
        drained?.()
    }
  }

  /** Hello says what time it is: it must not wait for a connection. */
  const connected = () =>
    new Promise<boolean>(resolve => client.waitForReady(Date.now() + connectMs, error => resolve(!error)))

  /** One life of the stream. */
  async function live(): Promise<End> {
    try {
      await takeTrustFile()
    } catch (error) {
      if (!shown) return { reason: (error as Error).message, removed: false }
    }
    if (!(await connected())) return { reason: 'it does not answer', removed: false }
    if (closed) return { reason: '', removed: false }
    return await new Promise(resolve => {
      const metadata = new Metadata()
      metadata.set(joinTokenHeader, options.joinToken)
      const opened = client.attach(metadata)
      stream = opened
      let timer: NodeJS.Timeout | undefined
      const send = (message: AttachRequest['message']) => opened.write({ message })
      const beat = (intervalMs: number) => {
        const heartbeat = () =>
          send({
            $case: 'heartbeat',
            value: { sendTime: new Date(), dependencies: options.dependencies(), calls: callHealth() },
          })
        heartbeat()
        timer = setInterval(heartbeat, intervalMs)
      }
      const end = (reason: string, removed = false) => {
        clearInterval(timer)
        if (stream === opened) stream = undefined
        resolve({ reason, removed })
      }
      opened.on('data', (response: AttachResponse) => receive(response, beat))
      opened.on('error', (error: ServiceError) =>
        end(error.details || error.message, detailsOf(error)?.info?.reason === 'WRONG_STATE'),
      )
      opened.on('end', () => end('the Console ended the stream'))
      send({ $case: 'hello', value: { ...options.hello, sendTime: new Date() } })
      // Not only when it is welcome: until it has one, nobody can call it.
      if (!shown || renewMs <= Date.now()) void askForCertificate()
      if (wantedServices().length > 0) askForPeers()
    })
  }

  function askForPeers() {
    stream?.write({ message: { $case: 'watchPeers', value: { services: wantedServices() } } })
  }
  const stopAsking = onWanted(askForPeers)

  async function stayAttached() {
    let wasRemoved = false
    for (let failures = 0; !closed; failures++) {
      const { reason, removed } = await live()
      if (closed) return
      if (attached) failures = 0
      if (removed && !wasRemoved) {
        log.error(
          { console: options.console, reason },
          'removed from the mesh by an operator: no proxy sends requests here. Restart this process to bring it back.',
        )
      } else if (!removed && (attached || failures === 5)) {
        log.warn({ console: options.console, reason }, 'not attached to the Console; trying again')
      }
      wasRemoved = removed || (wasRemoved && !attached)
      attached = false
      await wait(retryAfterMs(failures, removed, Math.random()))
    }
  }
  void stayAttached()

  return {
    token() {
      if (internalToken === undefined) throw new Error('No internal token was received yet.')
      return internalToken
    },
    async drain(maxMs) {
      if (!stream) return
      const done = new Promise<void>(resolve => {
        drained = resolve
      })
      stream.write({ message: { $case: 'draining', value: {} } })
      await Promise.race([done, wait(maxMs, undefined, { ref: false })])
    },
    close() {
      closed = true
      clearTimeout(renewing)
      stopAsking()
      stream?.end()
      client.close()
    },
  }
}
