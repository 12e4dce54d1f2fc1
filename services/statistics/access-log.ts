/** Takes the streams of records that proxies send (ALS). Who shows no proxy's certificate is refused. */
import { type ServerReadableStream, type sendUnaryData, status } from '@grpc/grpc-js'
import type { Log } from '@site11/runtime/log.ts'
import type { ForeignService } from '@site11/runtime/serve.ts'
import { peerOf } from '@site11/runtime/server.ts'
import { type Entry, entriesIn } from './entry.ts'

/**
 * Streams end after a while, so that none outlives its certificates by much, and proxies spread over the instances again. They go on
 * with a new one. ms.
 */
const streamMs = 15 * 60_000

/** The entries of a message, or what is wrong with it: a decoder that throws ends a call without saying why. */
type Received = Entry[] | Error

/** @param take is called with the entries of each message. */
export function accessLogService(take: (entries: Entry[]) => void, log: Log): ForeignService {
  const streams = new Set<() => void>()

  function receive(stream: ServerReadableStream<Received, object>, answer: sendUnaryData<object>) {
    const peer = peerOf(stream.getAuthContext())
    if (!peer || !('proxy' in peer)) {
      answer({ code: status.PERMISSION_DENIED, details: 'Only proxies of this mesh report requests.' })
      return
    }
    const end = (error: Parameters<typeof answer>[0] = null) => {
      if (!streams.delete(finish)) return
      clearTimeout(timer)
      answer(error, {})
    }
    const finish = () => end()
    const timer = setTimeout(finish, streamMs)
    streams.add(finish)
    log.info({ proxy: peer.proxy }, 'reports its requests')
    stream.on('data', (received: Received) => {
      if (!(received instanceof Error)) return take(received)
      log.warn({ proxy: peer.proxy, reason: received.message }, 'sent a record that cannot be read')
      end({ code: status.INVALID_ARGUMENT, details: received.message })
    })
    stream.on('end', finish)
    stream.on('cancelled', finish)
    stream.on('error', finish)
  }

  return {
    add: server => server.addService({ streamAccessLogs }, { streamAccessLogs: receive }),
    close() {
      for (const finish of streams) finish()
    },
  }
}

const streamAccessLogs = {
  path: '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs',
  requestStream: true,
  responseStream: false,
  requestSerialize: (): Buffer => Buffer.alloc(0),
  requestDeserialize(bytes: Buffer): Received {
    try {
      return entriesIn(bytes)
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error))
    }
  },
  responseSerialize: (): Buffer => Buffer.alloc(0),
  responseDeserialize: (): object => ({}),
} as const
