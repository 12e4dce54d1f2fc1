/** Takes the records of requests that proxies send (OTLP logs). Who shows no proxy's certificate is refused. */
import { type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js'
import type { Log } from '@site11/runtime/log.ts'
import type { ForeignService } from '@site11/runtime/serve.ts'
import { peerOf } from '@site11/runtime/server.ts'
import { type Entry, entriesIn } from './entry.ts'

/** The entries of a message, or what is wrong with it: a decoder that throws ends a call without saying why. */
type Received = Entry[] | Error

/** @param take is called with the entries of each message. */
export function accessLogService(take: (entries: Entry[]) => void, log: Log): ForeignService {
  const receive = (call: ServerUnaryCall<Received, object>, answer: sendUnaryData<object>) => {
    const peer = peerOf(call.getAuthContext())
    if (!peer || !('proxy' in peer)) {
      answer({ code: status.PERMISSION_DENIED, details: 'Only proxies of this mesh report requests.' })
      return
    }
    const received = call.request
    if (received instanceof Error) {
      log.warn({ proxy: peer.proxy, reason: received.message }, 'sent a record that cannot be read')
      answer({ code: status.INVALID_ARGUMENT, details: received.message })
      return
    }
    take(received)
    answer(null, {})
  }
  return server => server.addService({ exportLogs }, { exportLogs: receive })
}

const exportLogs = {
  path: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
  requestStream: false,
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
