/**
 * The tie of an instance to the Console: one stream that is lease, heartbeat and push channel. It is opened again whenever it
 * breaks; what was received stays in force meanwhile, so that a Console that is down stops nobody.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { credentials, Metadata } from '@grpc/grpc-js'
import {
  type AttachRequest,
  type AttachResponse,
  type Dependency,
  type Hello,
  RegistryServiceClient,
} from '@site11/proto/grpc/site11/console/v1/registry_service.ts'
import type { Keys } from './caller.ts'
import type { Log } from './log.ts'
import type { Peer } from './peers.ts'

export interface AttachOptions {
  /** `host:port` of the Console. */
  console: string
  joinToken: string
  hello: Hello
  log: Log
  /** What the instance stands on, asked for with each heartbeat. */
  dependencies(): Dependency[]
  onKeys(keys: Keys): void
  onPeers(peers: Peer[]): void
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

/** Attaches, and stays attached until closed. */
export function attach(options: AttachOptions): Attachment {
  const { log } = options
  const client = new RegistryServiceClient(options.console, credentials.createInsecure(), {
    'grpc.enable_channelz': 0,
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
      case 'keys':
        options.onKeys({ issuer, jwks: JSON.parse(message.value.jwks) })
        break
      case 'internalToken':
        internalToken = message.value.token
        break
      case 'peers':
        options.onPeers(message.value.peers)
        break
      case 'drained':
        drained?.()
    }
  }

  /** One life of the stream. @returns why it ended. */
  function live(): Promise<string> {
    return new Promise(resolve => {
      const metadata = new Metadata()
      metadata.set(joinTokenHeader, options.joinToken)
      const opened = client.attach(metadata)
      stream = opened
      let timer: NodeJS.Timeout | undefined
      const send = (message: AttachRequest['message']) => opened.write({ message })
      const beat = (intervalMs: number) => {
        const heartbeat = () =>
          send({ $case: 'heartbeat', value: { sendTime: new Date(), dependencies: options.dependencies() } })
        heartbeat()
        timer = setInterval(heartbeat, intervalMs)
      }
      const end = (reason: string) => {
        clearInterval(timer)
        if (stream === opened) stream = undefined
        resolve(reason)
      }
      opened.on('data', (response: AttachResponse) => receive(response, beat))
      opened.on('error', error => end(error.message))
      opened.on('end', () => end('the Console ended the stream'))
      send({ $case: 'hello', value: options.hello })
    })
  }

  async function stayAttached() {
    for (let failures = 0; !closed; failures++) {
      const reason = await live()
      if (closed) return
      if (attached) failures = 0
      if (attached || failures === 10)
        log.warn({ console: options.console, reason }, 'not attached to the Console; trying again')
      attached = false
      await wait(Math.min(2000, 100 * 2 ** Math.min(failures, 5)) * (0.5 + Math.random()))
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
      stream?.end()
      client.close()
    },
  }
}
