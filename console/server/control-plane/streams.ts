/** The streams of proxies: who may open one, who they are, and what goes wrong with one. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { type handleBidiStreamingCall, type Server, type ServerDuplexStream, status } from '@grpc/grpc-js'
import { type AdsResponse, newStream, type Stream, type Variant } from './ads.ts'
import { joinTokenKey, type Node } from './node.ts'
import { discoveryService, type WireRequest } from './wire.ts'

export type Log = {
  info: (fields: Record<string, unknown>, message: string) => void
  warn: (fields: Record<string, unknown>, message: string) => void
}

/** The open stream of a proxy that has said who it is. */
export type OpenStream = {
  node: Node
  stream: Stream
  peer: string
  write: (response: AdsResponse) => void
  end: () => void
}

/** What to do with a stream. An Error that `open` throws refuses the proxy, and is told to it. */
export type StreamHandler = {
  open: (stream: OpenStream) => {
    request: (input: WireRequest['input']) => void
    /** `said`: the proxy ended the stream; else it broke. */
    gone: (said: boolean) => void
  }
}

type Call = ServerDuplexStream<WireRequest, AdsResponse>

/** From the opening of a stream to its first request. ms. */
const introductionMs = 10_000
/** One that breaks ends first, and is cancelled within this time. ms. */
const endMs = 20

export function addDiscovery(server: Server, joinToken: string, handler: StreamHandler, log: Log): void {
  const handle =
    (variant: Variant): handleBidiStreamingCall<WireRequest, AdsResponse> =>
    call =>
      serve(call, variant, joinToken, handler, log)
  server.addService(discoveryService, {
    streamAggregatedResources: handle('sotw'),
    deltaAggregatedResources: handle('delta'),
  })
}

function serve(call: Call, variant: Variant, joinToken: string, { open }: StreamHandler, log: Log): void {
  const peer = call.getPeer()
  const shown = call.metadata.get('x-site11-join-token')[0]?.toString()
  let opened: ReturnType<StreamHandler['open']> | undefined
  let over = false

  const gone = (said: boolean) => {
    clearTimeout(silence)
    over = true
    opened?.gone(said)
    opened = undefined
  }
  const refuse = (code: status, details: string) => {
    log.warn({ peer, reason: details }, 'a stream of a proxy was refused')
    gone(false)
    call.emit('error', { code, details })
  }
  const isProxy = (token: unknown) => typeof token === 'string' && sameSecret(token, joinToken)
  const introduce = ({ node, input }: WireRequest) => {
    clearTimeout(silence)
    if (!isProxy(shown ?? node?.metadata[joinTokenKey])) refuse(status.UNAUTHENTICATED, noToken)
    else if (!node?.id) refuse(status.INVALID_ARGUMENT, 'the first request of a stream must have a node with an id')
    else {
      const write = (response: AdsResponse) => void call.write(response)
      try {
        opened = open({ node, stream: newStream(variant), peer, write, end: () => call.end() })
      } catch (cause) {
        refuse(status.INVALID_ARGUMENT, cause instanceof Error ? cause.message : String(cause))
      }
      opened?.request(input)
    }
  }

  const silence = setTimeout(() => refuse(status.DEADLINE_EXCEEDED, 'no request came'), introductionMs)
  if (shown !== undefined && !isProxy(shown)) {
    refuse(status.UNAUTHENTICATED, noToken)
    return
  }
  call.on('data', (request: WireRequest) => {
    if (over) return
    try {
      if (opened) opened.request(request.input)
      else introduce(request)
    } catch (cause) {
      // A fault of ours with one proxy is not to end those of all others. This one comes back, and begins anew.
      refuse(status.INTERNAL, cause instanceof Error ? (cause.stack ?? cause.message) : String(cause))
    }
  })
  call.on('cancelled', () => gone(false))
  call.on('error', () => gone(false))
  call.on('end', () => {
    setTimeout(() => {
      gone(true)
      call.end()
    }, endMs)
  })
}

const noToken = `neither the metadata x-site11-join-token nor the node metadata ${joinTokenKey} holds the join token`

function sameSecret(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(expected))
}
